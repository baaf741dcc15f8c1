"""Whoever carries announcements to people. Their addresses are secrets: they are shown nowhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from reconciler.plan.announcement import Announcement


@dataclass(frozen=True, slots=True)
class Undelivered:
    """An address that did not get the announcement. `name` says which one without telling it; `again`: trying again may
    help."""

    address: int
    name: str
    why: str
    again: bool = True


class Notifier(Protocol):
    """Raises nothing that a caller could mend: what goes wrong with an address is what the calls return."""

    @property
    def addresses(self) -> int:
        """How many there are; they are known by their number from 0."""
        ...

    def check(self) -> tuple[Undelivered, ...]:
        """The addresses that can't be used. Nothing is sent."""
        ...

    def send(self, announcement: Announcement, addresses: Iterable[int]) -> tuple[Undelivered, ...]:
        """Sends to these addresses at the same time, within a limited time; returns those that did not get it."""
        ...

    def close(self) -> None:
        """Cuts short what is being sent, from any thread; nothing can be sent any more. Idempotent."""
        ...
