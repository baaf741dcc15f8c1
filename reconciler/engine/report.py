"""What a pass found, as a plan with all that it was made from, and what came of it.

Not done here: finding it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.engine.apply import Applied
from reconciler.engine.arrivals import Told
from reconciler.engine.desired import Wanted
from reconciler.plan.build import Rules
from reconciler.plan.change import Plan
from reconciler.plan.expand import Desired
from reconciler.plan.fact import Observed
from reconciler.plan.generation import StandIn
from reconciler.plan.held import Generation, Quarantine, Records
from reconciler.plan.repeat import stopped
from reconciler.plan.status import HostStatus
from reconciler.protocols.ledger import Result


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with all that it was made from. `desired` is what is really wanted: without what is quarantined. `records`
    are as the request's demand will make them; `quarantined` is why what is declared is not wanted."""

    plan: Plan
    wanted: Wanted
    desired: Desired
    observed: Observed
    records: Records
    rules: Rules
    quarantined: Mapping[str, tuple[Quarantine, Generation | None]]
    arrivals: Told = ()
    standing: Mapping[str, StandIn] = field(default_factory=dict)
    """Wizard -> what it runs on while what Git declares has to wait."""

    def stuck(self) -> tuple[str, ...]:
        """Wizards and resources that only a commit or a person can free, but for what a person rolled back."""
        looked_at = dict(self.plan.quarantined)
        failed = [n for n, (one, _) in self.quarantined.items() if n in looked_at and not one.by_hand]
        looping = [change.key for change in self.plan.waiting if stopped(change, self.records)]
        return (*failed, *looping)


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a pass. `left` is the plan of the second look: empty when the host is as Git wants it. `unsigned` is
    the branch's tip when that was not used, because it is not signed. `stuck` are wizards and resources that only a
    commit or a person can free: quarantined ones, and those whose change came back too often."""

    plan: Plan
    applied: Applied
    left: Plan
    status: HostStatus
    notices: tuple[str, ...]
    unsigned: str = ""
    stuck: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        return self.applied.result is Result.DONE
