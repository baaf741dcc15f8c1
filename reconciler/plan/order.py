"""Steps of the planned changes, in an order that can be run.

Inside a wizard: folders, then files and links, then stop, start, gate; so that a file that can't be written leaves a
running gateway running. Between wizards: a start waits for the stop of its port's holder, and all of a wizard for the
gate of one that would go back to that port. Because stop and start are separate steps, wizards that swap ports are no
cycle: all stop, then all start. Not done here: who waits for whom (ports.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from reconciler.plan.canary import Chain
from reconciler.plan.change import Action, Change, Copies, Operation, Step
from reconciler.plan.ports import Waits
from reconciler.plan.resource import CodebaseVersion, Directory, KeyedFile, Process, Symlink, TextFile
from reconciler.plan.retire import body_key
from reconciler.plan.rings import rings

_WRITES = {
    CodebaseVersion: Operation.INSTALL,
    Directory: Operation.MAKE_DIRECTORY,
    TextFile: Operation.WRITE_TEXT,
    KeyedFile: Operation.EDIT_KEYS,
    Symlink: Operation.LINK,
}
_OPERATIONS = {
    Action.CLAIM: (Operation.RECORD,),
    Action.RELEASE: (Operation.RECORD,),
    Action.DELETE: (Operation.REMOVE,),
    Action.START: (Operation.START, Operation.GATE),
    Action.RESTART: (Operation.STOP, Operation.START, Operation.GATE),
    Action.STOP: (Operation.STOP,),
    Action.PROVE: (Operation.GATE,),
    Action.STORE: (Operation.STORE,),
    Action.RETURN: (Operation.RETURN,),
    Action.RENAME: (Operation.RENAME,),
}
_DATABASES = {Copies.MADE: Operation.COPY_DATABASES, Copies.PUT_BACK: Operation.PUT_BACK_DATABASES}
_WRITTEN = frozenset({Action.CREATE, Action.UPDATE})
_MOVES_ALONG = frozenset({Operation.EDIT_KEYS, Operation.REMOVE})
"""What a wizard that is to start from a new codebase version keeps as it was until that is installed."""
_FILES = frozenset({Operation.WRITE_TEXT, Operation.EDIT_KEYS, Operation.LINK})
# Position in the list that people and apply go through; `needs` is what really binds.
_RANK = {
    Operation.RETURN: 0,
    Operation.INSTALL: 1,
    Operation.RENAME: 2,
    Operation.MAKE_DIRECTORY: 3,
    Operation.WRITE_TEXT: 4,
    Operation.EDIT_KEYS: 4,
    Operation.LINK: 4,
    Operation.RECORD: 5,
    Operation.STOP: 6,
    Operation.REMOVE: 7,
    Operation.STORE: 8,
    Operation.COPY_DATABASES: 9,
    Operation.PUT_BACK_DATABASES: 9,
    Operation.START: 10,
    Operation.GATE: 11,
    Operation.SOAK: 12,
}
_AFTER_START = frozenset({Operation.GATE, Operation.SOAK, Operation.COPY_DATABASES, Operation.PUT_BACK_DATABASES})
"""Steps of a process that need only the steps before them of that process."""
_USES = frozenset({Operation.STOP, Operation.START, Operation.GATE, Operation.SOAK, Operation.LINK})
"""Steps by which wizards come from one codebase version to another: unused ones go when all of them are done."""
_FINAL_STOP, _PRUNE = 2, 13


@dataclass(frozen=True, slots=True)
class _Node:
    """A step to be, beside its change."""

    id: str
    operation: Operation
    change: Change

    @property
    def rank(self) -> int:
        final = self.operation is Operation.STOP and self.change.action is Action.STOP
        if self.prunes:
            return _PRUNE
        return _FINAL_STOP if final else _RANK[self.operation]

    @property
    def prunes(self) -> bool:
        return self.operation is Operation.REMOVE and isinstance(self.change.resource, CodebaseVersion)

    @property
    def depth(self) -> int:
        """Folders are made from the root down, and removed from the leaves up."""
        resource = self.change.resource
        path = "" if isinstance(resource, Process) else resource.path
        return path.count("/") * (-1 if self.operation is Operation.REMOVE else 1)


def operations(change: Change) -> tuple[Operation, ...]:
    """What a change takes, in order."""
    if change.action in (Action.CREATE, Action.UPDATE):
        return (_WRITES[type(change.resource)],)
    if change.action is Action.RELEASE and change.fields:
        return (Operation.EDIT_KEYS,)
    found = (*((Operation.STOP,) if change.halts else ()), *_OPERATIONS[change.action])
    if change.databases is not Copies.NONE and Operation.START in found:
        at = found.index(Operation.START)
        return (*found[:at], _DATABASES[change.databases], *found[at:])
    return found


def step_id(key: str, operation: Operation) -> str:
    """Unique in a plan: a change has each operation at most once."""
    return f"{key}#{operation.name.lower()}"


def order(changes: Iterable[Change], waits: Waits, chains: Iterable[Chain] = ()) -> tuple[Step, ...]:
    """The steps of the changes that are to be applied, needs before what needs them.

    `chains`: wizards that move to another codebase version one after the other.
    """
    chains = tuple(chains)
    soaking = {body_key(chain.canary) for chain in chains if chain.soaks}
    nodes = [_Node(step_id(c.key, op), op, c) for c in changes for op in _with_soak(c, soaking)]
    nodes.sort(key=lambda node: (node.rank, node.depth))
    own = _own_needs(nodes)
    between = _between(nodes, own, waits)
    turns = _turns(nodes, chains, waits)
    none: frozenset[str] = frozenset()
    return _in_turn([_step(n, own[n.id] | between.get(n.id, none) | _turn(n, turns)) for n in nodes])


def _with_soak(change: Change, soaking: set[str]) -> tuple[Operation, ...]:
    return (*operations(change), Operation.SOAK) if change.key in soaking else operations(change)


def _turns(nodes: Iterable[_Node], chains: Iterable[Chain], waits: Waits) -> Mapping[str, frozenset[str]]:
    """Wizard -> the steps of other wizards after which its turn comes; the same for all of a ring."""
    turns: dict[str, set[str]] = defaultdict(set)
    circles = rings(waits.together())
    for name, steps in _one_by_one(chains).items():
        for member in circles.get(body_key(name), frozenset({body_key(name)})):
            turns[member.split("/")[1]] |= steps
    for name, steps in _after_gates(nodes, waits).items():
        turns[name] |= steps
    return {name: frozenset(steps) for name, steps in turns.items()}


def _one_by_one(chains: Iterable[Chain]) -> Mapping[str, frozenset[str]]:
    """Wizard -> the steps of other wizards of its chain after which its turn comes."""
    after: dict[str, frozenset[str]] = {}
    for chain in chains:
        for before, group in pairwise(chain.groups):
            last = {step_id(body_key(name), Operation.GATE) for name in before}
            if chain.soaks and chain.canary in before:
                last.add(step_id(body_key(chain.canary), Operation.SOAK))
            after.update(dict.fromkeys(group, frozenset(last)))
    return after


def _after_gates(nodes: Iterable[_Node], waits: Waits) -> Mapping[str, frozenset[str]]:
    """Wizard -> the gates of those who would go back to the port that it takes: it stays as it is until they hold.

    In a ring nobody can hold before the others have moved, so all of it waits for the gates outside of it.
    """
    bodies = [node for node in nodes if isinstance(node.change.resource, Process)]
    last = {n.change.key: n.id for n in bodies if n.operation in (Operation.GATE, Operation.SOAK)}
    circles = rings(waits.together())
    found: dict[str, frozenset[str]] = {}
    for change in {node.change.key: node.change for node in bodies if node.operation is Operation.START}.values():
        ring = circles.get(change.key, frozenset({change.key}))
        givers = {giver for member in ring for giver in waits.gates.get(member, ())} - ring
        found[change.wizard or ""] = frozenset(last[giver] for giver in givers if giver in last)
    return found


def _turn(node: _Node, turns: Mapping[str, frozenset[str]]) -> frozenset[str]:
    return turns.get(node.change.wizard or "", frozenset()) if node.operation is not Operation.RECORD else frozenset()


def _step(node: _Node, needs: frozenset[str]) -> Step:
    return Step(node.id, node.operation, node.change.key, node.change.wizard, tuple(sorted(needs)))


def _in_turn(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps as they are, but for those that have to come after what they need. Raises ValueError where steps need
    each other, which is a bug."""
    known, begun = {step.id: step for step in steps}, set[str]()
    done: dict[str, Step] = {}
    for step in steps:
        stack = [step]
        while stack:
            ahead = [known[need] for need in stack[-1].needs if need not in done]
            if ahead and stack[-1].id in begun:
                raise ValueError(f"steps need each other: {', '.join(sorted(step.id for step in ahead))}")
            begun.add(stack[-1].id)
            stack.extend(ahead)
            if not ahead:
                last = stack.pop()
                done[last.id] = last
    return tuple(done.values())


def _own_needs(nodes: Sequence[_Node]) -> Mapping[str, frozenset[str]]:
    """What each step needs of its own wizard and of what wizards share."""
    wizards: dict[str, list[_Node]] = defaultdict(list)
    installs: dict[str, str] = {}
    for node in nodes:
        if node.change.wizard:
            wizards[node.change.wizard].append(node)
        elif node.operation is Operation.INSTALL and isinstance(node.change.resource, CodebaseVersion):
            installs[node.change.resource.path] = node.id
    moves = {n.change.wizard: i for n in nodes if _starts(n.change) and (i := installs.get(_codebase(n.change)))}
    uses = frozenset(node.id for node in nodes if node.operation in _USES)
    needs = {}
    for node in nodes:
        own = wizards[node.change.wizard] if node.change.wizard else ()
        shared = {install for path, install in installs.items() if node.change.wizard and _names(node.change, path)}
        if (node.operation in _MOVES_ALONG or node.change.renaming) and node.change.wizard in moves:
            shared.add(moves[node.change.wizard])
        first = {other.id for other in own if other is not node and _first(other, node)}
        needs[node.id] = uses if node.prunes else frozenset(first | shared)
    return needs


def _between(nodes: Sequence[_Node], own: Mapping[str, frozenset[str]], waits: Waits) -> Mapping[str, frozenset[str]]:
    """What steps need of other wizards: a start the stop of its port's holder, and a restart's stop that stop too.

    So a gateway whose new port can't be freed goes on running. In a ring nobody stops before all of it can.
    """
    stops = {_present_key(n): n.id for n in nodes if n.operation is Operation.STOP}
    circles = rings(waits.together())
    needs: dict[str, frozenset[str]] = {}
    for node in nodes:
        key = _present_key(node)
        if node.operation is Operation.START:
            needs[node.id] = frozenset(stops[other] for other in waits.stops.get(key, ()) if other in stops)
        elif node.operation is Operation.STOP and (_starts(node.change) or node.change.renaming):
            circle = circles.get(key, frozenset({key}))
            outside = {other for member in circle for other in waits.stops.get(member, ())} - circle
            ready = {need for member in circle - {key} for need in own.get(stops.get(member, ""), ())}
            needs[node.id] = frozenset(ready | {stops[other] for other in outside if other in stops})
    return needs


def _present_key(node: _Node) -> str:
    """The key of the process; one that is about to get another name is one with what it will be."""
    return body_key(node.change.wizard) if node.change.renaming and node.change.wizard else node.change.key


def _first(a: _Node, b: _Node) -> bool:
    """Whether `a` must be done before `b`, both of one wizard."""
    if Operation.RENAME in (a.operation, b.operation):
        return (a.rank, a.depth) < (b.rank, b.depth)  # the stop under the old name, the move, then everything else
    if a.operation is Operation.RETURN or (a.change.stored and a.operation is Operation.RECORD):
        return True
    if a.rank == _FINAL_STOP:
        return b.rank != _FINAL_STOP and b.operation is not Operation.RECORD and b.operation is not Operation.RETURN
    if b.operation in _FILES or b.operation is Operation.MAKE_DIRECTORY:
        return a.operation is Operation.MAKE_DIRECTORY and _inside(b.change, a.change)
    if b.operation is Operation.REMOVE:
        return a.operation is Operation.REMOVE and _inside(a.change, b.change)
    if b.operation in (Operation.STOP, Operation.START) and b.rank != _FINAL_STOP:
        own = a.change is b.change and a.rank < b.rank
        return own or a.operation in _FILES or a.operation is Operation.MAKE_DIRECTORY
    if b.operation in _AFTER_START:
        return a.change is b.change and a.rank < b.rank
    return b.operation is Operation.STORE and a.operation is not Operation.RECORD


def _inside(inner: Change, outer: Change) -> bool:
    if isinstance(inner.resource, Process) or isinstance(outer.resource, Process):
        return False
    return inner.resource.path.startswith(outer.resource.path + "/")


def _starts(change: Change) -> bool:
    return isinstance(change.resource, Process) and change.action in (Action.START, Action.RESTART)


def _codebase(change: Change) -> str:
    """Path of the codebase that the change needs, or ""."""
    match change.resource:
        case Symlink(target=target):
            return target
        case Process(codebase=path) if _starts(change):
            return path
        case _:
            return ""


def _names(change: Change, path: str) -> bool:
    """Whether the change brings in the codebase at the path: links to it, starts from it, or writes a text that runs
    it, such as the start script."""
    resource = change.resource
    if isinstance(resource, TextFile):
        return change.action in _WRITTEN and f"{path}/" in resource.text
    return _codebase(change) == path
