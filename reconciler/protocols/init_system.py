"""Whoever started the daemon and watches over it: systemd, or nobody."""

from __future__ import annotations

from typing import Protocol


class InitSystem(Protocol):
    @property
    def watchdog_seconds(self) -> float | None:
        """Within how many seconds a sign of life is expected; None when none is."""
        ...

    def tell(self, *lines: str) -> None:
        """Sends lines such as READY=1 or STATUS=text. Never raises."""
        ...
