"""Where a host publishes what it saw: commits on refs of its own, never on the watched branch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Written:
    """`commit` is the new tip of the ref here; `pushed` tells whether the remote has it; `notice` why not."""

    commit: str
    pushed: bool
    notice: str = ""


class Store(Protocol):
    def read(self, ref: str) -> Mapping[str, bytes]:
        """Files at the tip of the branch `ref` as known here; empty when there is none."""
        ...

    def write(self, ref: str, files: Mapping[str, bytes], message: str) -> Written:
        """Commits exactly these files on the branch `ref` (such as `status/vps`) and pushes. A lost race is retried on
        the new tip; with the remote away the commit waits here and goes out with the next write or `flush`."""
        ...

    def flush(self) -> None:
        """Pushes what waits. Raises Retryable when the remote is still away."""
        ...
