"""One trouble of one wizard from its beginning to its end, and when people are to hear of it. Pure.

The first look that sees it is told at once (some troubles only after a grace), repeats come at most every `repeat`
seconds, and its end is told once. What comes back within `repeat` of its end is told at once too, but its next end has
to hold first: 5 minutes, then 10, 20 and so on. So beginnings and ends alternate, what was told last is true of what
is, and a flapping wizard is told about ten times an hour at most. Not done here: words (announce.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

HOLD = 300.0
"""Seconds that the end of a trouble that came back has to hold before it is told."""
NEWS = 300.0
"""Seconds between two messages at least, when what is wrong changes."""


class Facet(Enum):
    """What can be wrong with a wizard, or with its host."""

    FAILED = "failed"
    UNSEEN = "unseen"
    """It can't be observed."""
    QUARANTINED = "quarantined"
    LOOPING = "looping"
    """The same change came back pass after pass, and is not made any more."""
    TROUBLE = "trouble"
    """No pass does what Git wants."""

    @property
    def news(self) -> bool:
        """Whether another text is news. How a failing wizard fails changes from look to look, and is none."""
        return self not in (Facet.FAILED, Facet.UNSEEN)


class Word(Enum):
    """What there is to tell about an episode."""

    BEGAN = "began"
    CHANGED = "changed"
    AGAIN = "again"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. `grace`: how long it has to last before it is told at all."""

    repeat: float
    grace: float = 0.0


@dataclass(frozen=True, slots=True)
class Episode:
    """`subject` is a wizard, or "" for the host. Times are seconds since the epoch. `told`: when it was last told, None
    while it is in its grace. `well`: since when it seems to be over. `ended`: when its end was told; it is remembered
    for a while then. `relapses`: how often it came back soon after an end."""

    subject: str
    facet: Facet
    since: float
    text: str
    told: float | None = None
    well: float | None = None
    ended: float | None = None
    relapses: int = 0

    @property
    def open(self) -> bool:
        """Whether people were told that it began, and not yet that it ended."""
        return self.told is not None and self.ended is None

    def lasted(self, at: float) -> float:
        """Seconds from its beginning to its end, or until now."""
        return max(0.0, (at if self.well is None else self.well) - self.since)

    def by(self, at: float) -> Episode:
        """The same, with no time after `at`: a clock may have been set back."""
        times = {name: min(value, at) for name in _TIMES if (value := getattr(self, name)) is not None}
        return replace(self, **times)


_TIMES = ("since", "told", "well", "ended")


def seen(old: Episode | None, now: Episode, pace: Pace) -> tuple[Episode | None, Word | None]:
    """What a look makes of an episode, and what there is to tell. `now` is as if it began with this look: its text is
    what is wrong, "" when nothing is."""
    at = now.since
    if old is None or old.ended is not None:
        return _begin(old, now, pace) if now.text else (_faded(old, at, pace), None)
    return _sick(replace(old, well=None), now, pace) if now.text else _well(old, at, pace)


def _begin(old: Episode | None, now: Episode, pace: Pace) -> tuple[Episode, Word | None]:
    soon = _faded(old, now.since, pace)
    return _sick(replace(now, relapses=soon.relapses + 1 if soon else 0), now, pace)


def _faded(old: Episode | None, at: float, pace: Pace) -> Episode | None:
    """An episode that ended is forgotten once nothing came back for long enough."""
    return old if old is not None and old.ended is not None and at - old.ended < pace.repeat else None


def _sick(old: Episode, now: Episode, pace: Pace) -> tuple[Episode, Word | None]:
    at = now.since
    word: Word | None = None
    if old.told is None:
        word = Word.BEGAN if at - old.since >= pace.grace else None
    elif at - old.told >= pace.repeat:
        word = Word.AGAIN
    elif now.facet.news and now.text != old.text and at - old.told >= NEWS:
        word = Word.CHANGED
    return (old if word is None else replace(old, told=at, text=now.text)), word


def _well(old: Episode, at: float, pace: Pace) -> tuple[Episode | None, Word | None]:
    if old.told is None:
        return None, None  # nobody knows of it
    over = replace(old, well=at if old.well is None else old.well)
    if at - (over.well or 0.0) < hold(old.relapses, pace.repeat):
        return over, None
    return replace(over, ended=at), Word.ENDED


def hold(relapses: int, repeat: float) -> float:
    """Seconds that the end has to hold before it is told."""
    return min(HOLD * 2 ** min(relapses - 1, 20), repeat) if relapses else 0.0
