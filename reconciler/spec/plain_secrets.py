"""Secrets in the text of a file, wherever in it they stand: values, keys and comments are in Git alike.

A line whose comment says `reconciler: not-a-secret` is left alone; so is the line below, where that comment has a line
of its own or stands beside the | or > of a block. No message repeats what was found. Not done here: what a secret
looks like (shapes.py).
"""

from __future__ import annotations

import re

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


def plain_secrets(file: str, text: str, *, soul: bool = False) -> list[Problem]:
    """Every string in the text that has the form of a secret, as an error where it stands."""
    problems: list[Problem] = []
    found = list(find_shapes(text))
    if not found:
        return problems
    place, lines = placer(file, text), excused(text)
    for index, what in found:
        at = place(index)
        if at.line not in lines:
            problems.append(_problem(at, what, soul))
        if len(problems) == MOST:
            break
    return problems


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
