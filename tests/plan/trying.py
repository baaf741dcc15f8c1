"""Passes with gates that fail, in memory: what failed goes back in the same pass, what held is remembered.

What the engine does about a failed gate (engine/trust.py, engine/reconcile.py), over the same pure decisions. Not done
here: choosing what fails.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass, replace

from reconciler.plan.build import build
from reconciler.plan.change import Operation, Plan, Step
from reconciler.plan.expand import Desired
from reconciler.plan.expansion import Expansion, of_wizard, same
from reconciler.plan.fact import Observed, ProcessState
from reconciler.plan.generation import Effective, effective, way_back
from reconciler.plan.held import Generation, Quarantine
from reconciler.plan.retire import body_key
from reconciler.plan.rings import go_back_together, tied, wanted_ports
from reconciler.plan.stand_in import stood_in
from tests.plan.fleets import FREE
from tests.plan.host import Host
from tests.plan.test_plan_trust import AT, expansions, pinned, secrets_of

_PROOF = (Operation.GATE, Operation.SOAK)


@dataclass
class Try:
    """One pass over what Git declares. `bad`: wizards whose gateway does not come up as declared. `limit`: killed after
    so many steps, of the plan and of the way back."""

    host: Host
    desired: Desired
    bad: Set[str]
    pick: Callable[[int], int] = lambda ready: 0
    limit: int | None = None

    def run(self) -> Plan:
        """What was planned first."""
        wants, plan = self.look()
        done, fell = self._apply(plan, wants)
        if self.limit is not None and len(done) >= self.limit:
            return plan
        back = self._quarantine(plan, wants, fell)
        if back:
            wants, plan_back = self.look(frozenset(back))
            done, _ = self._apply(plan_back, wants)
            if self.limit is not None and len(done) >= self.limit:
                return plan
        self._remember()
        return plan

    def wanted(self) -> Effective:
        records = self.host.seen(self.desired)
        return effective(self.desired, records, secrets_of(self.host, self.desired.resources))  # type: ignore[arg-type]

    def plan(self, only: frozenset[str] = frozenset()) -> Plan:
        return self.look(only)[1]

    def look(self, only: frozenset[str] = frozenset()) -> tuple[Effective, Plan]:
        """What is wanted, also in place of what has to wait, and the plan of it."""
        rules, records = replace(FREE, only=only), self.host.seen(self.desired)

        def look(wants: Effective) -> tuple[Observed, Plan]:
            seen = self.host.observe(wants.desired)
            return seen, build(wants.desired, seen, records, rules, None, wants.quarantined)

        wants, _, plan = stood_in(self.wanted(), records, rules.restart, look)
        return wants, plan

    def _apply(self, plan: Plan, wants: Effective) -> tuple[list[str], Set[str]]:
        fell: set[str] = set()
        as_before = {name for name, one in wants.standing.items() if one.resources is not None}

        def fails(step: Step) -> bool:
            failed = step.operation in _PROOF and step.wizard in self.bad - wants.quarantined.keys() - as_before
            fell.update({step.wizard or ""} if failed else ())
            return failed

        return self.host.apply(plan, self.pick, fails, self.limit), fell

    def _quarantine(self, plan: Plan, wants: Effective, fell: Set[str]) -> Set[str]:
        records, digests = self.host.seen(self.desired), expansions(self.host, self.desired)

        def way(name: str) -> Generation | None:
            made = digests[name]
            return way_back(records, Quarantine(name, made.digest, "", "", "", secrets=made.secrets))

        ports, others = wanted_ports(self.desired.resources), wants.quarantined.keys() | wants.standing.keys()
        fell = {n for n in fell if n not in others and not self._was(n, digests[n])}
        groups = {n: go_back_together(n, plan, ports, records, way) - others for n in sorted(fell)}
        found = {}
        for name, (ring, follows) in tied(groups).items():
            made = digests[name]
            failed = Quarantine(name, made.digest, self.desired.commit, "deaf", AT, secrets=made.secrets)
            found[name] = replace(failed, ring=ring, follows=follows)
        self.host.records = replace(self.host.records, quarantines={**self.host.records.quarantines, **found})
        return found.keys()

    def _was(self, name: str, made: Expansion) -> bool:
        """Whether this is what it was healthy on last."""
        newest = next(iter(self.host.records.generations.get(name, ())), None)
        return newest is not None and same(newest, made)

    def _remember(self) -> None:
        (wants, left), digests = self.look(), expansions(self.host, self.desired)
        records = self.host.records
        generations, quarantines = dict(records.generations), dict(records.quarantines)
        for name, resources in of_wizard(self.desired).items():
            if name in wants.quarantined or any(change.wizard == name for change in left.changes):
                continue
            if self.runs(name) and records.starts[body_key(name)].proven:
                quarantines.pop(name, None)
                older = generations.get(name, ())
                kept = tuple(pinned(self.host, resource) for resource in resources)
                made = digests[name]
                one = Generation(name, len(older) + 1, self.desired.commit, AT, made.digest, kept, made.secrets)
                generations[name] = older if self._was(name, made) else (one, *older)
        self.host.records = replace(self.host.records, generations=generations, quarantines=quarantines)

    def runs(self, name: str) -> bool:
        live = self.host.processes.get(body_key(name))
        return live is not None and live.state is ProcessState.RUNNING

    def port(self, name: str) -> int:
        """The port that its process listens on."""
        return self.host.processes[body_key(name)].port
