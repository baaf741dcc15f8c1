"""What a host has learnt about what it can trust: generations that were healthy, expansions that failed, changes that
come back.

Not done here: what follows from it (plan/generation.py, plan/canary.py, plan/repeat.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from reconciler.engine.apply import Applied, Outcome
from reconciler.engine.host import Host
from reconciler.engine.status import iso
from reconciler.plan.change import Operation, Plan
from reconciler.plan.diff import LIVE
from reconciler.plan.expand import Desired
from reconciler.plan.fact import Observed, ProcessFact, SecretFact
from reconciler.plan.fields import secret_refs
from reconciler.plan.generation import Effective, effective, expansion, of_wizard
from reconciler.plan.held import Generation, Quarantine, Records
from reconciler.plan.repeat import counted
from reconciler.plan.resource import KeyedFile, OwnedKey, Process, Resource
from reconciler.plan.value import SecretRef
from reconciler.protocols.events import Level
from reconciler.protocols.ledger import Result

_PROOF = frozenset({Operation.START, Operation.GATE, Operation.SOAK})


class Trust:
    def __init__(self, host: Host) -> None:
        self._host = host
        self._last: tuple[Desired, Records, Mapping[SecretRef, SecretFact], Effective] | None = None

    def effective(self, desired: Desired, records: Records) -> Effective:
        """What is really wanted; the same object while nothing it is made of changes."""
        if not records.quarantines:
            return Effective(desired, {})
        secrets = self._secrets(desired.resources)
        last = self._last
        if last is None or last[0] is not desired or last[1].quarantines != records.quarantines or last[2] != secrets:
            self._last = last = (desired, records, secrets, effective(desired, records, secrets))
        return last[3]

    def quarantine(self, plan: Plan, desired: Desired, applied: Applied) -> frozenset[str]:
        """Quarantines what failed to start or to hold; returns the wizards that now have to go back.

        What is blocked from outside is not at fault, and a way back that fails is not quarantined again.
        """
        back = {name for name, _ in plan.quarantined}
        failed = {o.step.wizard: o for o in applied.outcomes if _failed(o) and o.step.wizard}
        declared = of_wizard(desired)
        for name, outcome in failed.items():
            if name in declared and name not in back:
                digest = expansion(declared[name], self._secrets(declared[name]))
                now = iso(self._host.clock.now())
                self._host.ledger.quarantine(Quarantine(name, digest, plan.commit, outcome.text, now))
                self._host.say("quarantined until a commit changes it", name, outcome.step.key, Level.ERROR)
        return frozenset(name for name in failed if name in declared and name not in back)

    def roll_back(self, wizard: str, desired: Desired, commit: str) -> Generation:
        """Quarantines what Git declares for the wizard by a person's word; returns the generation that is wanted now.

        The caller has made sure that there is one.
        """
        resources = of_wizard(desired)[wizard]
        digest = expansion(resources, self._secrets(resources))
        now = iso(self._host.clock.now())
        self._host.ledger.quarantine(Quarantine(wizard, digest, commit, "rolled back by hand", now, by_hand=True))
        generations = self._host.ledger.records().generations[wizard]
        return next(g for g in generations if g.expansion != digest)

    def remember(self, desired: Desired, observed: Observed, left: Plan, touched: Iterable[str]) -> None:
        """A new generation for each touched wizard that runs and has nothing left to do."""
        unsettled = {change.wizard for change in left.changes} | {name for name, _ in left.quarantined}
        resources = of_wizard(desired)
        records = self._host.ledger.records()
        for name in sorted(set(touched) - unsettled):
            if name in resources and _runs(resources[name], observed):
                self._add(name, resources[name], records, left.commit)

    def _add(self, name: str, resources: tuple[Resource, ...], records: Records, commit: str) -> None:
        newest = next(iter(records.generations.get(name, ())), None)
        digest = expansion(resources, self._secrets(resources))
        if name in records.quarantines:
            self._host.ledger.release(name)  # a commit has changed it, and what it changed it to holds
        if newest is not None and newest.expansion == digest:
            return
        number = newest.number + 1 if newest else 1
        pinned = tuple(self._pinned(resource) for resource in resources)
        now = iso(self._host.clock.now())
        self._host.ledger.add_generation(Generation(name, number, commit, now, digest, pinned))

    def count(self, plan: Plan, applied: Applied, records: Records) -> None:
        """Counts the changes that were made whole, so that one that keeps coming back is noticed."""
        undone = {o.step.key for o in applied.outcomes if o.result is not Result.DONE}
        done = frozenset(o.step.key for o in applied.outcomes) - undone
        counts = counted(records.repeats, plan.changes, done)
        if counts != records.repeats:
            self._host.ledger.repeat(counts)

    def _secrets(self, resources: Iterable[Resource]) -> Mapping[SecretRef, SecretFact]:
        return self._host.secrets.observe({ref for r in resources for ref in secret_refs(r)})

    def _pinned(self, resource: Resource) -> Resource:
        match resource:
            case KeyedFile(keys=keys):
                return replace(resource, keys=self._keys(keys))
            case Process(start_values=keys, api_key=api_key):
                return replace(resource, start_values=self._keys(keys), api_key=self._host.secrets.pin(api_key))
            case _:
                return resource

    def _keys(self, keys: tuple[OwnedKey, ...]) -> tuple[OwnedKey, ...]:
        pin = self._host.secrets.pin
        return tuple(replace(k, value=pin(k.value)) if isinstance(k.value, SecretRef) else k for k in keys)


def _failed(outcome: Outcome) -> bool:
    return outcome.result is Result.FAILED and outcome.step.operation in _PROOF


def _runs(resources: tuple[Resource, ...], observed: Observed) -> bool:
    facts = (observed.facts.get(r.key) for r in resources if isinstance(r, Process) and r.run)
    return any(isinstance(fact, ProcessFact) and fact.state in LIVE for fact in facts)
