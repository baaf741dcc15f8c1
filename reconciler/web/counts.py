"""What became of requests, counted: by forge event and outcome, both closed sets, so that nobody can make them grow.

Not done here: showing them. The metrics page reads `Counts.taken`.
"""

from __future__ import annotations

from enum import Enum
from threading import Lock

NO_EVENT = "none"
"""The event of a request that names none, or that came to no webhook."""
OTHER_EVENT = "other"


class Outcome(Enum):
    """How a request ended, where it is worth counting. The values are labels of a metric."""

    ACCEPTED = "accepted"
    IGNORED = "ignored"
    REPLAY = "replay"
    METHOD = "wrong_method"
    TYPE = "wrong_type"
    CHARSET = "wrong_charset"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    TRUNCATED = "truncated"
    SIGNATURE = "bad_signature"
    UNREADABLE = "unreadable"
    HOST = "wrong_host"
    MALFORMED = "malformed"
    CROWDED = "crowded"
    BUG = "bug"


class Counts:
    """Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, outcome: Outcome, event: str = NO_EVENT) -> None:
        with self._lock:
            key = (event, outcome.value)
            self._counts[key] = self._counts.get(key, 0) + 1

    def taken(self) -> dict[tuple[str, str], int]:
        """How often each (event, outcome) was seen since the start."""
        with self._lock:
            return dict(self._counts)
