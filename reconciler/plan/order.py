"""Steps of the planned changes, in an order that can be run.

Inside a wizard: folders, then files and links, then stop, start, gate; so that a file that can't be written leaves a
running gateway running. Between wizards: a start waits for the stop of its port's holder. Because stop and start are
separate steps, wizards that swap ports are no cycle: all stop, then all start.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.plan.change import Action, Change, Operation, Step
from reconciler.plan.resource import CodebaseVersion, Directory, KeyedFile, Process, Symlink, TextFile

_WRITES = {
    CodebaseVersion: Operation.INSTALL,
    Directory: Operation.MAKE_DIRECTORY,
    TextFile: Operation.WRITE_TEXT,
    KeyedFile: Operation.EDIT_KEYS,
    Symlink: Operation.LINK,
}
_FILES = frozenset({Operation.WRITE_TEXT, Operation.EDIT_KEYS, Operation.LINK})
# Position in the list that people and apply go through; `needs` is what really binds.
_RANK = {
    Operation.RETURN: 0,
    Operation.INSTALL: 1,
    Operation.MAKE_DIRECTORY: 3,
    Operation.WRITE_TEXT: 4,
    Operation.EDIT_KEYS: 4,
    Operation.LINK: 4,
    Operation.RECORD: 5,
    Operation.STOP: 6,
    Operation.REMOVE: 7,
    Operation.STORE: 8,
    Operation.START: 9,
    Operation.GATE: 10,
}
_FINAL_STOP = 2


@dataclass(frozen=True, slots=True)
class _Node:
    """A step to be, beside its change."""

    id: str
    operation: Operation
    change: Change

    @property
    def rank(self) -> int:
        final = self.operation is Operation.STOP and self.change.action is Action.STOP
        return _FINAL_STOP if final else _RANK[self.operation]

    @property
    def depth(self) -> int:
        """Folders are made from the root down, and removed from the leaves up."""
        resource = self.change.resource
        path = "" if isinstance(resource, Process) else resource.path
        return path.count("/") * (-1 if self.operation is Operation.REMOVE else 1)


def operations(change: Change) -> tuple[Operation, ...]:
    """What a change takes, in order."""
    match change.action:
        case Action.CREATE | Action.UPDATE:
            return (_WRITES[type(change.resource)],)
        case Action.CLAIM:
            return (Operation.RECORD,)
        case Action.RELEASE:
            return (Operation.EDIT_KEYS,) if change.fields else (Operation.RECORD,)
        case Action.DELETE:
            return (Operation.REMOVE,)
        case Action.START:
            return (Operation.START, Operation.GATE)
        case Action.RESTART:
            return (Operation.STOP, Operation.START, Operation.GATE)
        case Action.STOP:
            return (Operation.STOP,)
        case Action.STORE:
            return (Operation.STORE,)
        case Action.RETURN:
            return (Operation.RETURN,)


def step_id(key: str, operation: Operation) -> str:
    """Unique in a plan: a change has each operation at most once."""
    return f"{key}#{operation.name.lower()}"


def order(changes: Iterable[Change], waits: Mapping[str, frozenset[str]]) -> tuple[Step, ...]:
    """The steps of the changes that are to be applied, needs before what needs them.

    `waits`: key of a process to start -> keys of the processes that hold its port and stop first.
    """
    nodes = [_Node(step_id(c.key, op), op, c) for c in changes for op in operations(c)]
    nodes.sort(key=lambda node: (node.rank, node.depth))
    groups: dict[str | None, list[_Node]] = defaultdict(list)
    stops: dict[str, str] = {}
    for node in nodes:
        groups[node.change.wizard].append(node)
        if node.operation is Operation.STOP:
            stops[node.change.key] = node.id
    return tuple(_step(node, groups, stops, waits) for node in nodes)


def _step(
    node: _Node,
    groups: Mapping[str | None, list[_Node]],
    stops: Mapping[str, str],
    waits: Mapping[str, frozenset[str]],
) -> Step:
    own = groups[node.change.wizard] if node.change.wizard else ()
    needs = {other.id for other in own if other is not node and _first(other, node)}
    needs |= {other.id for other in groups.get(None, ()) if _uses(node, other)}
    if node.operation is Operation.START:
        needs |= {stops[key] for key in waits.get(node.change.key, ()) if key in stops}
    return Step(node.id, node.operation, node.change.key, node.change.wizard, tuple(sorted(needs)))


def _first(a: _Node, b: _Node) -> bool:  # noqa: PLR0911 - one rule a line
    """Whether `a` must be done before `b`, both of one wizard."""
    if a.operation is Operation.RETURN:
        return True
    if a.rank == _FINAL_STOP:
        return b.rank != _FINAL_STOP and b.operation is not Operation.RECORD and b.operation is not Operation.RETURN
    if b.operation is Operation.MAKE_DIRECTORY:
        return a.operation is Operation.MAKE_DIRECTORY and _inside(b.change, a.change)
    if b.operation in _FILES:
        return a.operation is Operation.MAKE_DIRECTORY and _inside(b.change, a.change)
    if b.operation is Operation.REMOVE:
        return a.operation is Operation.REMOVE and _inside(a.change, b.change)
    if b.operation in (Operation.STOP, Operation.START) and b.rank != _FINAL_STOP:
        own = a.change is b.change and a.rank < b.rank
        return own or a.operation in _FILES or a.operation is Operation.MAKE_DIRECTORY
    if b.operation is Operation.GATE:
        return a.change is b.change and a.operation is Operation.START
    return b.operation is Operation.STORE and a.operation is not Operation.RECORD


def _inside(inner: Change, outer: Change) -> bool:
    if isinstance(inner.resource, Process) or isinstance(outer.resource, Process):
        return False
    return inner.resource.path.startswith(outer.resource.path + "/")


def _uses(node: _Node, shared: _Node) -> bool:
    """Whether a wizard's step needs the codebase that a shared step installs."""
    codebase = shared.change.resource
    if node is shared or not isinstance(codebase, CodebaseVersion) or shared.operation is not Operation.INSTALL:
        return False
    resource = node.change.resource
    match resource:
        case Symlink(target=target):
            return target == codebase.path
        case Process(codebase=path) if node.change.action in (Action.START, Action.RESTART):
            return path == codebase.path
        case _:
            return False
