"""What Git no longer declares: how each held resource leaves the host without losing anything.

A wizard whose folder we made moves whole into the attic. A claimed home stays where it is: files that we made are
removed, claimed files lose only our keys. Nothing is removed that the inventory does not hold, nor on "unknown".
Not done here: versions of codebases (prune.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import assert_never

from reconciler.plan.change import Action, Cause, Change, Disposition, FieldChange, Reason
from reconciler.plan.fact import Absent, Fact, InTheWay, Present, Unknown
from reconciler.plan.fields import KEY
from reconciler.plan.held import Held, Origin, Stored
from reconciler.plan.resource import CodebaseVersion, Directory, KeyedFile, Process, Symlink, TextFile

GONE = (Reason(Cause.REMOVED, "no longer in Git"),)
_UNSEEN = Unknown("was not looked at")


def folder_key(wizard: str) -> str:
    return f"wizard/{wizard}/dir"


def body_key(wizard: str) -> str:
    return f"wizard/{wizard}/body"


def attic_key(wizard: str) -> str:
    return f"wizard/{wizard}/attic"


def retire_wizard(name: str, held: Mapping[str, Held], facts: Mapping[str, Fact], attic: str) -> Iterator[Change]:
    """Changes that take a removed wizard off the host; `held` are its own entries, `attic` the path for its folder."""
    folder = movable(name, held)
    fact = facts.get(folder_key(name), _UNSEEN)
    if folder is None or isinstance(fact, Absent | InTheWay):
        yield from retire(held.values(), facts)
        return
    yield from retire((e for e in held.values() if not _within(e, folder)), facts)
    obstacle = f"could not be observed: {fact.reason}" if isinstance(fact, Unknown) else ""
    yield Change(
        key=attic_key(name),
        wizard=name,
        action=Action.STORE,
        resource=folder,
        reasons=GONE,
        stored=Stored(name, attic, folder.path),
        disposition=Disposition.BLOCKED if obstacle else Disposition.APPLY,
        obstacle=obstacle,
    )


def movable(name: str, held: Mapping[str, Held]) -> Directory | None:
    """The wizard's folder, when it is ours to move: we made it, and no folder in it was there before us. `held` are the
    wizard's own entries."""
    folder = held.get(folder_key(name))
    if folder is None or not isinstance(folder.resource, Directory):
        return None
    claimed = (e for e in held.values() if e.origin is Origin.CLAIMED and isinstance(e.resource, Directory))
    return None if any(_within(entry, folder.resource) for entry in claimed) else folder.resource


def return_wizard(stored: Stored, folder: Directory, fact: Fact | None, there: Fact | None = None) -> Change:
    """The change that brings a wizard's folder back from the attic. `fact` is what stands at its original path, `there`
    its folder in the attic. Where somebody emptied the attic the entry is released, and the wizard begins anew."""
    vanished = isinstance(there, Absent)
    obstacle = _no_way_back(stored, fact, vanished)
    back = "is in Git again: its memories come back from the attic"
    emptied = f"is in Git again, and {stored.path} is gone from the attic: it begins anew"
    return Change(
        key=attic_key(stored.wizard),
        wizard=stored.wizard,
        action=Action.RELEASE if vanished and not obstacle else Action.RETURN,
        resource=folder,
        reasons=(Reason(Cause.DECLARED, emptied if vanished else back),),
        stored=stored,
        disposition=Disposition.BLOCKED if obstacle else Disposition.APPLY,
        obstacle=obstacle,
    )


def _no_way_back(stored: Stored, fact: Fact | None, vanished: bool) -> str:
    match fact:
        case Absent():
            return ""
        case None:
            return f"{stored.original} was not looked at"
        case Unknown(reason=reason):
            return f"{stored.original} could not be observed: {reason}"
        case _ if vanished:
            return f"something stands at {stored.original}, and its attic is gone; move it to {stored.path}"
        case _:
            return f"something stands at {stored.original}; move it away"


def retire(entries: Iterable[Held], facts: Mapping[str, Fact]) -> Iterator[Change]:
    """One change for each held resource that goes away for itself."""
    for entry in entries:
        change = _retire(entry, facts.get(entry.resource.key, _UNSEEN))
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
            return _leave(entry, Action.STOP)  # also what has ended: its supervisor has to forget it
        case KeyedFile():
            return _without_our_keys(entry, resource, fact)
        case Directory() | TextFile() | Symlink():
            ours = entry.origin is Origin.CREATED and isinstance(fact, Present)
            return _leave(entry, Action.DELETE if ours else Action.RELEASE)
        case CodebaseVersion():
            return None  # prune.py
        case _:
            assert_never(resource)


def _without_our_keys(entry: Held, file: KeyedFile, fact: Fact) -> Change:
    """Takes our keys out. The resource comes without its keys: nobody needs their secrets for that."""
    live = dict(fact.fields) if isinstance(fact, Present) else {}
    ours = [path for path, _ in entry.fields if path[0] == KEY and path in live]
    fields = tuple(FieldChange(path, live[path], None, Cause.REMOVED) for path in ours)
    return replace(_leave(entry, Action.RELEASE), resource=replace(file, keys=()), fields=fields)


def _leave(entry: Held, action: Action, disposition: Disposition = Disposition.APPLY, obstacle: str = "") -> Change:
    resource = entry.resource
    return Change(resource.key, resource.wizard, action, resource, GONE, (), entry.origin, disposition, obstacle)


def _within(entry: Held, folder: Directory) -> bool:
    """Whether the entry moves with the folder."""
    resource = entry.resource
    return not isinstance(resource, Process) and f"{resource.path}/".startswith(f"{folder.path}/")
