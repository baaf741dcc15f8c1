"""Who listens on this host's TCP ports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from reconciler.plan.fact import Listener


class Ports(Protocol):
    def listeners(self, ports: Iterable[int]) -> Mapping[int, Listener]:
        """Those of the given ports that somebody listens on, on any local address."""
        ...
