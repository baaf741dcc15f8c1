"""What stands in the way of a change: a pause, a port that somebody else holds, or a blocked change that it needs.

A held or blocked change stays in the plan, with the reason and the mend; apply leaves it alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from reconciler.plan.change import Action, Change, Disposition
from reconciler.plan.expand import Desired
from reconciler.plan.fact import Listener, Observed, ProcessFact
from reconciler.plan.held import Records
from reconciler.plan.resource import CodebaseVersion, KeyedFile, Process, Symlink

_STARTS = frozenset({Action.START, Action.RESTART})
_STOPS = frozenset({Action.STOP, Action.RESTART})


@dataclass(frozen=True, slots=True)
class Blocked:
    """The changes with their dispositions; `waits`: process to start -> processes whose stop frees its port."""

    changes: tuple[Change, ...]
    waits: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class _Round:
    """One look at all changes: by key, those that are stuck by wizard, and who holds which port."""

    known: Mapping[str, Change]
    stuck: Mapping[str | None, tuple[Change, ...]]
    listeners: Mapping[int, Listener]
    owners: Mapping[int, str]

    def holder(self, port: int) -> str | None:
        """Key of the process of ours that listens on the port."""
        listener = self.listeners.get(port)
        return self.owners.get(listener.pid) if listener and listener.pid is not None else None


def block(changes: Iterable[Change], desired: Desired, observed: Observed, records: Records) -> Blocked:
    """Holds what is paused, then blocks what can't be done, until nothing more changes."""
    current = tuple(_paused(change, records) for change in changes)
    if not current:
        return Blocked((), {})
    owners = _owners(desired, observed, records)
    while True:
        view = _round(current, observed.listeners, owners)
        after = tuple(_check(change, view) for change in current)
        if all(a is b for a, b in zip(after, current, strict=True)):
            return Blocked(after, _waits(view))
        current = after


def _round(changes: tuple[Change, ...], listeners: Mapping[int, Listener], owners: Mapping[int, str]) -> _Round:
    stuck: dict[str | None, tuple[Change, ...]] = {}
    for change in changes:
        if _stuck(change):
            stuck[change.wizard] = (*stuck.get(change.wizard, ()), change)
    return _Round({change.key: change for change in changes}, stuck, listeners, owners)


def _paused(change: Change, records: Records) -> Change:
    pause = records.pauses.get(change.wizard) if change.wizard else None
    if pause is None:
        return change
    why = f" ({pause.reason})" if pause.reason else ""
    text = f"paused since {pause.since}{why}; `reconciler resume {pause.wizard}` lets it go on"
    return replace(change, disposition=Disposition.HELD, obstacle=text)


def _owners(desired: Desired, observed: Observed, records: Records) -> Mapping[int, str]:
    """Pid -> key of the process of ours that has it."""
    keys = {r.key for r in desired.resources if isinstance(r, Process)}
    keys |= {key for key, entry in records.held.items() if isinstance(entry.resource, Process)}
    facts = ((key, observed.facts.get(key)) for key in keys)
    return {fact.pid: key for key, fact in facts if isinstance(fact, ProcessFact) and fact.pid is not None}


def _check(change: Change, view: _Round) -> Change:
    if _stuck(change):
        return change
    obstacle = _port_obstacle(change, view) or _codebase_obstacle(change, view) or _own_obstacle(change, view)
    return replace(change, disposition=Disposition.BLOCKED, obstacle=obstacle) if obstacle else change


def _port_obstacle(change: Change, view: _Round) -> str:
    process = change.resource
    if change.action not in _STARTS or not isinstance(process, Process) or process.port not in view.listeners:
        return ""
    owner = view.holder(process.port)
    if owner == change.key:
        return ""
    if owner is None:
        listener = view.listeners[process.port]
        who = f"pid {listener.pid} ({listener.command})" if listener.pid else "a process that the kernel does not name"
        return f"port {process.port} is held by {who}; stop it, or give the wizard another port"
    holder = view.known.get(owner)
    if holder and holder.action in _STOPS and not _stuck(holder):
        return ""
    return f"port {process.port} is held by {owner}, which this plan does not stop"


def _codebase_obstacle(change: Change, view: _Round) -> str:
    """A link or a start waits for its codebase."""
    resource = change.resource
    if isinstance(resource, Symlink):
        path = resource.target
    elif isinstance(resource, Process) and change.action in _STARTS:
        path = resource.codebase
    else:
        return ""
    for other in view.stuck.get(None, ()):
        if isinstance(other.resource, CodebaseVersion) and other.resource.path == path:
            return f"waits for {other.key}: {other.obstacle}"
    return ""


def _own_obstacle(change: Change, view: _Round) -> str:
    """What a wizard's changes wait for among themselves.

    A start waits for its files. A file that the program reads waits for a start that can't be made now: a crash would
    start the gateway on half of the change. Nothing of a wizard is taken away while its process can't be stopped.
    """
    for other in view.stuck.get(change.wizard, ()) if change.wizard else ():
        if _needs(change, other):
            return f"waits for {other.key}: {other.obstacle}"
    return ""


def _needs(change: Change, other: Change) -> bool:
    if other.action is Action.RETURN:
        return True
    if isinstance(other.resource, Process):
        return isinstance(change.resource, KeyedFile) or change.action in (Action.STORE, Action.DELETE)
    return change.action in _STARTS


def _stuck(change: Change) -> bool:
    return change.disposition is not Disposition.APPLY


def _waits(view: _Round) -> Mapping[str, frozenset[str]]:
    """Which stops a start waits for: the holder of its port, when that is another process of ours."""
    waits: dict[str, frozenset[str]] = {}
    for change in view.known.values():
        process = change.resource
        if change.action in _STARTS and isinstance(process, Process):
            owner = view.holder(process.port)
            if owner and owner != change.key:
                waits[change.key] = frozenset({owner})
    return waits
