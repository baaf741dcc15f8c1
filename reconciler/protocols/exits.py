"""Tells when processes end, at once, without asking again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol


class Exits(Protocol):
    def watch(self, pids: Iterable[int], ended: Callable[[int], None]) -> None:
        """Watches these processes and no others any more; `ended` is called once for each that ends, from a thread of
        its own. One that has ended already is told as well."""
        ...

    def close(self) -> None: ...
