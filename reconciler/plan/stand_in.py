"""Wizards that can't be what Git declares now: what they were last healthy on runs until they can.

What runs goes on running, whatever keeps a change waiting: a secret that can't be read, a canary that failed, an index
that is away, a port that is not free. But a gateway that has ended would wait with its change, though its last
generation is on the host with all that it needs; and one that runs would go on with the text of a secret that has been
changed since, and may be revoked. Who waits is known once all is planned, so it is planned again with the last
generations in place of what waits, and with the texts of now. Nothing stands in for a wizard that is paused, or
quarantined: that one has a way back of its own. Once it runs on that, it is one whose change waits like any other.
Pure. Not done here: starting it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace

from reconciler.plan.block import tells_how_to_start
from reconciler.plan.change import Action, Cause, Change, Disposition, Plan, Reason
from reconciler.plan.diff import LIVE
from reconciler.plan.expansion import expansion, of_wizard, same
from reconciler.plan.fact import Observed, ProcessFact, ProcessState
from reconciler.plan.fields import PINNED, Secrets, in_the_open, secret_refs, texts_of, wanted_fields
from reconciler.plan.fresh import with_fresh_secrets
from reconciler.plan.generation import OF_GIT, Effective, StandIn, named, wanted_instead
from reconciler.plan.held import Generation, Records
from reconciler.plan.repeat import stopped
from reconciler.plan.resource import CodebaseVersion, Process, Resource
from reconciler.plan.retire import body_key

Standing = Mapping[str, StandIn]
Look = Callable[[Effective], tuple[Observed, Plan]]
"""What is seen of what is wanted, and the plan of it."""
_LIVES = LIVE | {ProcessState.ORPHAN}


def with_stand_ins(wants: Effective, standing: Standing) -> Effective:
    """What is wanted with these generations in place of what Git declares. What wizards share is made as declared."""
    instead = {name: one.resources for name, one in standing.items() if one.resources is not None}
    desired = wanted_instead(wants.desired, instead)
    kept = {resource.key for resource in desired.resources}
    shared = (r for r in wants.desired.resources if isinstance(r, CodebaseVersion) and r.key not in kept)
    why = {name: one.why for name, one in standing.items()}
    desired = replace(desired, resources=(*shared, *desired.resources), standing=why)
    return replace(wants, desired=desired, standing=standing)


def stood_in(
    wants: Effective,
    records: Records,
    restart: Set[str],
    look: Look,
    put: Callable[[Effective, Standing], Effective] = with_stand_ins,
    stale: Set[str] = frozenset(),
) -> tuple[Effective, Observed, Plan]:
    """Plans, and where somebody needs a stand-in, plans again with it. One that can't start either is tried with the
    texts of its time, and then taken out again: what was said first is said then. `restart`: wizards to restart on what
    they run on, whatever their change waits for. `stale`: those that have just failed with newer texts."""
    standing: dict[str, StandIn] = {}
    failed, now = set[str](), wants
    observed, plan = look(wants)
    while True:
        fell = {name for name in standing if _fell(name, plan, records)}
        found = {} if fell else _found(plan, wants, _Scene(observed, records, restart, stale), failed | standing.keys())
        beyond = set[str]() if fell or found else _beyond(plan, standing) - restart
        if not fell and not found and not beyond:
            told = _told(plan, standing, records)
            return replace(now, standing={**now.standing, **_as_before(plan, records)}), observed, told
        old = {name for name in fell if standing[name].fresh}
        stale |= old | beyond
        failed |= fell - old
        fell |= beyond
        standing = {**{name: one for name, one in standing.items() if name not in fell}, **found}
        now = put(wants, standing) if standing else wants
        observed, plan = look(now)


def _beyond(plan: Plan, standing: Standing) -> set[str]:
    """Who runs and would be restarted for newer texts alone, where that is what the policy may refuse: it must not keep
    those down who have ended."""
    restarts = (c.wizard or "" for c in plan.changes if isinstance(c.resource, Process) and c.action is Action.RESTART)
    return {name for name in restarts if plan.refusals and name in standing and standing[name].fresh}


def _as_before(plan: Plan, records: Records) -> Standing:
    """Who only starts as it did last: no commit is to blame when it does not hold."""
    found = {change.wizard or "": change for change in plan.changes if change.as_before}
    why = {name: next((r.text for r in change.reasons if r.cause is Cause.BACK), "") for name, change in found.items()}
    return {name: StandIn(why[name], one, (), None) for name in found if (one := _in_force(name, records))}


def _fell(name: str, plan: Plan, records: Records) -> bool:
    """Whether its stand-in waits as well; not where that was tried too often, which is what there is to say then."""
    mine = [change for change in plan.waiting if change.wizard == name]
    waits = any(isinstance(change.resource, Process) for change in mine)
    return waits and not any(stopped(change, records) for change in mine)


@dataclass(frozen=True, slots=True)
class _Scene:
    """What is known when a stand-in is looked for. `stale`: wizards that get the texts of their time, because they
    can't start on those that have come since."""

    observed: Observed
    records: Records
    restart: Set[str]
    stale: Set[str]


def _found(plan: Plan, wants: Effective, scene: _Scene, known: Set[str]) -> Standing:
    """Who needs a stand-in and has none yet."""
    declared, found = None, {}
    for change in plan.waiting:
        name, process = change.wizard or "", change.resource
        if not isinstance(process, Process) or not process.run or change.renaming:
            continue
        generation = _in_force(name, scene.records)
        if generation is None or name in known | wants.quarantined.keys() | scene.records.pauses.keys():
            continue
        if name not in wants.desired.wizards:
            continue  # one that goes, or is about to get another name (as_before.py)
        declared = declared or of_wizard(wants.desired)
        fresh = _fresh(generation, declared[name], scene)
        if _needed(name, process, fresh, scene) and not _may_try(process, scene.observed):
            secrets = scene.observed.secrets
            made = expansion(declared[name], secrets, wants.desired.company.get(name, ""))
            changes = tuple(other for other in plan.changes if other.wizard == name)
            alike = same(generation, made) and not made.missing
            resources = None if alike else tuple(_mixed(declared[name], fresh, changes, secrets))
            newer = not alike and fresh is not generation
            found[name] = StandIn(change.obstacle, generation, changes, resources, newer)
    return found


def _fresh(generation: Generation, declared: tuple[Resource, ...], scene: _Scene) -> Generation:
    """The generation with the texts that have come since; itself where there are none."""
    if generation.wizard in scene.stale:
        return generation
    resources = with_fresh_secrets(generation, declared, (), scene.observed.secrets)
    return generation if resources == generation.resources else replace(generation, resources=resources)


def _needed(name: str, process: Process, fresh: Generation, scene: _Scene) -> bool:
    if _down(name, process, scene.observed, scene.records):
        return True
    entry = scene.records.held.get(process.key)
    then = next((r for r in fresh.resources if isinstance(r, Process)), None)
    if entry is None or then is None:
        return False
    wanted = wanted_fields(then, texts_of(then, scene.observed.secrets))
    if in_the_open(entry.fields) != in_the_open(wanted):
        return False  # it was started on something else
    if entry.fields == wanted:
        return name in scene.restart
    # Only for a text that Git's reference reads now; not back to one of then, while that can't be read.
    before, now = dict(entry.fields), dict(wanted_fields(process, scene.observed.secrets))
    newer = any(before.get(path) != value and now.get(path) == value for path, value in wanted)
    return newer and name not in scene.stale and (name in scene.restart or _runs(process, scene.observed))


def _runs(process: Process, observed: Observed) -> bool:
    fact = observed.facts.get(process.key)
    return isinstance(fact, ProcessFact) and fact.state in LIVE


def _in_force(name: str, records: Records) -> Generation | None:
    return next((g for g in records.generations.get(name, ()) if not g.rejected), None)


def _mixed(
    declared: Iterable[Resource], generation: Generation, changes: Iterable[Change], secrets: Secrets
) -> Iterator[Resource]:
    """The generation, but for what is or can be as Git declares it while the process is not: what the program reads and
    how it is started goes with the process, and is as Git declares it only where both say the same."""
    then = {resource.key: resource for resource in generation.resources}
    process = next(resource for resource in generation.resources if isinstance(resource, Process))
    waiting = {change.key for change in changes if not _doable(change)}
    now = {
        resource.key: resource
        for resource in declared
        if resource.key not in waiting
        and not isinstance(resource, Process | CodebaseVersion)
        and (not tells_how_to_start(resource, process) or _equal(then.get(resource.key), resource, secrets))
    }
    gone = {change.key for change in changes if change.action is Action.DELETE} - waiting
    yield from (now.pop(key, resource) for key, resource in then.items() if key not in gone)
    yield from now.values()


def _equal(then: Resource | None, now: Resource, secrets: Secrets) -> bool:
    return then is not None and wanted_fields(then, texts_of(then, secrets)) == wanted_fields(now, secrets)


def _down(name: str, process: Process, observed: Observed, records: Records) -> bool:
    """A wizard that is about to get its name runs under the one before."""
    keys = [process.key, *(body_key(one.old) for one in records.renamings if one.new == name and one.stored)]
    facts = [fact for key in keys if (fact := observed.facts.get(key)) is not None]
    seen = all(isinstance(fact, ProcessFact) for fact in facts)
    lives = any(isinstance(fact, ProcessFact) and fact.state in _LIVES for fact in facts)
    return bool(facts) and seen and (not lives or process.key in observed.silent)


def _may_try(process: Process, observed: Observed) -> bool:
    """Whether only the next try can tell if it is still in the way: it would take the stand-in down again each time."""
    return process.key in observed.resting and process.port not in observed.listeners


def _told(plan: Plan, standing: Standing, records: Records) -> Plan:
    """The plan with what waits, and with the true reasons of what is done instead."""
    if not plan.waiting and not standing:
        return plan
    keys, running = {change.key for change in plan.changes}, dict(_meanwhile(plan, records))
    late = (c for one in standing.values() for c in one.changes if c.key not in keys and not _doable(c))
    changes = (_instead(change, standing, running) for change in plan.changes)
    return replace(plan, changes=(*changes, *late))


def _doable(change: Change) -> bool:
    return change.disposition is Disposition.APPLY


def _instead(change: Change, standing: Standing, running: Mapping[str | None, tuple[str, Generation]]) -> Change:
    one = standing.get(change.wizard or "")
    if one is not None:
        rest = (reason for reason in change.reasons if reason.cause not in OF_GIT)
        what = named(one.generation)
        what = f"{what} runs instead" if change.action is Action.START else f"stays on {what}"
        return replace(change, reasons=(*rest, Reason(Cause.BACK, f"{what}: {one.why}")))
    why, generation = running.get(change.wizard, ("", None))
    if generation is None or change.obstacle != why:
        return change
    return replace(change, obstacle=f"{why}; {named(generation)} runs instead until then")


def _meanwhile(plan: Plan, records: Records) -> Iterator[tuple[str | None, tuple[str, Generation]]]:
    """Wizard whose process waits -> for what, and the generation that stood in for it and runs."""
    for change in plan.waiting:
        generation = _in_force(change.wizard or "", records)
        if generation and change.wizard not in records.pauses and _runs_instead(change, generation, records):
            yield change.wizard, (change.obstacle, generation)


def _runs_instead(change: Change, generation: Generation, records: Records) -> bool:
    """Whether it was started on the generation in place of what Git declared, which its pinned secrets tell."""
    entry = records.held.get(change.key)
    if not isinstance(change.resource, Process) or change.action is Action.START or entry is None:
        return False
    stood = any(ref.source == PINNED for ref in secret_refs(entry.resource))
    then = (r for r in generation.resources if isinstance(r, Process))
    return stood and any(
        in_the_open(wanted_fields(one, {})) == in_the_open(wanted_fields(entry.resource, {})) for one in then
    )
