"""Carries out a plan, and in the same pass what follows from its failures: the way back of every wizard that failed on
it, and what stands in for those who are down because their start was missed.

Not done here: single steps (apply.py), and who goes back (trust.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from reconciler.engine.apply import Applied, Apply
from reconciler.engine.desired import Wanted
from reconciler.engine.host import Host
from reconciler.engine.report import Planned
from reconciler.engine.request import Request
from reconciler.engine.tries import Tries
from reconciler.engine.trust import Trust
from reconciler.plan.build import Rules
from reconciler.plan.change import Operation
from reconciler.protocols.events import Progress, Stage
from reconciler.protocols.ledger import Result
from reconciler.render.wording import summary_line

_STARTS = frozenset({Operation.START, Operation.GATE})


class Look(Protocol):
    def __call__(
        self, wanted: Wanted, request: Request, begun: frozenset[str], missed: Mapping[str, str]
    ) -> Planned: ...


@dataclass(frozen=True, slots=True)
class CarryOut:
    host: Host
    trust: Trust
    tries: Tries
    look: Look

    def run(self, planned: Planned, pass_id: int, cancelled: Callable[[], bool]) -> Applied:
        self.host.progress(Progress(Stage.PLANNED, plan=planned.plan), summary_line(planned.plan))
        applied = Apply(self.host, planned.plan, pass_id, cancelled).run()
        self.tries.count(planned.plan.commit, applied)
        fallen = self.trust.quarantine(planned, applied, pass_id)
        begun = fallen.back | _fell(planned, applied)
        back = None if cancelled() and not begun else self._instead(planned, applied, begun)
        if back is None:
            self.trust.count(planned.plan, applied, planned.records, planned.rules.only)
            return applied
        self.host.progress(Progress(Stage.PLANNED, plan=back.plan), f"the way back: {summary_line(back.plan)}")
        done = Apply(self.host, back.plan, pass_id, cancelled, begun).run()
        # What stands in says nothing of what was planned first.
        counts = applied.outcomes + tuple(o for o in done.outcomes if o.step.wizard not in back.standing)
        self.trust.count(planned.plan, Applied(counts), planned.records, planned.rules.only)
        return Applied(applied.outcomes + done.outcomes, fallen.quarantined)

    def _instead(self, planned: Planned, applied: Applied, back: frozenset[str]) -> Planned | None:
        """The plan of the ways `back`, also to older texts of secrets, and of the stand-ins, if any."""
        down = _not_started(applied) - back - planned.standing.keys()
        only, missed = back | down, _missed(applied, back)
        found = self._look(planned, only, back, missed)
        if found is None or down <= found.standing.keys():
            return found
        return self._look(planned, back | (down & found.standing.keys()), back, missed)

    def _look(
        self, planned: Planned, only: frozenset[str], back: frozenset[str], missed: Mapping[str, str]
    ) -> Planned | None:
        return self.look(planned.wanted, Request(rules=Rules(only=only)), back, missed) if only else None


def _not_started(applied: Applied) -> frozenset[str]:
    """Wizards whose start was to be made, and was not, or did not hold."""
    starts = (o.step.wizard for o in applied.outcomes if o.step.operation in _STARTS and o.result is not Result.DONE)
    return frozenset(name for name in starts if name)


def _fell(planned: Planned, applied: Applied) -> frozenset[str]:
    """Wizards that did not hold on what stands in with texts of secrets that have come since."""
    failed = {o.step.wizard for o in applied.outcomes if o.step.operation in _STARTS and o.result is Result.FAILED}
    return frozenset(name for name, one in planned.standing.items() if one.fresh and name in failed)


def _missed(applied: Applied, back: frozenset[str]) -> Mapping[str, str]:
    """Resource key -> why it could not be done, but for wizards that go back."""
    found = (o for o in applied.failures if o.step.wizard not in back)
    return {o.step.key: o.text.removeprefix(f"{o.step.key}: ") for o in found}
