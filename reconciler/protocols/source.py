"""Where the desired fleet comes from: a Git repository read at one commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from reconciler.errors import Terminal


class Untrusted(Terminal):
    """The branch's tip, `commit`, is not signed as the settings ask, and no earlier commit may be used in its place."""

    def __init__(self, what: str, commit: str, *, where: str = "", mend: str = "") -> None:
        super().__init__(what, where=where, mend=mend)
        self.commit = commit


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit. `when` is ISO 8601 in UTC; trailers are (key, value) in order, keys as written;
    parents are commits. `stray` are lines of its message that look like trailers of ours and are none."""

    commit: str
    subject: str
    author: str
    when: str
    trailers: tuple[tuple[str, str], ...]
    parents: tuple[str, ...] = ()
    stray: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Fetched:
    """The commit to work from. `notice` is not empty when it is not simply the branch's tip: the remote is away and the
    last known one is used, or the tip (`unsigned`) is not signed as the settings ask (`fault`) and the last signed one
    is."""

    commit: str
    notice: str = ""
    unsigned: str = ""
    fault: str = ""


class Source(Protocol):
    """Errors: Retryable when the remote is away and nothing is cached; Terminal for a missing branch or folder;
    Refused for a force-push that the settings do not allow."""

    def fetch(self) -> Fetched:
        """Brings the branch's tip here and names it; with the remote away, the last known tip. Where
        signatures are asked for, the last tip that was signed; Untrusted when there is none."""
        ...

    def moved(self) -> str | None:
        """The branch's tip, when the remote has another one than the last fetch found; None too when it is away.
        Never raises, and may be asked from another thread while a pass works."""
        ...

    def tip(self) -> str | None:
        """The branch's tip that was accepted last, without asking the remote; None before the first."""
        ...

    def read(self, commit: str) -> Mapping[str, bytes]:
        """Every file under the folder at the commit: path inside the repository -> bytes. No checkout."""
        ...

    def revision(self, commit: str) -> Revision: ...

    def since(self, old: str, new: str) -> tuple[Revision, ...]:
        """Commits reachable from `new` and not from `old`, newest first; only `new` when `old` is unknown."""
        ...

    def history(self, commit: str, limit: int) -> tuple[str, ...]:
        """Commits that changed the folder, newest first, from `commit` back along first parents; at most `limit`."""
        ...

    def accept(self, commit: str) -> None:
        """Remembers the commit as the last good one."""
        ...

    def last_good(self) -> str | None: ...

    def usable(self, commit: str) -> bool:
        """Whether a commit that was worked from before may still be: it is here, and where signatures are asked for, an
        allowed key has signed it."""
        ...

    def last_change(self, commit: str, path: str) -> Revision:
        """The newest commit up to `commit` that touched the path (inside the repository)."""
        ...
