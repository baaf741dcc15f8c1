"""What a pass is asked for: what woke it, what it may do, and what a person says about what this host has learnt.

Not done here: the pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from reconciler.engine.demand import NOTHING, Demand
from reconciler.engine.saved import SavedPlan
from reconciler.plan.build import Rules


@dataclass(frozen=True, slots=True)
class Request:
    """What woke a pass and what it may do. A request carries no facts: the pass finds them itself.

    `files`: an uncommitted fleet to plan (never applied). `saved`: apply exactly this plan. `reread`: read every file
    again whatever its stat says. `demand`: what a person says about what this host has learnt; a plan foresees it, a
    run says it for good. `fetch`: whether the remote is asked; else what was fetched last is used. `patient`: what
    could not be done lately waits until its next try is due. `bound`: it is about what Git declares now and nothing
    else, so that a refusal ends it.
    """

    trigger: str = "asked for"
    rules: Rules = field(default_factory=Rules)
    files: Mapping[str, bytes] | None = None
    saved: SavedPlan | None = None
    reread: bool = False
    demand: Demand = NOTHING
    fetch: bool = True
    patient: bool = False
    bound: bool = False

    @property
    def plain(self) -> bool:
        """Whether it is a pass like any other: no person asked for anything special, in whose place nothing else is to
        be done."""
        special = self.bound or self.saved is not None or self.files is not None or bool(self.demand)
        return not special and self.rules == Rules()

    @property
    def by_name(self) -> bool:
        """Whether a person wants something done to wizards, whatever the newest commit is."""
        demand = self.demand
        return bool(demand.roll_back or demand.retry or demand.everything or self.rules.restart)


def rollback(wizard: str) -> Request:
    """Put the wizard back to its last other generation."""
    return Request("rollback by hand", _named(frozenset({wizard})), demand=Demand(roll_back=wizard))


def retry(wizards: frozenset[str], restarts: int = 0) -> Request:
    """Try again what failed or came back too often: of these wizards, or of all when none is named. `restarts` are
    allowed beyond the fleet's policy."""
    demand = Demand(retry=wizards, everything=not wizards)
    return Request("retry by hand", _named(wizards, restarts), demand=demand)


def restart(wizards: frozenset[str]) -> Request:
    """Restart these wizards."""
    return Request("restart by hand", replace(_named(wizards), restart=wizards))


def _named(wizards: frozenset[str], restarts: int = 0) -> Rules:
    """Each wizard that a person has named may be restarted, whatever the fleet allows at once."""
    return Rules(only=wizards, restarts=max(restarts, len(wizards)))
