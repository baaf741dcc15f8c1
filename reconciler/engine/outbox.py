"""What is still to be sent, for each address by itself: bounded, newest on a topic only, with a backoff.

Not safe for threads by itself; not done here: sending (herald.py).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from reconciler.engine.queue import backoff
from reconciler.plan.announcement import Announcement

FULL = 50
"""Letters that wait for one address; of more, the oldest goes."""
FIRST, LONGEST = 5.0, 300.0
"""Seconds of an address's backoff."""
OLDEST = 86_400.0
"""Seconds after which a letter is not worth sending."""
SILENCE = 3600.0
"""Seconds between two complaints about one address."""


@dataclass(frozen=True, slots=True)
class Letter:
    """`at` is when what it tells was seen, in seconds since the epoch."""

    number: int
    at: float
    announcement: Announcement


@dataclass
class _Box:
    """One address: its letters by topic, oldest first. Times are monotonic."""

    letters: OrderedDict[str, Letter] = field(default_factory=OrderedDict)
    failures: int = 0
    rests_until: float = 0.0
    complained: float | None = None


class Outbox:
    def __init__(self, addresses: int) -> None:
        self._boxes = [_Box() for _ in range(addresses)]
        self._numbers = 0
        self.dropped = 0

    @property
    def waiting(self) -> int:
        """Letters, counted once an address."""
        return sum(len(box.letters) for box in self._boxes)

    def add(self, announcement: Announcement, at: float) -> None:
        """In place of what waits on the same topic."""
        self._numbers += 1
        letter = Letter(self._numbers, at, announcement)
        topic = announcement.topic or f"letter {letter.number}"
        for box in self._boxes:
            box.letters.pop(topic, None)
            box.letters[topic] = letter
            if len(box.letters) > FULL:
                box.letters.popitem(last=False)
                self.dropped += 1

    def next(self, now: float, time: float, *, last: bool) -> tuple[Letter | None, tuple[int, ...]]:
        """The oldest letter for any address that does not rest, and all such addresses that are to get it. At the
        `last`, only addresses that answer get anything."""
        self._forget(time)
        ready = [n for n, box in enumerate(self._boxes) if box.letters and self._ready(box, now, last)]
        first = min((next(iter(self._boxes[n].letters.values())) for n in ready), key=_number, default=None)
        if first is None:
            return None, ()
        return first, tuple(n for n in ready if first in self._boxes[n].letters.values())

    def seconds(self, now: float) -> float | None:
        """Until some address has rested; None when nothing waits."""
        due = [box.rests_until - now for box in self._boxes if box.letters]
        return max(0.0, min(due)) if due else None

    def sent(self, letter: Letter, address: int) -> None:
        box = self._boxes[address]
        box.failures, box.rests_until, box.complained = 0, 0.0, None
        self._take(box, letter)

    def failed(self, letter: Letter, address: int, now: float, *, again: bool) -> None:
        """Without `again`, nothing more is tried with this letter."""
        box = self._boxes[address]
        if not again:
            self.dropped += self._take(box, letter)
            return
        box.rests_until = now + backoff(box.failures, FIRST, LONGEST)
        box.failures += 1

    def complain(self, address: int, now: float) -> bool:
        """Whether it is time to say that something is wrong with the address; remembers that it was."""
        box = self._boxes[address]
        if box.complained is not None and now - box.complained < SILENCE:
            return False
        box.complained = now
        return True

    def _ready(self, box: _Box, now: float, last: bool) -> bool:
        return not box.failures if last else box.rests_until <= now

    def _take(self, box: _Box, letter: Letter) -> int:
        """Takes out the letter, unless a newer one has its place."""
        found = [topic for topic, one in box.letters.items() if one.number == letter.number]
        for topic in found:
            del box.letters[topic]
        return len(found)

    def _forget(self, time: float) -> None:
        for box in self._boxes:
            for letter in [one for one in box.letters.values() if time - one.at > OLDEST]:
                self.dropped += self._take(box, letter)


def _number(letter: Letter) -> int:
    return letter.number
