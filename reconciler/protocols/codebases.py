"""Installed versions of programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from reconciler.plan.fact import FileFact
from reconciler.plan.resource import CodebaseVersion


class Codebases(Protocol):
    def observe(self, versions: Sequence[CodebaseVersion]) -> Mapping[str, FileFact]:
        """Present only when the version is whole (its marker was written last and names the same source)."""
        ...

    def install(self, version: CodebaseVersion) -> None:
        """Builds it at its final path, marker last; what an interrupted install left there is finished or replaced.
        Retryable when the registry is away; Terminal when the version does not exist."""
        ...
