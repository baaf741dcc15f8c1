"""What stands in the way of a change: a pause, a port that is not free, or a blocked change that it needs.

A held or blocked change stays in the plan, with the reason and the mend; apply leaves it alone. Not done here: whose a
port is (ports.py).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace

from reconciler.plan.change import Action, Change, Disposition
from reconciler.plan.claims import STARTS
from reconciler.plan.expand import Desired
from reconciler.plan.held import Records
from reconciler.plan.ports import Ports, Waits
from reconciler.plan.repeat import stopped
from reconciler.plan.resource import CodebaseVersion, Directory, KeyedFile, Process, Resource, Symlink, TextFile


@dataclass(frozen=True, slots=True)
class Blocked:
    """The changes with their dispositions, and which processes wait for which."""

    changes: tuple[Change, ...]
    waits: Waits


@dataclass(frozen=True, slots=True)
class _Index:
    """Which changes may have to wait for a given one."""

    of_wizard: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    of_codebase: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    of_port: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def waiting_for(self, change: Change) -> Iterator[str]:
        yield from self.of_wizard.get(change.wizard, ()) if change.wizard else ()
        yield from self.of_port.get(change.key, ())
        if isinstance(change.resource, CodebaseVersion):
            yield from self.of_codebase.get(change.resource.path, ())


def block(
    changes: Iterable[Change],
    desired: Desired,
    resting: Mapping[str, str],
    records: Records,
    waiting: Mapping[str, str],
    ports: Ports,
) -> Blocked:
    """Holds what is paused, has to wait (`waiting`: wizard -> why) or came back too often, blocks what can't be done
    (`resting`: resource key -> why not yet), and then all that needs what is stuck."""
    current = {change.key: _held(change, records, waiting) for change in changes}
    for change in tuple(current.values()):
        obstacle = "" if _stuck(change) else resting.get(change.key) or ports.obstacle(change, current)
        if obstacle:
            current[change.key] = _blocked(change, obstacle)
    _spread(current, ports, desired)
    return Blocked(tuple(current.values()), ports.waits({key: c for key, c in current.items() if not _stuck(c)}))


def _spread(current: dict[str, Change], ports: Ports, desired: Desired) -> None:
    """Blocks what needs a stuck change, then what needs that, each change once."""
    index = _index(current, ports, _programs(current, desired))
    stuck = deque(key for key, change in current.items() if _stuck(change))
    while stuck:
        other = current[stuck.popleft()]
        for key in index.waiting_for(other):
            change = current[key]
            if not _stuck(change) and _needs(change, other, ports.back):
                current[key] = _blocked(change, _because(change, other, ports))
                stuck.append(key)


def _programs(current: Mapping[str, Change], desired: Desired) -> Mapping[str | None, str]:
    """Wizard -> the codebase version that it is to run; looked up only where one is about to be installed."""
    if not any(isinstance(change.resource, CodebaseVersion) for change in current.values()):
        return {}
    return {r.wizard: r.codebase for r in desired.resources if isinstance(r, Process)}


def _index(current: Mapping[str, Change], ports: Ports, programs: Mapping[str | None, str]) -> _Index:
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
        elif isinstance(resource, Process) and change.action in STARTS:
            index.of_codebase[resource.codebase].append(key)
            for other in ports.waits_for(change):
                index.of_port[other].append(key)
    return index


def _held(change: Change, records: Records, waiting: Mapping[str, str]) -> Change:
    pause = records.pauses.get(change.wizard) if change.wizard else None
    if pause is None:
        why = waiting.get(change.wizard or "") or stopped(change, records)
        return replace(change, disposition=Disposition.HELD, obstacle=why) if why else change
    why = f" ({pause.reason})" if pause.reason else ""
    text = f"paused since {pause.since}{why}; `reconciler resume {pause.wizard}` lets it go on"
    return replace(change, disposition=Disposition.HELD, obstacle=text)


def _because(change: Change, other: Change, ports: Ports) -> str:
    if isinstance(other.resource, Process) and isinstance(change.resource, Process) and change.wizard != other.wizard:
        return ports.because(change, other)
    return f"waits for {other.key}: {other.obstacle}"


def _needs(change: Change, other: Change, back: Set[str]) -> bool:
    """Whether a change that may have to wait for a stuck one really does.

    A start waits for its files, its codebase and its port. A file waits for its folder. What the program reads, and the
    script and the link that tell how to start it, wait for a start that can't be made now: a crash would start the
    gateway on half of the change. They don't wait where a stopped wizard goes back (`back`): what failed is not to
    stay in its files. Nothing of a wizard is taken away while its process can't be stopped, and its folder moves when
    nothing else of it is stuck. A wizard gets another name whole or not at all. What starts as it did last needs
    nothing of what waits.
    """
    if isinstance(other.resource, CodebaseVersion) or change.wizard != other.wizard:
        return True
    if change.as_before:
        return False
    if other.action is Action.RETURN or change.action is Action.STORE or change.renaming or other.renaming:
        return True
    if isinstance(other.resource, Process):
        returns = other.action is Action.START and change.wizard in back
        return not returns and (change.action is Action.DELETE or tells_how_to_start(change.resource, other.resource))
    if change.action in STARTS:
        return True
    if isinstance(other.resource, Directory) and not isinstance(change.resource, Process):
        return change.resource.path.startswith(f"{other.resource.path}/")
    return False


def tells_how_to_start(resource: Resource, process: Process) -> bool:
    """Whether the program reads it, or it tells how to start the program."""
    if isinstance(resource, TextFile):
        return not resource.path.startswith(f"{process.home}/")
    return isinstance(resource, KeyedFile | Symlink)


def _blocked(change: Change, obstacle: str) -> Change:
    return replace(change, disposition=Disposition.BLOCKED, obstacle=obstacle)


def _stuck(change: Change) -> bool:
    return change.disposition is not Disposition.APPLY
