"""What a host has learnt about what it can trust: generations that were healthy, expansions that failed, changes that
come back.

Not done here: what follows from it (plan/generation.py, plan/canary.py, plan/repeat.py), and what a person says about
it (demand.py).
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
from reconciler.plan.generation import Effective, effective, expansion, of_wizard, way_back, words
from reconciler.plan.held import Generation, Quarantine, Records
from reconciler.plan.repeat import counted
from reconciler.plan.resource import KeyedFile, OwnedKey, Process, Resource
from reconciler.plan.retire import body_key
from reconciler.plan.rings import go_back_together, tied, wanted_ports
from reconciler.plan.value import SecretRef
from reconciler.protocols.events import Level
from reconciler.protocols.ledger import Result
from reconciler.spec.words import listed

_PROOF = frozenset({Operation.COPY_DATABASES, Operation.START, Operation.GATE, Operation.SOAK})
"""A stopped wizard of which one of these failed does not run as declared, and goes back to what it ran on."""


class Trust:
    def __init__(self, host: Host) -> None:
        self._host = host
        self._last: tuple[Desired, Records, Mapping[SecretRef, SecretFact], Effective] | None = None
        self._looked = False

    def effective(self, desired: Desired, records: Records) -> Effective:
        """What is really wanted; the same object while nothing it is made of changes."""
        if not records.quarantines:
            return Effective(desired, {})
        secrets = self._secrets(desired.resources)
        last = self._last
        if last is None or last[0] is not desired or not _alike(last[1], records) or last[2] != secrets:
            self._last = last = (desired, records, secrets, effective(desired, records, secrets))
        return last[3]

    def expansion(self, wizard: str, desired: Desired) -> str:
        """Digest of what Git declares for the wizard, with its secrets as they are now."""
        resources = of_wizard(desired)[wizard]
        return expansion(resources, self._secrets(resources))

    def quarantine(self, plan: Plan, desired: Desired, applied: Applied, pass_id: int) -> frozenset[str]:
        """Quarantines what failed to start or to hold; returns the wizards that now have to go back.

        What is blocked from outside is not at fault. A way back that fails is not quarantined again, and neither is
        what this wizard was healthy on until now: no commit is to blame for it, and the next pass tries again.
        """
        reasons = {
            o.step.wizard: o.text.removeprefix(f"{o.step.key}: ")
            for o in applied.outcomes
            if _failed(o) and o.step.wizard
        }
        back = {name for name, _ in plan.quarantined}
        fell = [n for n in reasons if n in desired.wizards and n not in back and not self._was_healthy(n, desired)]
        groups = {name: self._group(name, plan, desired) - back for name in sorted(fell)}
        ties = tied(groups)
        for name, (ring, follows) in sorted(ties.items()):
            reason = f"{listed(follows)} failed, with which it exchanges ports" if follows else reasons[name]
            one = Quarantine(name, "", plan.commit, reason, "", ring=ring, follows=follows)
            self._quarantine(one, desired, pass_id)
        return frozenset(ties)

    def _group(self, name: str, plan: Plan, desired: Desired) -> frozenset[str]:
        """The wizard and those with whom it exchanged ports: one of them can only go back with all of them."""
        records, ports = self._host.ledger.records(), wanted_ports(desired.resources)
        return go_back_together(name, plan, ports, records, lambda other: self._way(other, desired, records))

    def _way(self, name: str, desired: Desired, records: Records) -> Generation | None:
        return way_back(records, Quarantine(name, self.expansion(name, desired), "", "", ""))

    def _was_healthy(self, name: str, desired: Desired) -> bool:
        newest = next(iter(self._host.ledger.records().generations.get(name, ())), None)
        return newest is not None and newest.expansion == self.expansion(name, desired)

    def _quarantine(self, one: Quarantine, desired: Desired, pass_id: int) -> None:
        name = one.wizard
        one = replace(one, expansion=self.expansion(name, desired), since=iso(self._host.clock.now()))
        text = words(one, way_back(self._host.ledger.records(), one))
        self._host.ledger.quarantine(one)
        self._host.ledger.note(pass_id, one.commit, name, body_key(name), f"quarantined: {text}", told=True)
        self._host.say(f"quarantined: {text}", name, level=Level.ERROR)

    def remember(self, desired: Desired, observed: Observed, left: Plan, touched: Iterable[str]) -> None:
        """A new generation for each wizard that has held and has nothing left to do.

        Looks at the touched ones; the first time at all, because an earlier process may have been killed before it
        came here.
        """
        names = set(touched if self._looked else desired.wizards) & set(left.wizards)
        self._looked = self._looked or len(left.wizards) == len(desired.wizards)
        names -= {change.wizard for change in left.changes} | {name for name, _ in left.quarantined}
        if not names:
            return
        resources, records = of_wizard(desired), self._host.ledger.records()
        for name in sorted(names):
            if _holds(resources[name], observed, records):
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

    def count(self, plan: Plan, applied: Applied, records: Records, only: frozenset[str] = frozenset()) -> None:
        """Counts the changes that were made whole and the starts that failed, so that one that keeps coming back is
        noticed."""
        processes = {change.key for change in plan.changes if isinstance(change.resource, Process)}
        undone = {o.step.key for o in applied.outcomes if o.result is not Result.DONE}
        failed = {o.step.key for o in applied.outcomes if o.result is Result.FAILED} & processes
        counts = counted(records.repeats, plan.changes, _keys(applied) - undone | failed, only)
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


def _alike(old: Records, new: Records) -> bool:
    return old.quarantines == new.quarantines and old.generations == new.generations


def _keys(applied: Applied) -> frozenset[str]:
    return frozenset(outcome.step.key for outcome in applied.outcomes)


def _failed(outcome: Outcome) -> bool:
    return outcome.result is Result.FAILED and outcome.step.operation in _PROOF


def _holds(resources: tuple[Resource, ...], observed: Observed, records: Records) -> bool:
    """Whether the wizard's process lives and has passed its gate."""
    for process in (r for r in resources if isinstance(r, Process) and r.run):
        fact, start = observed.facts.get(process.key), records.starts.get(process.key)
        if isinstance(fact, ProcessFact) and fact.state in LIVE and (start is None or start.proven):
            return True
    return False
