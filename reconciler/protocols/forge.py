"""The forge that hosts the fleet's repository, as far as previews and commit statuses need it.

Not done here: Git itself (source.py), and which deliveries are trusted (the webhook's business).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class CommitState(Enum):
    """What a commit status says. `error`: it could not be found out."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request as the forge tells it. `head` is a commit, `base` the branch that it asks to be merged into;
    `fork`: its branch is in another repository. `merged` is the commit that the merge made, "" while it is not
    merged. `open` is False once it is merged or closed. `tip` is the commit that the base branch is at, "" when the
    forge does not say."""

    number: int
    title: str
    author: str
    head: str
    base: str
    fork: bool
    open: bool
    merged: str
    url: str
    tip: str = ""


class Forge(Protocol):
    """Errors: Retryable when it is away, slow or busy; Terminal when it says that something is not so or not allowed,
    with the mend (a missing right of the token, say)."""

    def pull(self, number: int) -> PullRequest: ...

    def open_pulls(self) -> tuple[PullRequest, ...]:
        """All that are open, by number."""
        ...

    def comment(self, number: int, mark: str) -> str | None:
        """The text of our own comment that begins with `mark`; None when there is none."""
        ...

    def say(self, number: int, mark: str, body: str) -> None:
        """Makes our one comment that begins with `mark`, or edits it in place; `body` begins with the mark. Nothing is
        sent when it says that already."""
        ...

    def set_status(self, commit: str, context: str, state: CommitState, description: str, link: str) -> None:
        """Sets the commit's status in a context; `description` is cut to what the forge takes."""
        ...

    def status(self, commit: str, context: str) -> CommitState | None:
        """What the commit's status says in a context; None when it says nothing."""
        ...
