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
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, chain, groupby, islice

from reconciler.spec.document import Rewritten
from reconciler.spec.pairs import PAIR
from reconciler.spec.position import Position, Problem
from reconciler.spec.secret_places import Places
from reconciler.spec.shapes import find_shapes
from reconciler.spec.text import lines_of, placer

RULE = "secret/in-git"
EXCUSE = "write # reconciler: not-a-secret at the end of the line if it is none"
MOST = 100
"""Problems told of one file."""
_OTHER = "take it out: whoever reads the repository, or asks a wizard whose soul this is, has it"
_MARKDOWN_EXCUSE = "write <!-- reconciler: not-a-secret --> at the end of the line if it is none"
_MARK = re.compile(r"(?:#|<!--)\s*reconciler: not-a-secret\b.*$")
_OPENS = re.compile(r"(?:^|\s)[|>][0-9+-]*\s*$")


def plain_secrets(
    file: str, text: str, rewritten: Sequence[Rewritten] = (), places: Places | None = None
) -> list[Problem]:
    """Every string in the text that has the form of a secret, as an error where it stands; and those that have it only
    once the text is read, in the keys and values that are `rewritten`. `places` are those of a fleet file; other files
    have none."""
    found = list(find_shapes(text))
    hidden = list(_hidden(found, rewritten))
    if not found and not hidden:
        return []
    place, lines, tell = placer(file, text), excused(text), _teller(text, places)
    positions = ((place(index), what) for index, what in found)
    written = (
        tell(at, what)
        for at, what in positions
        if at.line not in lines and not (what == PAIR and places and places.is_judged(at))
    )
    read = (
        tell(place(scalar.start), f"{what}, behind escapes or folded lines,")
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
    for number, line in enumerate(lines_of(text), 1):
        mark = _MARK.search(line)
        if mark is None:
            continue
        found.add(number)
        rest = line[: mark.start()]
        if not rest.strip() or _OPENS.search(rest):
            found.add(number + 1)
    return frozenset(found)


def _teller(text: str, places: Places | None) -> Callable[[Position, str], Problem]:
    lines = lines_of(text)

    def tell(at: Position, what: str) -> Problem:
        if places:
            mend = f"{places.mend(at, lines[at.line - 1])}; {EXCUSE}"
        else:
            mend = f"{_OTHER}; {_MARKDOWN_EXCUSE if at.file.lower().endswith('.md') else EXCUSE}"
        return Problem(at, f"{what} stands here in plain text; once it was pushed, revoke it", mend, rule=RULE)

    return tell
