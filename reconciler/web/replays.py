"""Deliveries that were seen already, by the identifier that the forge gives each of them.

The newest ones only, as digests: memory stays flat. Not kept over a restart, and the identifier is not signed, so this
stops no attacker; a replay only wakes the loop, which finds nothing to do. See docs/decisions. Used from one thread.
"""

from __future__ import annotations

import hashlib

REMEMBERED = 10_000


class Replays:
    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._seen: dict[bytes, None] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def knows(self, delivery: str) -> bool:
        """False for a delivery without an identifier."""
        return bool(delivery) and _digest(delivery) in self._seen

    def remember(self, delivery: str) -> None:
        if not delivery:
            return
        self._seen[_digest(delivery)] = None
        if len(self._seen) > self._most:
            del self._seen[next(iter(self._seen))]


def _digest(delivery: str) -> bytes:
    return hashlib.blake2b(delivery.encode("utf-8", "replace"), digest_size=16).digest()
