"""Secrets in the text of a file, wherever in it they stand: values, keys and comments are in Git alike, and so is what
YAML makes of escapes and folded lines.

A line whose comment says `reconciler: not-a-secret` is left alone; so is the line below, where that comment has a line
of its own or stands beside the | or > of a block. No message repeats what was found. Not done here: what a secret
looks like (shapes.py).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, groupby, islice

from reconciler.spec.document import Rewritten
from reconciler.spec.position import Position, Problem
from reconciler.spec.shapes import find_shapes
from reconciler.spec.text import placer

RULE = "secret/in-git"
INSTEAD = "put {age: ...} there, which `reconciler secret encrypt` prints, or {env: NAME} or {file: /path}"
EXCUSE = "write # reconciler: not-a-secret at the end of the line if it is none"
MOST = 100
"""Problems told of one file."""
_SOUL = "take it out: whoever reads the repository or asks the wizard has it"
_SOUL_EXCUSE = "write <!-- reconciler: not-a-secret --> at the end of the line if it is none"
_MARK = re.compile(r"(?:#|<!--)\s*reconciler: not-a-secret\b.*$")
_OPENS = re.compile(r"(?:^|\s)[|>][0-9+-]*\s*$")


def plain_secrets(file: str, text: str, rewritten: Sequence[Rewritten] = (), *, soul: bool = False) -> list[Problem]:
    """Every string in the text that has the form of a secret, as an error where it stands; and those that have it only
    once the text is read, in the keys and values that are `rewritten`."""
    found = list(find_shapes(text))
    hidden = list(_hidden(found, rewritten))
    if not found and not hidden:
        return []
    place, lines = placer(file, text), excused(text)
    written = (_problem(at, what, soul) for at, what in ((place(i), what) for i, what in found) if at.line not in lines)
    read = (
        _problem(place(scalar.start), f"{what}, behind escapes or folded lines,", soul)
        for scalar, what in hidden
        # Beside text in quotes, a comment can only stand behind its end.
        if lines.isdisjoint((place(scalar.start).line, place(scalar.end - 1).line))
    )
    return list(islice(chain(written, read), MOST))


def _hidden(told: Sequence[tuple[int, str]], rewritten: Sequence[Rewritten]) -> Iterator[tuple[Rewritten, str]]:
    """What has a form as it is read and is not among what was `told` of the same place as it is written. All values are
    searched at once, with an empty line between them, which no form goes across."""
    starts = list(accumulate((len(scalar.value) + 2 for scalar in rewritten), initial=0))
    read = find_shapes("\n\n".join(scalar.value for scalar in rewritten))
    for number, found in groupby(read, lambda form: bisect_right(starts, form[0]) - 1):
        scalar = rewritten[number]
        first, behind = (bisect_left(told, index, key=lambda form: form[0]) for index in (scalar.start, scalar.end))
        untold = Counter(what for _, what in found) - Counter(what for _, what in told[first:behind])
        yield from ((scalar, what) for what in untold)


def excused(text: str) -> frozenset[int]:
    """Numbers of the lines, from 1, that the author says hold no secret."""
    if "not-a-secret" not in text:
        return frozenset()
    found: set[int] = set()
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        mark = _MARK.search(line)
        if mark is None:
            continue
        found.add(number)
        rest = line[: mark.start()]
        if not rest.strip() or _OPENS.search(rest):
            found.add(number + 1)
    return frozenset(found)


def _problem(at: Position, what: str, soul: bool) -> Problem:
    mend = f"{_SOUL}; {_SOUL_EXCUSE}" if soul else f"{INSTEAD}; {EXCUSE}"
    return Problem(at, f"{what} stands here in plain text; once it was pushed, revoke it", mend, rule=RULE)
