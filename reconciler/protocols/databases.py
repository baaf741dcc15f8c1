"""SQLite databases of an agent, copied while nobody else needs to stop, and put back while its program is stopped.

`patterns` name them below a home: `state.db`, or `cron/*.db` for whatever databases there are. Names that come back are
paths below the home.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Databases(Protocol):
    """Errors: Retryable for a full disk or a database that stays locked; Terminal for one that is damaged or a link."""

    def rehearse(self, home: str, patterns: Sequence[str], label: str) -> None:
        """Copies as `copy` would and keeps nothing: whether it can be done, asked while the program still runs."""
        ...

    def copy(self, home: str, patterns: Sequence[str], label: str) -> tuple[str, ...]:
        """Copies the databases that are there, through the online backup API, under `label`;
        replaces an older copy of that label only when the new one is whole, and keeps what that one had replaced.
        Returns the names copied."""
        ...

    def inherit(self, old: str, new: str) -> None:
        """Copies under labels of wizard `old` are from now on under those of wizard `new`, in place of what was there;
        idempotent."""
        ...

    def restore(self, home: str, patterns: Sequence[str], label: str) -> tuple[str, ...] | None:
        """Makes the databases what they were when `label` was copied, absent ones absent again, keeping what is
        replaced beside the copies. Returns the names; None when there is no copy, and nothing is touched. Terminal for
        a damaged copy: nothing is put back then. The program must be stopped."""
        ...

    def discard(self, version: str) -> int:
        """Takes away the copies of all wizards whose label ends in `/version`, and keeps what restoring them had
        replaced. Returns how many there were."""
        ...
