"""Looks whether the branch has moved on: then a pass that works is not worth finishing, and the next one is due.

Not done here: deciding when to look.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

from reconciler.protocols.source import Source

IDLE_SECONDS = 60.0


class Lookout:
    """`run` in a thread of its own, because the remote may be slow. `found` is called there when the branch has moved
    on."""

    def __init__(self, source: Source, found: Callable[[], None]) -> None:
        self._source = source
        self._found = found
        self._asked = Event()
        self._moved = Event()
        self._closed = Event()

    @property
    def superseded(self) -> bool:
        """Whether the remote has another tip than the one that the pass began with."""
        return self._moved.is_set()

    def begin(self) -> None:
        """A pass begins."""
        self._moved.clear()

    def fetched(self) -> None:
        """The pass has fetched. What was found before may be what it has just brought: it is looked again."""
        if self._moved.is_set():
            self._moved.clear()
            self._asked.set()

    def look(self) -> None:
        """Looks once, soon."""
        self._asked.set()

    def run(self) -> None:
        while not self._closed.is_set():
            if not self._asked.wait(IDLE_SECONDS):
                continue
            self._asked.clear()
            if not self._closed.is_set() and self._source.moved():
                self._moved.set()
                self._found()

    def close(self) -> None:
        self._closed.set()
        self._asked.set()
