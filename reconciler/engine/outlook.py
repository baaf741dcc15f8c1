"""What is really wanted of this host, what is seen of it, and the plan that follows.

Not done here: comparing (plan/).
"""

from __future__ import annotations

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
from reconciler.plan.generation import Effective
from reconciler.plan.held import Records
from reconciler.plan.part import about
from reconciler.plan.stand_in import with_waiting


@dataclass(frozen=True, slots=True)
class Outlook:
    observer: Observer
    trust: Trust
    prober: Prober
    tries: Tries
    memory: Memory = field(default_factory=Memory)

    def look(self, desired: Desired, records: Records, request: Request) -> tuple[Effective, Observed]:
        """Two looks where a wizard needs something to stand in: who does not run and waits for a secret is known once
        it was looked at what runs."""
        wants = self.trust.effective(desired, records)
        observed = self._observe(wants.desired, records, request)
        standing = self.trust.standing(wants, observed, records)
        if standing is not wants:
            observed = self._observe(standing.desired, records, request)
        return standing, observed

    def plan(
        self, desired: Desired, wants: Effective, observed: Observed, records: Records, rules: Rules, request: Request
    ) -> Plan:
        """A whole pass follows when a pause ends, so what that does about the wizard is what is shown."""
        whole = replace(rules, only=frozenset()) if request.demand.resume else rules
        plan = build(wants.desired, observed, records, whole, self.memory, wants.quarantined)
        plan = about(plan, rules.only) if request.demand.resume else plan
        return with_waiting(plan, desired, wants.standing)

    def _observe(self, desired: Desired, records: Records, request: Request) -> Observed:
        observed = self.observer.observe(desired, records, reread=request.reread)
        if self.prober.due():
            self.prober.refresh(bodies(desired, records), observed.facts)
        silent = self.prober.silent(observed.facts)
        unsteady = self.prober.unsteady(observed.facts, records.starts)
        resting = self.tries.resting(desired.commit) if request.patient else {}
        return replace(observed, silent=silent, unsteady=unsteady, resting=resting)
