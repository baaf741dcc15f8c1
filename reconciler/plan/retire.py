"""What Git no longer declares: how each held resource leaves the host without losing anything.

A wizard whose folder we made moves whole into the attic. A claimed home stays where it is: files that we made are
removed, claimed files lose only our keys. Nothing is removed that the inventory does not hold, nor on "unknown".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import assert_never

from reconciler.plan.change import Action, Cause, Change, Disposition, FieldChange, Reason
from reconciler.plan.diff import HAS_PROCESS
from reconciler.plan.fact import Absent, Fact, Present, ProcessFact, Unknown
from reconciler.plan.fields import KEY
from reconciler.plan.held import Held, Origin, Stored
from reconciler.plan.resource import CodebaseVersion, Directory, KeyedFile, Process, Symlink, TextFile

GONE = (Reason(Cause.REMOVED, "no longer in Git"),)


def folder_key(wizard: str) -> str:
    return f"wizard/{wizard}/dir"


def attic_key(wizard: str) -> str:
    return f"wizard/{wizard}/attic"


def retire_wizard(name: str, held: Mapping[str, Held], facts: Mapping[str, Fact], attic: str) -> Iterator[Change]:
    """Changes that take a removed wizard off the host; `held` are its own entries, `attic` the path for its folder."""
    folder = held.get(folder_key(name))
    processes = {key: entry for key, entry in held.items() if isinstance(entry.resource, Process)}
    yield from retire(processes.values(), facts)
    rest = [entry for key, entry in held.items() if key not in processes]
    movable = folder is not None and folder.origin is Origin.CREATED and isinstance(folder.resource, Directory)
    if not movable or folder is None or not isinstance(folder.resource, Directory):
        yield from retire(rest, facts)
        return
    path = folder.resource.path
    stored = Stored(name, attic, path)
    outside = [e for e in rest if not isinstance(e.resource, Process) and not _below(e.resource.path, path)]
    yield from retire(outside, facts)
    if isinstance(facts.get(folder.resource.key), Absent):
        yield from retire((e for e in rest if e not in outside), facts)
        return
    fact = facts.get(folder.resource.key)
    obstacle = f"could not be observed: {fact.reason}" if isinstance(fact, Unknown) else ""
    yield Change(
        key=attic_key(name),
        wizard=name,
        action=Action.STORE,
        resource=folder.resource,
        reasons=GONE,
        stored=stored,
        disposition=Disposition.BLOCKED if obstacle else Disposition.APPLY,
        obstacle=obstacle,
    )


def return_wizard(stored: Stored, folder: Directory, fact: Fact | None) -> Change:
    """The change that brings a wizard's folder back from the attic. `fact` is what stands at its original path."""
    free = fact is None or isinstance(fact, Absent)
    return Change(
        key=attic_key(stored.wizard),
        wizard=stored.wizard,
        action=Action.RETURN,
        resource=folder,
        reasons=(Reason(Cause.DECLARED, "is in Git again: its memories come back from the attic"),),
        stored=stored,
        disposition=Disposition.APPLY if free else Disposition.BLOCKED,
        obstacle="" if free else f"something stands at {stored.original}; move it away",
    )


def retire(entries: Iterable[Held], facts: Mapping[str, Fact]) -> Iterator[Change]:
    """One change for each held resource that goes away for itself."""
    for entry in entries:
        change = _retire(entry, facts.get(entry.resource.key, Unknown("was not looked at")))
        if change is not None:
            yield change


def _retire(entry: Held, fact: Fact) -> Change | None:
    if isinstance(fact, Unknown):
        return _leave(entry, Action.DELETE, Disposition.BLOCKED, f"could not be observed: {fact.reason}")
    if isinstance(fact, Absent):
        return _leave(entry, Action.RELEASE)
    resource = entry.resource
    match resource:
        case Process():
            live = isinstance(fact, ProcessFact) and fact.state in HAS_PROCESS
            return _leave(entry, Action.STOP if live else Action.RELEASE)
        case KeyedFile():
            return _without_our_keys(entry, fact)
        case Directory() | TextFile() | Symlink():
            ours = entry.origin is Origin.CREATED and isinstance(fact, Present)
            return _leave(entry, Action.DELETE if ours else Action.RELEASE)
        case CodebaseVersion():
            return None  # an unused version may be a wizard's way back
        case _:
            assert_never(resource)


def _without_our_keys(entry: Held, fact: Fact) -> Change:
    live = dict(fact.fields) if isinstance(fact, Present) else {}
    ours = [path for path, _ in entry.fields if path[0] == KEY and path in live]
    fields = tuple(FieldChange(path, live[path], None, Cause.REMOVED) for path in ours)
    return Change(
        entry.resource.key,
        entry.resource.wizard,
        Action.RELEASE,
        entry.resource,
        GONE,
        fields,
        entry.origin,
    )


def _leave(entry: Held, action: Action, disposition: Disposition = Disposition.APPLY, obstacle: str = "") -> Change:
    resource = entry.resource
    return Change(resource.key, resource.wizard, action, resource, GONE, (), entry.origin, disposition, obstacle)


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")
