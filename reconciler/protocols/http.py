"""Requests to gateways on this host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Reply:
    """`status` is 0 when nothing answered; `body` is then the reason."""

    status: int
    body: str


class Http(Protocol):
    def request(
        self,
        method: str,
        url: str,
        *,
        bearer: str | None = None,
        body: Mapping[str, object] | None = None,
        seconds: float = 5.0,
    ) -> Reply:
        """Never raises for what a server does; follows no redirects and uses no proxy."""
        ...
