"""A request that is refused at the door: with a status, an outcome to count, and words for the sender."""

from __future__ import annotations

from reconciler.web.counts import Outcome


class RefusedRequest(Exception):
    """`unread`: its body was not read to the end, so that the connection can't be used again."""

    def __init__(self, status: int, outcome: Outcome, words: str, *, unread: bool = False) -> None:
        super().__init__(words)
        self.status = status
        self.outcome = outcome
        self.words = words
        self.unread = unread
