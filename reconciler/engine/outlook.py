"""What is really wanted of this host, what is seen of it, and the plan of that; two looks where something stands in.

Not done here: comparing (plan/).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from reconciler.engine.health import Prober, bodies
from reconciler.engine.observe import Observer
from reconciler.engine.request import Request
from reconciler.engine.tries import Tries
from reconciler.engine.trust import Trust
from reconciler.plan.build import Memory, Rules, build
from reconciler.plan.change import Plan
from reconciler.plan.expand import Desired
from reconciler.plan.fact import Observed
from reconciler.plan.generation import Effective, StandIn
from reconciler.plan.held import Records
from reconciler.plan.part import about
from reconciler.plan.retire import body_key
from reconciler.plan.stand_in import stood_in, with_stand_ins

_SETS = 4
"""Sets of stand-ins that are remembered: a pass asks for a few, and the next one for the same."""


@dataclass(slots=True)
class _Stood:
    """Remembers what is wanted with which stand-ins, so that the same stays the same object."""

    found: list[tuple[Effective, Mapping[str, StandIn], Effective]] = field(default_factory=list)

    def put(self, wants: Effective, standing: Mapping[str, StandIn]) -> Effective:
        for old, stood, made in self.found:
            if old.desired is wants.desired and stood == standing:
                return made
        made = with_stand_ins(wants, standing)
        self.found = [(wants, standing, made), *self.found[: _SETS - 1]]
        return made


@dataclass(frozen=True, slots=True)
class Outlook:
    """Keep one for the life of a daemon: it remembers what did not change."""

    observer: Observer
    trust: Trust
    prober: Prober
    tries: Tries
    _memory: Memory = field(default_factory=Memory)
    _instead: Memory = field(default_factory=Memory)
    _stood: _Stood = field(default_factory=_Stood)

    def look(
        self,
        desired: Desired,
        records: Records,
        request: Request,
        rules: Rules,
        missed: Mapping[str, str],
        begun: frozenset[str],
    ) -> tuple[Effective, Observed, Plan]:
        """`missed`: resource key -> why it could not be done just now, which is not tried again. `begun`: wizards of
        which something was: what stood in for one of them does not do so on newer texts of its secrets."""
        declared = self.trust.effective(desired, records)
        # A whole pass follows when a pause ends, so what that does about the wizard is what is shown.
        whole = replace(rules, only=frozenset()) if request.demand.resume else rules

        def look(wants: Effective) -> tuple[Observed, Plan]:
            first = wants is declared
            observed = self._observe(wants.desired, records, request, missed, reread=request.reread and first)
            memory = self._memory if first else self._instead
            return observed, build(wants.desired, observed, records, whole, memory, wants.quarantined)

        wants, observed, plan = stood_in(declared, records, rules.restart, look, self._stood.put, begun)
        return wants, observed, about(plan, rules.only) if request.demand.resume else plan

    def _observe(
        self, desired: Desired, records: Records, request: Request, missed: Mapping[str, str], *, reread: bool
    ) -> Observed:
        observed = self.observer.observe(desired, records, reread=reread)
        if self.prober.due():
            self.prober.refresh(bodies(desired, records), observed.facts)
        silent = self.prober.silent(observed.facts)
        unsteady = self.prober.unsteady(observed.facts, records.starts)
        resting = {**(self.tries.resting(desired.commit) if request.patient else {}), **missed}
        resting = {key: why for key, why in resting.items() if key not in map(body_key, desired.standing)}
        told = silent or resting or unsteady
        return replace(observed, silent=silent, unsteady=unsteady, resting=resting) if told else observed
