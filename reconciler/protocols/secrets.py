"""Secrets of this host. Their text leaves this protocol only towards a wizard's own files and requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from reconciler.plan.fact import SecretFact
from reconciler.plan.value import SecretRef


class Secrets(Protocol):
    def observe(self, refs: Iterable[SecretRef]) -> Mapping[SecretRef, SecretFact]:
        """Digests; changes nothing: a secret still to be generated has the digest ""."""
        ...

    def reveal(self, ref: SecretRef) -> str:
        """The text; a `generate` secret is made (0600, fsynced) on first use. Raises Retryable when it is missing."""
        ...

    def digest(self, text: str) -> str:
        """Hex HMAC-SHA256 under the host's key."""
        ...

    def redact(self, text: str) -> str:
        """The text with every secret revealed in this process replaced by `***`."""
        ...
