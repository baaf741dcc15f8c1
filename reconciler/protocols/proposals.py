"""Pull requests as Git holds them: what the branch would be once one is merged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from reconciler.protocols.source import Revision


@dataclass(frozen=True, slots=True)
class Merge:
    """The result of merging `head` into `base` (both are commits), made in memory. `files` are those below the fleet's
    folder, as Source.read gives them; with `conflicts` (paths) there are none. `before` are those of `base`, and
    `commits` those that the merge would bring, newest first. `trees` are the files of those commits from the oldest on
    that allows a deletion by its trailer: it does not count while the wizard is still declared there."""

    base: str
    head: str
    files: Mapping[str, bytes]
    conflicts: tuple[str, ...] = ()
    before: Mapping[str, bytes] = field(default_factory=dict)
    commits: tuple[Revision, ...] = ()
    trees: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)


class Proposals(Protocol):
    """Errors: Retryable when the remote is away; Terminal when there is no such pull request, or when this Git can't
    merge without a work tree."""

    def merge(self, number: int) -> Merge:
        """Fetches the pull request's head and the branch's tip, and merges them without a work tree. No hook, filter
        or merge driver of anybody's is run."""
        ...
