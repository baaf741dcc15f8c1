"""What the stand-in knows: users, repositories, pull requests, comments, statuses, hooks: plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

SCOPES = frozenset({"read:user", "write:user", "read:repository", "write:repository", "read:issue", "write:issue"})


@dataclass
class User:
    id: int
    login: str


@dataclass
class Token:
    """`scopes` as in Gitea 1.19 and newer."""

    user: User
    scopes: frozenset[str] = SCOPES


@dataclass
class Comment:
    id: int
    number: int
    user: User
    body: str
    edits: int = 0
    """How many times it was edited, which a real one tells only by its times."""


@dataclass
class Status:
    id: int
    sha: str
    state: str
    context: str
    description: str
    target_url: str
    user: User


@dataclass
class Hook:
    id: int
    config: dict[str, str]
    events: list[str]
    active: bool = True
    branch_filter: str = ""
    type: str = "gitea"


@dataclass
class Pull:
    number: int
    title: str
    body: str
    user: User
    head_repo: Repo
    head_branch: str
    base: str
    head: str
    state: str = "open"
    merged: str = ""


@dataclass(eq=False)
class Repo:
    id: int
    owner: User
    name: str
    path: Path
    parent: Repo | None = None
    private: bool = False
    default_branch: str = "main"
    writers: set[str] = field(default_factory=set)
    """Logins that may write besides the owner."""
    pulls: dict[int, Pull] = field(default_factory=dict)
    hooks: dict[int, Hook] = field(default_factory=dict)
    protections: dict[str, dict[str, object]] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    statuses: list[Status] = field(default_factory=list)
    refs: dict[str, str] = field(default_factory=dict)
    """Branches and tags as they were when hooks were last sent."""

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    def may_write(self, user: User) -> bool:
        return user is self.owner or user.login in self.writers
