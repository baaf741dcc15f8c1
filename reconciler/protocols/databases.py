"""SQLite databases of an agent, copied while nobody else needs to stop, and put back while its program is stopped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Databases(Protocol):
    """Errors: Retryable for a full disk or a database that stays locked; Terminal for one that is damaged."""

    def rehearse(self, home: str, names: Sequence[str], label: str) -> None:
        """Copies as `copy` would and keeps nothing: whether it can be done, asked while the program still runs."""
        ...

    def copy(self, home: str, names: Sequence[str], label: str) -> tuple[str, ...]:
        """Copies the databases `names` (paths below `home`) that exist, through the online backup API, under `label`;
        replaces an older copy of that label only when the new one is whole, and keeps what that one had replaced.
        Returns the names copied."""
        ...

    def inherit(self, old: str, new: str) -> None:
        """Copies under labels of wizard `old` are from now on under those of wizard `new`, in place of what was there;
        idempotent."""
        ...

    def restore(self, home: str, names: Sequence[str], label: str) -> tuple[str, ...]:
        """Makes the databases `names` what they were when `label` was copied, absent ones absent again, keeping what is
        replaced beside the copies. Returns the names; empty when there is no copy. The program must be stopped."""
        ...

    def discard(self, version: str) -> int:
        """Takes away the copies of all wizards whose label ends in `/version`, and keeps what restoring them had
        replaced. Returns how many there were."""
        ...
