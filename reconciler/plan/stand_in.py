"""Wizards that do not run, because a secret that Git names can't be read here: what they were last healthy on runs
until it can.

What runs goes on running whatever is wrong with a secret. But a gateway that has ended would wait for it for ever,
though its last generation has every text that it needs, pinned on the host. Pure. Not done here: starting it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.plan.change import Action, Cause, Change, Disposition, Plan, Reason
from reconciler.plan.diff import LIVE
from reconciler.plan.expand import Desired
from reconciler.plan.fact import Observed, ProcessFact, ProcessState
from reconciler.plan.fields import secret_refs
from reconciler.plan.generation import OF_GIT, Effective, StandIn, wanted_instead
from reconciler.plan.held import Generation, Records
from reconciler.plan.resource import Process, Resource
from reconciler.plan.value import SecretRef

_LIVES = LIVE | {ProcessState.ORPHAN}


def stand_ins(wants: Effective, observed: Observed, records: Records) -> Mapping[str, StandIn]:
    """The wizards that need one; `observed` is of what `wants` wants."""
    missing = {ref: fact.missing for ref, fact in observed.secrets.items() if fact.missing}
    found = {}
    for process in wants.desired.resources if missing else ():
        name = process.wizard or ""
        if isinstance(process, Process) and process.run and name not in wants.quarantined:
            generation = next((g for g in records.generations.get(name, ()) if not g.rejected), None)
            if generation and _needs_one(process, generation, observed, records):
                refs = _refs(name, wants.desired) & missing.keys()
                if refs:
                    found[name] = StandIn(missing[min(refs)], generation, refs)
    return found


def _needs_one(process: Process, generation: Generation, observed: Observed, records: Records) -> bool:
    """Whether it does not run, or was started as a stand-in already."""
    fact, held = observed.facts.get(process.key), records.held.get(process.key)
    if not isinstance(fact, ProcessFact):
        return False
    down = fact.state not in _LIVES or process.key in observed.silent
    return down or (held is not None and held.resource in generation.resources)


def _refs(name: str, desired: Desired) -> frozenset[SecretRef]:
    return frozenset(ref for resource in desired.resources if resource.wizard == name for ref in secret_refs(resource))


def with_stand_ins(wants: Effective, standing: Mapping[str, StandIn]) -> Effective:
    instead = {name: one.generation.resources for name, one in standing.items()}
    return replace(wants, desired=wanted_instead(wants.desired, instead), standing=standing)


def with_waiting(plan: Plan, declared: Desired, standing: Mapping[str, StandIn]) -> Plan:
    """The plan with what waits for the secrets, and with the true reasons of what is done instead."""
    if not standing:
        return plan
    keys = {change.key for change in plan.changes}
    looked_at = {name: one for name, one in standing.items() if name in plan.wizards}
    waiting = (_waits(resource, looked_at) for resource in declared.resources if resource.key not in keys)
    changes = (_instead(change, looked_at) for change in plan.changes)
    return replace(plan, changes=(*changes, *(change for change in waiting if change)))


def _waits(resource: Resource, standing: Mapping[str, StandIn]) -> Change | None:
    """What can't be written: the files that name the secrets. The process needs no line of its own."""
    one = standing.get(resource.wizard or "")
    if one is None or isinstance(resource, Process) or not one.missing & set(secret_refs(resource)):
        return None
    obstacle = f"{one.why}; {_named(one)} runs instead until then"
    reasons = (Reason(Cause.CHANGED, "could not be compared"),)
    return Change(
        resource.key, resource.wizard, Action.UPDATE, resource, reasons,
        disposition=Disposition.BLOCKED, obstacle=obstacle,
    )  # fmt: skip


def _instead(change: Change, standing: Mapping[str, StandIn]) -> Change:
    one = standing.get(change.wizard or "")
    if one is None:
        return change
    rest = (reason for reason in change.reasons if reason.cause not in OF_GIT)
    return replace(change, reasons=(*rest, Reason(Cause.BACK, f"{_named(one)} runs instead: {one.why}")))


def _named(one: StandIn) -> str:
    return f"generation {one.generation.number} (commit {one.generation.commit[:7]})"
