"""When a wizard was up: what a look at it counts as, and how much of a time it was there.

Counted is what was watched: while nobody looked, while the wizard could not be observed, and while Git wants it dead,
time counts neither way. A pause is no excuse: people who use a wizard don't know about it. Pure; not done here:
remembering (protocols/ledger.py), words (render/uptime.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from reconciler.plan.status import HostStatus, WizardState, WizardStatus

GAP = 300.0
"""Seconds between two looks from which on the time between them is unwatched."""
KEPT = 90 * 86_400.0
"""Seconds that are remembered."""
GONE = frozenset({"dead", "lobster", "removed"})
"""Desired states in which nobody expects a Body."""


class Presence(StrEnum):
    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"
    """It could not be observed."""
    UNWATCHED = "unwatched"
    """Nobody looked, or nobody wants it up."""


@dataclass(frozen=True, slots=True)
class Uptime:
    """`watched_seconds` are those up and down. `changes` are (seconds since the epoch, state), oldest first; the first
    says what was at the beginning, and "unwatched" stands where a time begins that nobody watched. None at all: it was
    never watched."""

    up_seconds: float = 0.0
    watched_seconds: float = 0.0
    changes: tuple[tuple[float, Presence], ...] = ()

    @property
    def ratio(self) -> float | None:
        """Between 0 and 1; None when nothing was watched."""
        return min(self.up_seconds / self.watched_seconds, 1.0) if self.watched_seconds > 0 else None


def presence(status: HostStatus) -> Mapping[str, Presence]:
    """Wizard -> what it counts as at this moment."""
    return {wizard.name: _one(wizard) for wizard in status.wizards if wizard.desired != "removed"}


def _one(wizard: WizardStatus) -> Presence:
    if wizard.desired in GONE:
        return Presence.UNWATCHED
    if wizard.observed is WizardState.UNKNOWN:
        return Presence.UNKNOWN
    return Presence.UP if wizard.healthy else Presence.DOWN


def uptime(spans: tuple[tuple[float, float, Presence], ...], since: float, until: float) -> Uptime:
    """What spans (began, ended, state), ordered by their beginning, say about a time.

    Where spans overlap, because the clock was set back, the earlier one counts.
    """
    up = watched = 0.0
    changes: list[tuple[float, Presence]] = []
    reached = since
    for began, ended, state in spans:
        start, end = max(began, reached), min(ended, until)
        if start > end or (start == end and ended != began):
            continue
        if start > reached:
            _change(changes, reached, Presence.UNWATCHED)
        _change(changes, start, state)
        if state in (Presence.UP, Presence.DOWN):
            watched += end - start
            up += end - start if state is Presence.UP else 0.0
        reached = end
    if changes and until - reached > GAP:
        _change(changes, reached, Presence.UNWATCHED)
    return Uptime(up, watched, tuple(changes))


def _change(changes: list[tuple[float, Presence]], at: float, state: Presence) -> None:
    if changes and changes[-1][0] == at:
        changes.pop()  # it lasted no time at all
    if not changes or changes[-1][1] is not state:
        changes.append((at, state))
