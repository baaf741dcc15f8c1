"""What stands in the way of a change: a pause, a port that somebody else holds, or a blocked change that it needs.

A held or blocked change stays in the plan, with the reason and the mend; apply leaves it alone.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from reconciler.plan.change import Action, Change, Disposition
from reconciler.plan.expand import Desired
from reconciler.plan.fact import Listener, Observed, ProcessFact
from reconciler.plan.held import Records
from reconciler.plan.repeat import stopped
from reconciler.plan.resource import CodebaseVersion, Directory, KeyedFile, Process, Resource, Symlink, TextFile

_STARTS = frozenset({Action.START, Action.RESTART})
_STOPS = frozenset({Action.STOP, Action.RESTART})


@dataclass(frozen=True, slots=True)
class Blocked:
    """The changes with their dispositions; `waits`: process to start -> processes whose stop frees its port."""

    changes: tuple[Change, ...]
    waits: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class _Ports:
    """Who holds which port: listeners as the kernel tells them, pid -> key of our processes, and the ports on which
    processes of ours were started. A gateway needs seconds until it listens; its port is taken all the same."""

    listeners: Mapping[int, Listener]
    owners: Mapping[int, str]
    started: Mapping[int, str]

    def holder(self, port: int) -> str | None:
        """Key of the process of ours that holds the port."""
        listener = self.listeners.get(port)
        if listener is None:
            return self.started.get(port)
        return self.owners.get(listener.pid) if listener.pid is not None else None

    def free(self, port: int) -> bool:
        return port not in self.listeners and port not in self.started


@dataclass(frozen=True, slots=True)
class _Index:
    """Which changes may have to wait for a given one."""

    of_wizard: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    of_codebase: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    of_holder: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def waiting_for(self, change: Change) -> Iterator[str]:
        yield from self.of_wizard.get(change.wizard, ()) if change.wizard else ()
        yield from self.of_holder.get(change.key, ())
        if isinstance(change.resource, CodebaseVersion):
            yield from self.of_codebase.get(change.resource.path, ())


def block(
    changes: Iterable[Change],
    desired: Desired,
    observed: Observed,
    records: Records,
    waiting: Mapping[str, str] | None = None,
) -> Blocked:
    """Holds what is paused, has to wait (`waiting`: wizard -> why) or came back too often, blocks what can't be done,
    and then all that needs what is stuck."""
    current = {change.key: _held(change, records, waiting or {}) for change in changes}
    if not current:
        return Blocked((), {})
    ports = _ports(desired, observed, records)
    for change in tuple(current.values()):
        obstacle = "" if _stuck(change) else observed.resting.get(change.key) or _port_obstacle(change, ports, current)
        if obstacle:
            current[change.key] = _blocked(change, obstacle)
    _spread(current, ports, desired)
    return Blocked(tuple(current.values()), _waits(current, ports))


def _spread(current: dict[str, Change], ports: _Ports, desired: Desired) -> None:
    """Blocks what needs a stuck change, then what needs that, each change once."""
    index = _index(current, ports, _programs(current, desired))
    stuck = deque(key for key, change in current.items() if _stuck(change))
    while stuck:
        other = current[stuck.popleft()]
        for key in index.waiting_for(other):
            change = current[key]
            if not _stuck(change) and _needs(change, other):
                current[key] = _blocked(change, _because(change, other))
                stuck.append(key)


def _programs(current: Mapping[str, Change], desired: Desired) -> Mapping[str | None, str]:
    """Wizard -> the codebase version that it is to run; looked up only where one is about to be installed."""
    if not any(isinstance(change.resource, CodebaseVersion) for change in current.values()):
        return {}
    return {r.wizard: r.codebase for r in desired.resources if isinstance(r, Process)}


def _index(current: Mapping[str, Change], ports: _Ports, programs: Mapping[str | None, str]) -> _Index:
    index = _Index()
    for key, change in current.items():
        if change.wizard:
            index.of_wizard[change.wizard].append(key)
        resource = change.resource
        if isinstance(resource, Symlink):
            index.of_codebase[resource.target].append(key)
        elif isinstance(resource, TextFile):
            path = programs.get(change.wizard)
            if path and f"{path}/" in resource.text:
                index.of_codebase[path].append(key)
        elif isinstance(resource, Process) and change.action in _STARTS:
            index.of_codebase[resource.codebase].append(key)
            holder = ports.holder(resource.port)
            if holder and holder != key:
                index.of_holder[holder].append(key)
    return index


def _held(change: Change, records: Records, waiting: Mapping[str, str]) -> Change:
    pause = records.pauses.get(change.wizard) if change.wizard else None
    if pause is None:
        why = waiting.get(change.wizard or "") or stopped(change, records)
        return replace(change, disposition=Disposition.HELD, obstacle=why) if why else change
    why = f" ({pause.reason})" if pause.reason else ""
    text = f"paused since {pause.since}{why}; `reconciler resume {pause.wizard}` lets it go on"
    return replace(change, disposition=Disposition.HELD, obstacle=text)


def _ports(desired: Desired, observed: Observed, records: Records) -> _Ports:
    held = {key: e.resource for key, e in records.held.items() if isinstance(e.resource, Process)}
    keys = {r.key for r in desired.resources if isinstance(r, Process)} | held.keys()
    facts = ((key, observed.facts.get(key)) for key in sorted(keys))
    pids = {key: fact.pid for key, fact in facts if isinstance(fact, ProcessFact) and fact.pid is not None}
    return _Ports(
        observed.listeners,
        {pid: key for key, pid in pids.items()},
        {process.port: key for key, process in sorted(held.items()) if key in pids},
    )


def _port_obstacle(change: Change, ports: _Ports, current: Mapping[str, Change]) -> str:
    process = change.resource
    if change.action not in _STARTS or not isinstance(process, Process) or ports.free(process.port):
        return ""
    owner = ports.holder(process.port)
    if owner == change.key:
        return ""
    if owner is None:
        listener = ports.listeners[process.port]
        who = f"pid {listener.pid} ({listener.command})" if listener.pid else "a process that the kernel does not name"
        return f"port {process.port} is held by {who}; stop it, or give the wizard another port"
    holder = current.get(owner)
    return "" if holder and holder.action in _STOPS else _not_stopped(process.port, owner)


def _not_stopped(port: int, owner: str) -> str:
    return f"port {port} is held by {owner}, which this plan does not stop"


def _because(change: Change, other: Change) -> str:
    if isinstance(other.resource, Process) and isinstance(change.resource, Process) and change.wizard != other.wizard:
        return _not_stopped(change.resource.port, other.key)
    return f"waits for {other.key}: {other.obstacle}"


def _needs(change: Change, other: Change) -> bool:
    """Whether a change that may have to wait for a stuck one really does.

    A start waits for its files, its codebase and its port. A file waits for its folder. What the program reads, and the
    script and the link that tell how to start it, wait for a start that can't be made now: a crash would start the
    gateway on half of the change. Nothing of a wizard is taken away while its process can't be stopped, and its folder
    moves when nothing else of it is stuck. A wizard gets another name whole or not at all.
    """
    if isinstance(other.resource, CodebaseVersion) or change.wizard != other.wizard:
        return True
    if other.action is Action.RETURN or change.action is Action.STORE or change.renaming or other.renaming:
        return True
    if isinstance(other.resource, Process):
        return change.action is Action.DELETE or _tells_how_to_start(change.resource, other.resource)
    if change.action in _STARTS:
        return True
    if isinstance(other.resource, Directory) and not isinstance(change.resource, Process):
        return change.resource.path.startswith(f"{other.resource.path}/")
    return False


def _tells_how_to_start(resource: Resource, process: Process) -> bool:
    if isinstance(resource, TextFile):
        return not resource.path.startswith(f"{process.home}/")
    return isinstance(resource, KeyedFile | Symlink)


def _blocked(change: Change, obstacle: str) -> Change:
    return replace(change, disposition=Disposition.BLOCKED, obstacle=obstacle)


def _stuck(change: Change) -> bool:
    return change.disposition is not Disposition.APPLY


def _waits(current: Mapping[str, Change], ports: _Ports) -> Mapping[str, frozenset[str]]:
    """Which stop a start waits for: that of its port's holder, when it is another process of ours."""
    waits: dict[str, frozenset[str]] = {}
    for change in current.values():
        process = change.resource
        if change.action in _STARTS and isinstance(process, Process):
            owner = ports.holder(process.port)
            if owner and owner != change.key:
                waits[change.key] = frozenset({owner})
    return waits
