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

    def exposed(self, refs: Iterable[SecretRef]) -> tuple[str, ...]:
        """A sentence, with the mend, for each file of these secrets that every user of the host can read."""
        ...

    def reveal(self, ref: SecretRef) -> str:
        """The text; a `generate` secret is made (0600, fsynced) on first use. Raises Retryable when it is missing."""
        ...

    def pin(self, ref: SecretRef) -> SecretRef:
        """Keeps the secret's present text on this host (0600) and returns a reference to exactly this version."""
        ...

    def prune(self, pinned: Iterable[SecretRef]) -> None:
        """Removes all pinned texts but these. One that can't be removed now is removed the next time."""
        ...

    def make(self, ref: SecretRef) -> None:
        """Makes a `generate` secret that is not there or is to be renewed. Raises Retryable when another is missing."""
        ...

    def renew(self, ref: SecretRef) -> None:
        """From now on and in this process, a `generate` secret counts as still to be made: it is observed so, and
        `make` replaces it. Until then `reveal` gives the present text. Raises Terminal when there is none."""
        ...

    def inherit(self, old: str, new: str) -> None:
        """Copies what was generated for wizard `old` to wizard `new`, in place of what that name had."""
        ...

    def forget(self, wizard: str) -> None:
        """Removes what was generated for the wizard; idempotent."""
        ...

    def prepare(self) -> None:
        """Keeps the host's key on disk, so that digests made now are comparable with those of a later process."""
        ...

    def digest(self, text: str) -> str:
        """Hex HMAC-SHA256 under the host's key."""
        ...

    def redact(self, text: str) -> str:
        """The text with every secret revealed in this process replaced by `***`."""
        ...
