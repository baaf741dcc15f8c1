"""What a host has learnt about what it can trust: generations that were healthy, expansions that failed, changes that
come back.

Not done here: what follows from it (plan/generation.py, plan/canary.py, plan/repeat.py), and what a person says about
it (demand.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from reconciler.engine.apply import Applied, Outcome
from reconciler.engine.host import Host
from reconciler.engine.report import Planned
from reconciler.engine.status import iso
from reconciler.plan.change import Operation, Plan
from reconciler.plan.diff import LIVE
from reconciler.plan.expand import Desired
from reconciler.plan.expansion import Expansion, expansion, of_wizard, same
from reconciler.plan.fact import Observed, ProcessFact, SecretFact
from reconciler.plan.fields import secret_refs
from reconciler.plan.generation import Effective, effective, named, rejections, way_back, words
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


@dataclass(frozen=True, slots=True)
class Fallen:
    """What a pass has done to wizards: those that are quarantined now, and all that have to go back to something."""

    quarantined: frozenset[str]
    back: frozenset[str]


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

    def expansion(self, wizard: str, desired: Desired) -> Expansion:
        """Of what Git declares for the wizard, with its secrets as they are now."""
        resources = of_wizard(desired)[wizard]
        return expansion(resources, self._secrets(resources), desired.company.get(wizard, ""))

    def quarantine(self, planned: Planned, applied: Applied, pass_id: int) -> Fallen:
        """Quarantines what failed to start or to hold, and says who now has to go back.

        What is blocked from outside is not at fault. A way back that fails is not quarantined again, and neither is
        what this wizard was healthy on until now, or what stands in while a change waits: no commit is to blame for it,
        and the next pass tries again.
        """
        plan, desired = planned.plan, planned.wanted.desired
        reasons = {
            o.step.wizard: o.text.removeprefix(f"{o.step.key}: ")
            for o in applied.outcomes
            if _failed(o) and o.step.wizard
        }
        back, fell = set[str](), []
        for name in sorted(reasons):
            if name not in desired.wizards or name in planned.standing:
                continue
            if name in planned.quarantined:
                fallen = self._way_back_fell(name, planned, reasons[name], pass_id)
                back |= {name, *planned.quarantined[name][0].ring} if fallen else set()
            elif not self._was_healthy(name, desired):
                fell.append(name)
        others = planned.quarantined.keys() | planned.standing.keys()
        ties = tied({name: self._group(name, plan, desired) - others for name in fell})
        canaries = {change.wizard for change in plan.changes if change.soaks}
        for name, (ring, follows) in sorted(ties.items()):
            reason = f"{listed(follows)} failed, with which it exchanges ports" if follows else reasons[name]
            one = Quarantine(name, "", plan.commit, reason, "", ring=ring, follows=follows)
            self._quarantine(replace(one, canary=name in canaries), desired, pass_id)
        return Fallen(frozenset(ties), frozenset(ties) | back)

    def _group(self, name: str, plan: Plan, desired: Desired) -> frozenset[str]:
        """The wizard and those with whom it exchanged ports: one of them can only go back with all of them."""
        records, ports = self._host.ledger.records(), wanted_ports(desired.resources)
        return go_back_together(name, plan, ports, records, lambda other: self._way(other, desired, records))

    def _way(self, name: str, desired: Desired, records: Records) -> Generation | None:
        made = self.expansion(name, desired)
        return way_back(records, Quarantine(name, made.digest, "", "", "", secrets=made.secrets))

    def _was_healthy(self, name: str, desired: Desired) -> bool:
        """Whether this is what it was healthy on just before; an older generation may be at fault like any other."""
        before = next(iter(self._generations(name)), None)
        return before is not None and same(before, self.expansion(name, desired))

    def _generations(self, name: str) -> tuple[Generation, ...]:
        return self._host.ledger.records().generations.get(name, ())

    def _quarantine(self, one: Quarantine, desired: Desired, pass_id: int) -> None:
        now, made = iso(self._host.clock.now()), self.expansion(one.wizard, desired)
        one = replace(one, expansion=made.digest, since=now, secrets=made.secrets)
        text = words(one, way_back(self._host.ledger.records(), one))
        self._host.ledger.quarantine(one)
        self._tell(f"quarantined: {text}", one.wizard, one.commit, pass_id)

    def _way_back_fell(self, name: str, planned: Planned, reason: str, pass_id: int) -> bool:
        """Whether there is something else to go back to than this way back, which has failed."""
        one, generation = planned.quarantined[name]
        if generation is None:
            return False
        before, commit = self._generations(name)[0], planned.plan.commit
        if one.by_hand and generation.number != before.number:
            self._undo_ring(one, planned)
            text = f"the rollback to {named(generation)} failed: {reason}; back to what it ran on before"
            self._tell(text, name, commit, pass_id)
            return True
        if not set(generation.resources) >= {r for r in planned.desired.resources if r.wizard == name}:
            now = self.expansion(name, planned.wanted.desired).secrets
            self._host.ledger.quarantine(replace(one, secrets=now))
            text = f"{named(generation)} failed with a secret that was changed since: {reason}"
            text += "; it gets the text of its time again"
            self._tell(text, name, commit, pass_id)
            return True
        return False

    def _undo_ring(self, one: Quarantine, planned: Planned) -> None:
        """Takes back a rollback by hand, also of those whose ports it took them from."""
        for name in (one.wizard, *one.ring):
            other, tried = planned.quarantined.get(name, (None, None))
            before = next(iter(self._generations(name)), None)
            if other and tried and before and tried.number != before.number:
                self._undo(other, before, tried)

    def _undo(self, one: Quarantine, before: Generation, tried: Generation) -> None:
        """Takes back what a person said when they rolled back from `before`, but not that Git's word is not to be."""
        rejected = rejections(self._host.ledger.records(), one.wizard) - {before.number}
        if one.fell or (before.rejected and not same(before, one)):
            self._host.ledger.reject(one.wizard, rejected | {tried.number})
        else:
            self._host.ledger.reject(one.wizard, rejected)
            self._host.ledger.release(one.wizard)

    def _tell(self, text: str, name: str, commit: str, pass_id: int) -> None:
        self._host.ledger.note(pass_id, commit, name, body_key(name), text, told=True)
        self._host.say(text, name, level=Level.ERROR)

    def lift(self, desired: Desired) -> None:
        """Lifts the quarantines of what the branch's tip no longer declares: a commit has changed it.

        Also of wizards that are to be dead or gone meanwhile. Not to be asked of an older commit that is in force.
        """
        records = self._host.ledger.records()
        if not records.quarantines:
            return
        stand = self.effective(desired, records).quarantined
        for name in sorted(records.quarantines.keys() - stand.keys()):
            self._host.ledger.release(name)

    def remember(self, after: Planned, touched: Iterable[str]) -> None:
        """A new generation for each wizard that has held and has nothing left to do; or which one it holds on again.

        Looks at the touched ones; the first time at all, because an earlier process may have been killed before it
        came here.
        """
        desired, left = after.desired, after.plan
        names = set(touched if self._looked else desired.wizards) & set(left.wizards)
        self._looked = self._looked or len(left.wizards) == len(desired.wizards)
        names -= {change.wizard for change in left.changes}
        if not names:
            return
        resources, records = of_wizard(desired), self._host.ledger.records()
        for name in sorted(names):
            if _holds(resources[name], after.observed, records):
                made = self._made(name, resources[name], after)
                if made is not None:
                    self._add(made, resources[name], records)

    def _made(self, name: str, resources: tuple[Resource, ...], after: Planned) -> Generation | None:
        """The generation that the wizard holds on, without number and resources; None where there can be none."""
        now = iso(self._host.clock.now())
        if name not in after.quarantined:
            made = expansion(resources, self._secrets(resources), after.desired.company.get(name, ""))
            return Generation(name, 0, after.plan.commit, now, made.digest, (), made.secrets)
        back = after.quarantined[name][1]
        if back is None:
            return None
        facts = self._secrets(resources)
        fresh = {ref: facts[ref].digest for r in resources for ref in secret_refs(r)}
        secrets = tuple((ref, fresh.get(ref, text)) for ref, text in back.secrets)
        return replace(back, at=now, secrets=secrets)

    def _add(self, made: Generation, resources: tuple[Resource, ...], records: Records) -> None:
        """A new generation, or the one that it holds on again; what a person rejected stays so while they keep it
        away."""
        older = records.generations.get(made.wizard, ())
        known = next((g for g in older if same(g, made)), None)
        if known is None:
            number = max((g.number for g in older), default=0) + 1
            pinned = tuple(self._pinned(resource) for resource in resources)
            self._host.ledger.add_generation(replace(made, number=number, resources=pinned))
            return
        if known is not older[0]:
            self._host.ledger.stand(made.wizard, known.number)
        one = records.quarantines.get(made.wizard)
        if known.rejected and not (one and one.by_hand):
            self._host.ledger.reject(made.wizard, rejections(records, made.wizard) - {known.number})

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
    """Whether the wizard's process lives and has passed its gate, and its soak where it was the canary."""
    for process in (r for r in resources if isinstance(r, Process) and r.run):
        fact, start = observed.facts.get(process.key), records.starts.get(process.key)
        if isinstance(fact, ProcessFact) and fact.state in LIVE and (start is None or start.trusted):
            return True
    return False
