"""Commit trailers that lift a limit of the policy, `Allow-Delete: allegro, ezra` and `Allow-Restarts: 12`, and lines
that were meant for one and lift nothing.

Names and numbers may stand in backticks, as our own messages put them. Pure. Not done here: for which commits a trailer
counts, and for how long (engine/allow.py); the limits (policy.py).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

DELETION_TRAILER = "Allow-Delete"
RESTART_TRAILER = "Allow-Restarts"
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MEANT = {
    DELETION_TRAILER: re.compile(r"allow[-_ ]?(delet(e|es|ion|ions)|remov(e|es|al|als))", re.IGNORECASE),
    RESTART_TRAILER: re.compile(r"allow[-_ ]?restarts?", re.IGNORECASE),
}
_LINE = re.compile(r"[\s>*`-]*(allow[-_ ]?[a-z]+)[`\s]*:\s*(\S.*?)\s*", re.IGNORECASE)
_SHOWN = 80

Trailer = tuple[str, str]
"""Key and value, as written."""


@dataclass(frozen=True, slots=True)
class Slip:
    """A line of a commit that looks as if it lifted a limit, and does not. `trailer` is the one it was meant for,
    `names` the wizards that it may mean, in lower case; `words` say where it stands and why it does not count."""

    trailer: str
    names: frozenset[str]
    words: str


def deletions_allowed(trailers: Iterable[Trailer]) -> tuple[str, ...]:
    """Wizards whose removal a commit's trailers allow."""
    return tuple(name for value in _values(trailers, DELETION_TRAILER) for name in re.split(r"[,\s`]+", value) if name)


def restarts_allowed(trailers: Iterable[Trailer]) -> int:
    """How many restarts a commit's trailers allow; 0 when they say nothing of it."""
    values = (value.strip(" `") for value in _values(trailers, RESTART_TRAILER))
    return max((int(value) for value in values if re.fullmatch(r"[0-9]{1,9}", value)), default=0)


def _values(trailers: Iterable[Trailer], name: str) -> Iterator[str]:
    return (value for key, value in trailers if key.lower() == name.lower())


def stray_lines(message: str, trailers: Iterable[Trailer]) -> tuple[Trailer, ...]:
    """Lines of a commit's message that look like a trailer of ours, and that Git does not count among its trailers."""
    counted = Counter(key.lower() for key, _ in trailers)
    found = [(match[1], match[2]) for match in map(_LINE.fullmatch, message.splitlines()) if match and _meant(match[1])]
    stray: list[Trailer] = []
    for key, value in reversed(found):  # trailers are the last of them
        if counted[key.lower()]:
            counted[key.lower()] -= 1
        else:
            stray.append((key, value))
    return tuple(reversed(stray))


def slips(commit: str, trailers: Iterable[Trailer], stray: Iterable[Trailer]) -> Iterator[Slip]:
    """What a commit says that looks as if it lifted a limit, and does not; `stray` come from `stray_lines`."""
    for key, value in stray:
        why = "where Git reads none: trailers stand in a paragraph of their own at the end of the message"
        yield _slip(commit, key, value, why)
    for key, value in trailers:
        meant, says = _meant(key), ""
        if not meant:
            continue
        if key.lower() != meant.lower():
            says = f"and the trailer is called `{meant}`"
        elif meant == RESTART_TRAILER and not restarts_allowed([(key, value)]):
            says = "which is no number of restarts"
        elif meant == DELETION_TRAILER and not all(map(_NAME.fullmatch, deletions_allowed([(key, value)]))):
            says = "and names of wizards are lower-case letters, digits and hyphens, with commas or spaces between them"
        if says:
            yield _slip(commit, key, value, says)


def _slip(commit: str, key: str, value: str, why: str) -> Slip:
    line = f"{key}: {value.strip(' `')}"
    shown = line if len(line) <= _SHOWN else f"{line[: _SHOWN - 3]}..."
    words = f"commit {commit[:7]} says `{shown.replace('`', '')}`, {why}"
    return Slip(_meant(key), frozenset(re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", value.lower())), words)


def _meant(key: str) -> str:
    """The trailer of ours that the key is, or was meant for; "" when it is another one."""
    return next((name for name, form in _MEANT.items() if form.fullmatch(key)), "")


def told(mend: str, seen: Iterable[Slip], trailer: str, names: Iterable[str] = ()) -> str:
    """The mend of a refusal with what was seen and does not count: lines for the trailer that name one of `names`."""
    meant = [one for one in seen if one.trailer == trailer and (not names or one.names & frozenset(names))]
    return "; ".join([mend, *dict.fromkeys(one.words for one in meant)])
