"""Which installed versions of a codebase nobody needs any more.

The last two unused ones of each codebase stay: they are the way back. What is older goes, and so does what was never
finished, once everything else of the plan has been done. Never a version that Git declares, that a process was last
started from or will be, that a link names, or that a generation came from; and nothing at all while a process lives of
which it is not known what it runs. Pure; not done here: removing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from reconciler.plan.change import Action, Cause, Change, Disposition, Reason
from reconciler.plan.expand import Desired
from reconciler.plan.fact import Absent, InTheWay, Observed, Present, ProcessFact, Unknown
from reconciler.plan.fields import inputs_digest, wanted_fields
from reconciler.plan.held import Held, Records
from reconciler.plan.resource import CodebaseVersion, Process, Resource, Symlink

KEPT = 2
"""Unused versions of each codebase that stay."""
_ENDS = frozenset({Action.STOP, Action.RELEASE, Action.DELETE})
_GONE = Reason(Cause.REMOVED, "is gone from the disk, and nobody needs it")
_UNFINISHED = Reason(Cause.REMOVED, "was never finished, and nobody needs it")
_UNUSED = Reason(Cause.REMOVED, f"nobody runs it; the last {KEPT} unused versions stay")


def prune(desired: Desired, observed: Observed, records: Records, changes: Iterable[Change]) -> tuple[Change, ...]:
    """The versions to remove once `changes`, which are all others of the plan, have been made."""
    wanted = {r.path for r in desired.resources if isinstance(r, CodebaseVersion)}
    idle = {
        key: (entry, entry.resource)
        for key, entry in records.held.items()
        if isinstance(entry.resource, CodebaseVersion) and entry.resource.path not in wanted
    }
    if not idle:
        return ()
    doable = {change.key: change for change in changes if change.disposition is Disposition.APPLY}
    if _in_the_dark(desired, observed, records, doable):
        return ()
    needed = set(_needed(records, doable))
    leaving = {path for entry in records.held.values() if (path := _runs(entry.resource))} - needed
    free = [(entry, version) for entry, version in idle.values() if version.path not in needed]
    free.sort(key=lambda pair: pair[1].path in leaving)  # held in the order of their use; what is left now comes last
    return tuple(_changes(free, observed))


def _changes(free: Iterable[tuple[Held, CodebaseVersion]], observed: Observed) -> Iterator[Change]:
    """Oldest first; `free` are versions that nobody needs."""
    whole: dict[str, list[Held]] = defaultdict(list)
    for entry, version in free:
        match observed.facts.get(version.key):
            case Absent() | InTheWay():
                yield _change(entry, Action.RELEASE, _GONE)
            case Present(fields=()):
                yield _change(entry, Action.DELETE, _UNFINISHED)
            case Present():
                whole[version.path.rpartition("/")[0]].append(entry)
            case _:
                pass  # could not be observed: nothing is removed
    for entries in whole.values():
        yield from (_change(entry, Action.DELETE, _UNUSED) for entry in entries[:-KEPT])


def _change(entry: Held, action: Action, reason: Reason) -> Change:
    return Change(entry.resource.key, None, action, entry.resource, (reason,), origin=entry.origin)


def _needed(records: Records, doable: Mapping[str, Change]) -> Iterator[str]:
    """Paths of the versions that are still needed when the plan has been applied."""
    stored = {change.wizard for change in doable.values() if change.action is Action.STORE}
    for key, entry in records.held.items():
        change, owner = doable.get(key), entry.resource.wizard
        if owner in records.attic or owner in stored or (change and change.action in _ENDS):
            continue
        yield _runs(change.resource if change else entry.resource)
    for generations in records.generations.values():
        yield from (_runs(resource) for generation in generations for resource in generation.resources)


def _runs(resource: Resource) -> str:
    """Path of the version that the resource runs or links to; "" for all others."""
    match resource:
        case Process(codebase=path) | Symlink(target=path):
            return path
        case _:
            return ""


def _in_the_dark(desired: Desired, observed: Observed, records: Records, doable: Mapping[str, Change]) -> bool:
    """Whether a process lives, and this plan does not stop it, of which we don't know what it was started with."""
    held = {
        key: entry
        for key, entry in records.held.items()
        if isinstance(entry.resource, Process) and entry.resource.wizard not in records.attic
    }
    declared = {r.key: r for r in desired.resources if isinstance(r, Process)}
    for key in held.keys() | declared.keys():
        fact = observed.facts.get(key)
        if fact is None or isinstance(fact, Unknown):
            return True
        change = doable.get(key)
        stops = change is not None and change.stops
        if isinstance(fact, ProcessFact) and fact.pid is not None and not stops:
            known = {inputs_digest(held[key].fields)} if key in held else set()
            if key in declared:
                known.add(inputs_digest(wanted_fields(declared[key], observed.secrets)))
            if fact.inputs not in known:
                return True
    return False
