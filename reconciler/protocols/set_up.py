"""What setting up the fleet's repository needs of a forge, of Git and of this host.

Not done here: in which order (engine/set_up.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol


class Done(Enum):
    """What became of one thing: found as it should be, changed to be so, or made."""

    FOUND = "found"
    CHANGED = "changed"
    MADE = "made"


@dataclass(frozen=True, slots=True)
class Repository:
    """`made` just now; `empty`: it has no commit."""

    made: bool
    empty: bool


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook of the repository. `fault` says what is not as we need it, "" when all is."""

    number: int
    fault: str


class ForgeSetup(Protocol):
    """One repository at the forge. Errors: Retryable when it is away; Terminal with the mend when it says no."""

    def repository(self, branch: str) -> Repository:
        """Made private and empty, with this default branch, when there is none."""
        ...

    def has_branch(self, branch: str) -> bool: ...

    def webhooks(self, url: str) -> tuple[Webhook, ...]:
        """Those that lead to the address, the newest first."""
        ...

    def add_webhook(self, url: str, secret: str) -> None: ...

    def remove_webhook(self, number: int) -> None:
        """Gone already is as good."""
        ...

    def protect(self, branch: str, context: str) -> Done:
        """Merges into the branch need this commit status. A rule that is there is only ever tightened."""
        ...


class FirstCommit(Protocol):
    def push(self, branch: str, files: Mapping[str, bytes]) -> bool:
        """One commit with these files as the branch of an empty repository; False when somebody was faster."""
        ...

    def clone(self, branch: str, folder: Path) -> bool:
        """A clone with the branch checked out; False when something is in the folder already."""
        ...


class SharedSecret(Protocol):
    """The text that the forge signs with and this host checks. A fresh one counts from `settle` on, so that whatever
    was interrupted in between is done again."""

    def agreed(self) -> str | None:
        """What both have; None when nothing has been agreed on yet."""
        ...

    def fresh(self) -> str:
        """A new one, or the one that an interrupted run has left, safe on disk."""
        ...

    def settle(self) -> None:
        """The forge has the fresh one."""
        ...


class Installed(Enum):
    """What became of a hook; `foreign`: another's stands there and was left alone."""

    MADE = "made"
    CHANGED = "changed"
    FOUND = "found"
    FOREIGN = "foreign"


class GitHooks(Protocol):
    """The hooks of one repository on this machine."""

    @property
    def bare(self) -> bool:
        """Whether people push to it, and no one works in it."""
        ...

    def place(self, name: str) -> Path:
        """Where a hook of this name belongs."""
        ...

    def install(self, name: str, script: str) -> Installed: ...
