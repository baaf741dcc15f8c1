"""How soon a delivery of the forge is worth a pass: at once, unless the last one was for nothing.

A burst of deliveries is told from pushes by what it leads to: passes that find no new commit. Each of them doubles the
time that later deliveries wait; a new commit ends that. Not done here: looking for a new commit meanwhile (lookout.py).
"""

from __future__ import annotations

from threading import Lock

from reconciler.protocols.clock import Clock

FIRST_SECONDS = 5.0
LONGEST_SECONDS = 60.0


class Calm:
    """Safe to use from many threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._wait = 0.0
        self._until = 0.0

    def seconds(self, *, busy: bool) -> float:
        """To wait before a pass that a delivery asks for now; `busy` while a pass runs."""
        with self._lock:
            left = self._until - self._clock.monotonic()
        return max(left, FIRST_SECONDS if busy else 0.0)

    def ended(self, *, found: bool) -> None:
        """A pass that a delivery asked for has ended, and has found a new commit or nothing new."""
        with self._lock:
            now = self._clock.monotonic()
            again = self._wait and now - self._until < FIRST_SECONDS
            self._wait = 0.0 if found else min(LONGEST_SECONDS, 2 * self._wait) if again else FIRST_SECONDS
            self._until = now + self._wait
