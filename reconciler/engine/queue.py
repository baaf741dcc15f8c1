"""Keys of work to be done: each at most once, due at a time, and later each time that it fails.

A key carries no facts; whoever takes it finds them himself. A key that is added while it is being worked on is due
again afterwards. Not done here: the work.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from threading import Condition

from reconciler.protocols.clock import Clock

FIRST_SECONDS = 2.0
LONGEST_SECONDS = 300.0


class Kind(Enum):
    """pass: one pass over the host. asked: a pass that a person asked for, named by its ticket. preview: a pull
    request. refresh: look at all open pull requests. report: tell the forge what became of a commit."""

    PASS = "pass"  # noqa: S105 - no password
    ASKED = "asked"
    PREVIEW = "preview"
    REFRESH = "refresh"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Key:
    kind: Kind
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind.value} {self.name}".strip()


@dataclass(frozen=True, slots=True)
class Taken:
    """A key to work on, with all that asked for it since it was last taken."""

    key: Key
    triggers: tuple[str, ...]

    @property
    def trigger(self) -> str:
        return " and ".join(self.triggers)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A key in the queue: due in so many seconds, after so many failures in a row."""

    key: Key
    triggers: tuple[str, ...]
    seconds: float
    failures: int


@dataclass(slots=True)
class _Entry:
    due: float
    triggers: dict[str, None] = field(default_factory=dict)


class WorkQueue:
    """Safe to use from many threads; `take` is for one. `first` and `longest`: seconds of the backoff of a key."""

    def __init__(self, clock: Clock, first: float = FIRST_SECONDS, longest: float = LONGEST_SECONDS) -> None:
        self._clock = clock
        self._first = first
        self._longest = longest
        self._entries: dict[Key, _Entry] = {}
        self._failures: dict[Key, int] = {}
        self._working: Key | None = None
        self._closed = False
        self._changed = Condition()
        self.added = 0
        """How many times a key was asked for, for the metrics."""

    def add(self, key: Key, trigger: str, seconds: float = 0.0) -> None:
        """Due in `seconds`; sooner when it is in the queue with an earlier time."""
        with self._changed:
            due = self._clock.monotonic() + seconds
            entry = self._entries.setdefault(key, _Entry(due))
            entry.due = min(entry.due, due)
            entry.triggers[trigger] = None
            self.added += 1
            self._changed.notify_all()

    def take(self, seconds: float) -> Taken | None:
        """The key that is due longest, waiting at most `seconds` for one; None when there is none, or at the end."""
        deadline = self._clock.monotonic() + seconds
        with self._changed:
            while True:
                now = self._clock.monotonic()
                found = min(self._entries.items(), key=lambda item: item[1].due, default=None)
                if self._closed or (now >= deadline and (found is None or found[1].due > now)):
                    return None
                if found and found[1].due <= now:
                    key, entry = found
                    del self._entries[key]
                    self._working = key
                    return Taken(key, tuple(entry.triggers))
                until = min(deadline, found[1].due) if found else deadline
                self._changed.wait(max(0.0, until - now))

    def done(self, key: Key) -> None:
        """It went well: its failures are forgotten."""
        with self._changed:
            self._failures.pop(key, None)
            self._working = None

    def failed(self, key: Key, trigger: str) -> float:
        """It comes again after its backoff, which doubles each time; returns the seconds."""
        with self._changed:
            count = self._failures.get(key, 0)
            self._failures[key] = count + 1
            self._working = None
        seconds = backoff(count, self._first, self._longest)
        self.add(key, trigger, seconds)
        return seconds

    def forget(self, key: Key) -> None:
        """Takes a key out: what it stood for is over."""
        with self._changed:
            self._entries.pop(key, None)
            self._failures.pop(key, None)

    def waiting(self) -> tuple[Waiting, ...]:
        """What is in the queue, next first."""
        with self._changed:
            now = self._clock.monotonic()
            found = sorted(self._entries.items(), key=lambda item: item[1].due)
            return tuple(
                Waiting(key, tuple(entry.triggers), max(0.0, entry.due - now), self._failures.get(key, 0))
                for key, entry in found
            )

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """`take` returns None from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def backoff(failures: int, first: float, longest: float) -> float:
    """Seconds to wait after so many failures before this one."""
    return float(min(longest, first * 2 ** min(failures, 30)))
