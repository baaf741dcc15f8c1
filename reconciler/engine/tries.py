"""When what could not be done is tried again: its time doubles with each failure, up to five minutes.

Only what is in the way from outside waits; a new commit makes everything due at once. Not done here: blocking (plan/).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.engine.apply import Applied
from reconciler.engine.host import Host
from reconciler.engine.queue import backoff
from reconciler.protocols.ledger import Result

FIRST_SECONDS = 5.0
LONGEST_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class _Try:
    count: int
    due: float
    why: str


class Tries:
    def __init__(self, host: Host) -> None:
        self._host = host
        self._commit = ""
        self._tries: dict[str, _Try] = {}

    def count(self, commit: str, applied: Applied) -> None:
        """What was blocked waits longer than the last time; what was done is forgotten."""
        self._follow(commit)
        for outcome in applied.outcomes:
            key = outcome.step.key
            if outcome.result is Result.DONE:
                self._tries.pop(key, None)
            elif outcome.result is Result.BLOCKED:
                count = self._tries[key].count + 1 if key in self._tries else 1
                due = self._host.clock.monotonic() + backoff(count - 1, FIRST_SECONDS, LONGEST_SECONDS)
                self._tries[key] = _Try(count, due, outcome.text)

    def resting(self, commit: str) -> Mapping[str, str]:
        """Key -> why it waits, for all whose next try is not due yet. A look at a commit that is refused forgets
        nothing of the one that stays in force."""
        if commit != self._commit:
            return {}
        now = self._host.clock.monotonic()
        return {key: one.why for key, one in self._tries.items() if one.due > now}

    def next(self) -> float | None:
        """Seconds until the first of them is due; None when there is none."""
        now = self._host.clock.monotonic()
        return min((max(0.0, one.due - now) for one in self._tries.values() if one.due > now), default=None)

    def _follow(self, commit: str) -> None:
        if commit != self._commit:
            self._commit = commit
            self._tries.clear()
