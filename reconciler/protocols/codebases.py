"""Installed versions of programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from reconciler.plan.fact import FileFact
from reconciler.plan.resource import CodebaseVersion


class Codebases(Protocol):
    def observe(self, versions: Sequence[CodebaseVersion]) -> Mapping[str, FileFact]:
        """Present with its source when it is whole (its marker was written last); Present without fields where a build
        or a removal of ours was left in the middle; Absent where nothing of ours stands."""
        ...

    def install(self, version: CodebaseVersion, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Builds it at its final path, marker last; what an interrupted install left there is finished or replaced.
        What is whole is never changed. Retryable when the registry or the Git remote is away; Terminal when the
        version does not exist; Interrupted, with nothing left of what it began, soon after `cancelled` says so."""
        ...

    def remove(self, version: CodebaseVersion) -> None:
        """Deletes its folder, when that carries a mark of ours; absent is a no-op, a link is never followed. What an
        interrupted removal leaves is observed as not whole, and removed by the next one. Retryable while a live process
        runs from it; Terminal when something that is not ours stands there."""
        ...
