"""What is really wanted of this host, and what is seen of it: two looks where a wizard needs something to stand in.

Not done here: comparing the two (plan/).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from reconciler.engine.health import Prober, bodies
from reconciler.engine.observe import Observer
from reconciler.engine.request import Request
from reconciler.engine.tries import Tries
from reconciler.engine.trust import Trust
from reconciler.plan.expand import Desired
from reconciler.plan.fact import Observed
from reconciler.plan.generation import Effective
from reconciler.plan.held import Records


@dataclass(frozen=True, slots=True)
class Outlook:
    observer: Observer
    trust: Trust
    prober: Prober
    tries: Tries

    def look(self, desired: Desired, records: Records, request: Request) -> tuple[Effective, Observed]:
        """Who does not run and waits for a secret is known once it was looked at what runs."""
        wants = self.trust.effective(desired, records)
        observed = self._observe(wants.desired, records, request)
        standing = self.trust.standing(wants, observed, records)
        if standing is not wants:
            observed = self._observe(standing.desired, records, request)
        return standing, observed

    def _observe(self, desired: Desired, records: Records, request: Request) -> Observed:
        observed = self.observer.observe(desired, records, reread=request.reread)
        if self.prober.due():
            self.prober.refresh(bodies(desired, records), observed.facts)
        silent = self.prober.silent(observed.facts)
        unsteady = self.prober.unsteady(observed.facts, records.starts)
        resting = self.tries.resting(desired.commit) if request.patient else {}
        return replace(observed, silent=silent, unsteady=unsteady, resting=resting)
