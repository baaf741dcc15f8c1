"""Looks, while a pass works, whether the branch has moved on: then that pass is not worth finishing.

Not done here: deciding when to look.
"""

from __future__ import annotations

from threading import Event

from reconciler.protocols.source import Source

IDLE_SECONDS = 60.0


class Lookout:
    """`run` in a thread of its own, because the remote may be slow."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._asked = Event()
        self._moved = Event()
        self._closed = Event()

    @property
    def superseded(self) -> bool:
        """Whether the remote has another tip than the one that the pass began with."""
        return self._moved.is_set()

    def begin(self) -> None:
        """A pass begins."""
        self._asked.clear()
        self._moved.clear()

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

    def close(self) -> None:
        self._closed.set()
        self._asked.set()
