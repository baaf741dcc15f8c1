"""A wizard that can't get its new name yet, or would move with its root, goes on as it is: when it is down, it starts
as it did last, under its old name and in its old place.

Its folder and files are what they were: a rename is made whole or not at all, and nobody moves a folder for a root.
Pure. Not done here: renaming and what is in its way (formerly.py), and other changes that wait (stand_in.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import replace

from reconciler.plan.change import Action, Cause, Change, Disposition, Reason
from reconciler.plan.diff import HAS_PROCESS
from reconciler.plan.expand import Desired
from reconciler.plan.fact import Absent, Observed, Present, ProcessFact
from reconciler.plan.fields import PINNED, Secrets, in_the_open, secret_refs, wanted_fields
from reconciler.plan.held import Generation, Held, Records, Renaming, Stored
from reconciler.plan.resource import OwnedKey, Process, Resource
from reconciler.plan.retire import body_key, folder_key
from reconciler.plan.value import Hidden, SecretRef


def under_old_name(
    changes: Iterable[Change], desired: Desired, observed: Observed, records: Records, restart: Set[str]
) -> Iterator[Change]:
    """The changes of `formerly.rename_changes`, and the starts of those whose rename is in their way, in place of their
    stops. `restart`: wizards that a person wants restarted."""
    changes = tuple(changes)
    waiting = [c.renaming for c in changes if c.action is Action.RENAME and c.disposition is not Disposition.APPLY]
    obstacles = {c.renaming: c.obstacle for c in changes if c.action is Action.RENAME}
    starts = {}
    for one in waiting:
        found = _start(one, obstacles[one], desired, observed, records, restart) if one else None
        if found is not None:
            starts[found.key] = found
    yield from (change for change in changes if change.key not in starts)
    yield from starts.values()


def in_old_place(
    changes: Iterable[Change], desired: Desired, observed: Observed, records: Records, restart: Set[str]
) -> Iterator[Change]:
    """The changes, and the starts of those whose home would move, in place of what they wait for; but not where Git has
    given the port to another one."""
    for change in changes:
        process, held, name = change.resource, records.held.get(change.key), change.wizard or ""
        moves = isinstance(process, Process) and change.disposition is Disposition.BLOCKED and process.run
        if not moves or held is None or name in _apart(records) or not _elsewhere(held, process):
            yield change
            continue
        healthy = _healthy(records.generations.get(name, ()), held) and not _wanted_by(held, name, desired)
        there = observed.facts.get(folder_key(name))  # once a person has moved it, nothing is to begin in the old place
        healthy = healthy and isinstance(there, Absent)
        why = f"runs where it was: {change.obstacle}"
        texts = _kept(records.generations.get(name, ()))
        yield (_as_before(held, name, observed, why, texts, asked=name in restart) if healthy else None) or change


def _apart(records: Records) -> Set[str]:
    """Wizards with a way of their own: back to something older, or out of the attic, or to another name."""
    return records.quarantines.keys() | records.attic.keys() | {one.new for one in records.renamings}


def _elsewhere(held: Held, process: Resource) -> bool:
    before = held.resource
    return isinstance(before, Process) and isinstance(process, Process) and before.home != process.home


def with_both_names(only: Set[str], records: Records) -> frozenset[str]:
    """The wizards to look at, by whichever name of one that is about to get another one they were named."""
    both = [{one.old, one.new} for one in records.renamings]
    return frozenset(only).union(*(names for names in both if names & only))


def _start(
    one: Renaming, obstacle: str, desired: Desired, observed: Observed, records: Records, restart: Set[str]
) -> Change | None:
    held = records.held.get(body_key(one.old))
    name = one.new if one.stored else one.old
    if held is None or one.new in records.pauses or (one.stored and _is_to_rest(one.new, desired)):
        return None
    if one.old in records.attic or not _at(one.stored, held) or not _is_there(name, observed):
        return None  # its memories are not there: nothing is to begin anew in their place
    known = records.held.get(body_key(name), held)  # said for where the wizard will be, like its generations
    if not _healthy(records.generations.get(name, ()), known):
        return None
    why = f"runs as {one.old} until it can be {one.new}: {obstacle}"
    texts, asked = _kept(records.generations.get(name, ())), bool({one.old, one.new} & restart)
    change = _as_before(held, one.old, observed, why, texts, asked=asked)
    other = _owner(one, change, desired) if change else ""
    return replace(change, disposition=Disposition.BLOCKED, obstacle=other) if change and other else change


def _at(stored: Stored | None, held: Held) -> bool:
    """Whether its folder is where it was started, and not in the attic."""
    return stored is None or (isinstance(held.resource, Process) and held.resource.cwd == stored.path)


def _is_there(name: str, observed: Observed) -> bool:
    return isinstance(observed.facts.get(folder_key(name)), Present)


def _is_to_rest(name: str, desired: Desired) -> bool:
    return any(isinstance(r, Process) and r.key == body_key(name) and not r.run for r in desired.resources)


def _as_before(held: Held, name: str, observed: Observed, why: str, texts: Set[str], *, asked: bool) -> Change | None:
    """The start of what was started last; None where it lives, and nobody asked."""
    process, fact = held.resource, observed.facts.get(held.resource.key)
    if not isinstance(process, Process) or not process.run or not isinstance(fact, ProcessFact):
        return None
    lives = fact.state in HAS_PROCESS
    if lives and not asked:
        return None
    ended = fact.note or ("is not running" if fact.exit_code is None else f"ended with exit code {fact.exit_code}")
    first = Reason(Cause.REQUESTED, "asked for") if lives else Reason(Cause.ENDED, ended)
    action, as_started = Action.RESTART if lives else Action.START, _as_started(process, held, observed.secrets, texts)
    reasons = (first, Reason(Cause.BACK, why))
    return Change(process.key, name, action, as_started, reasons, origin=held.origin, as_before=True)


def _healthy(generations: tuple[Generation, ...], held: Held) -> bool:
    """Whether it was last started on what it was last healthy on."""
    generation = next((g for g in generations if not g.rejected), None)
    then = [r for r in generation.resources if isinstance(r, Process)] if generation else []
    return any(r.run and _inputs(r) == _inputs(held.resource) for r in then)


def _inputs(process: object) -> object:
    return in_the_open(wanted_fields(process, {})) if isinstance(process, Process) else None


def _kept(generations: tuple[Generation, ...]) -> Set[str]:
    """Digests of the texts of secrets that the host keeps."""
    refs = (ref for one in generations for resource in one.resources for ref in secret_refs(resource))
    return {ref.location for ref in refs if ref.source == PINNED}


def _as_started(process: Process, held: Held, secrets: Secrets, texts: Set[str]) -> Process:
    """With the texts of secrets that its files have, where the host keeps them: they are written anew when it is
    renamed."""
    if wanted_fields(process, secrets) == held.fields:
        return process
    digests = {path: value.digest for path, value in held.fields if isinstance(value, Hidden)}
    pinned = {
        key.value: SecretRef(PINNED, digests[key.path])
        for key in process.start_values
        if isinstance(key.value, SecretRef) and digests.get(key.path) in texts
    }
    keys = tuple(
        OwnedKey(k.path, pinned.get(k.value, k.value)) if isinstance(k.value, SecretRef) else k
        for k in process.start_values
    )
    return replace(process, start_values=keys, api_key=pinned.get(process.api_key, process.api_key))


def _owner(one: Renaming, change: Change, desired: Desired) -> str:
    """Why it can't have its port, where Git has given that to another wizard; else "". What it would go back to once it
    has its new name is kept for it."""
    port, name = _port(change.resource), _wanted_by(change, one.old, desired)
    if one.stored is not None or not name:
        return ""
    return f"port {port} is {name}'s in Git now; mend what keeps {one.old} from being {one.new}"


def _wanted_by(what: Held | Change, name: str, desired: Desired) -> str:
    """The other wizard to which Git gives the port of the process, or ""."""
    port = _port(what.resource)
    others = (r for r in desired.resources if isinstance(r, Process) and r.run and r.wizard != name)
    return next((r.wizard or "" for r in others if r.port == port), "")


def _port(resource: Resource) -> int:
    return resource.port if isinstance(resource, Process) else 0
