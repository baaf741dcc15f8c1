"""Canary: a codebase moves under one wizard first, which must pass gate and soak; then one at a time, fathers last.

The canary is the one that the Codebase names, else the first leaf of the lineage by name among those that move. One
whose soak was not awaited to the end owes it, and is the first again. Not done here: who may not move now (behind.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from itertools import groupby

from reconciler.plan.change import Action, Cause, Change, Disposition, Reason
from reconciler.plan.codebases import CODEBASE
from reconciler.plan.expand import Desired
from reconciler.plan.held import Records
from reconciler.plan.late import Late, Waits
from reconciler.plan.resource import Process
from reconciler.plan.value import Known
from reconciler.spec.words import listed

_STARTED = frozenset({Action.START, Action.RESTART, Action.PROVE})
EVERYBODY_HAS_MOVED: Mapping[str, frozenset[str]] = {}
NOBODY: Waits = {}


@dataclass(frozen=True, slots=True)
class Chain:
    """Wizards in the order in which they move: one at a time, or several together that exchange ports. `soaks`: the
    very first one must also soak. `because`: for people, why that is not the one that the Codebase names."""

    groups: tuple[tuple[str, ...], ...]
    soaks: bool
    because: str = ""

    @property
    def canary(self) -> str:
        return self.groups[0][0]


def version_left(change: Change) -> str:
    """Path of the codebase version that the change leaves, or ""."""
    before = next((f.before for f in change.fields if f.path == CODEBASE), None)
    return str(json.loads(before.text)) if isinstance(before, Known) else ""


def never_held_since(key: str, records: Records) -> str:
    """Path of the codebase version that the process has left without having held on another one since, or ""."""
    entry, start = records.held.get(key), records.starts.get(key)
    return "" if entry is None or (start is not None and start.proven) else entry.left


def moves(change: Change) -> bool:
    """Whether the change restarts or starts a process on another codebase version than it last ran on."""
    return change.action in (Action.RESTART, Action.START) and bool(version_left(change))


def chains(
    changes: Iterable[Change],
    desired: Desired,
    records: Records,
    waits: Waits = NOBODY,
    owed: Mapping[str, frozenset[str]] = EVERYBODY_HAS_MOVED,
) -> tuple[Chain, ...]:
    """One chain for each codebase that moves under several wizards. `waits`: who waits for whom because of ports.
    `owed`: codebase version that is not proven here -> who has still to move to it, also with a later plan; whoever
    goes first soaks for them."""
    movers: dict[str, dict[str, Change]] = {}
    for change in changes:
        if change.wizard and isinstance(change.resource, Process) and _on_the_move(change, records):
            movers.setdefault(change.resource.codebase, {})[change.wizard] = change
    late = Late((change.key for found in movers.values() for change in found.values()), waits)
    return tuple(
        _chain(codebase, found, desired, records, late, owed.get(codebase, frozenset()))
        for codebase, found in sorted(movers.items())
    )


def _on_the_move(change: Change, records: Records) -> bool:
    """Also one that an interrupted pass has moved and not seen hold."""
    if change.disposition is not Disposition.APPLY or change.action not in _STARTED:
        return False
    return moves(change) or _begun(change, records)


def _begun(change: Change, records: Records) -> bool:
    """Also where it was stopped for that, and not started yet."""
    start = records.starts.get(change.key)
    stopped = start is not None and not start.proven and moves(change)
    return stopped or bool(never_held_since(change.key, records)) or _owes_soak(change, records)


def _owes_soak(change: Change, records: Records) -> bool:
    """Whether it has passed its gate as the canary and not its soak, on the version that it is to run on."""
    start = records.starts.get(change.key)
    return start is not None and start.soaks and not moves(change)


def _chain(
    codebase: str, movers: Mapping[str, Change], desired: Desired, records: Records, late: Late, owed: Set[str]
) -> Chain:
    """First who was first before, then who is declared, then a leaf that runs; who takes a port of another one last."""
    fathers, declared = frozenset(desired.fathers.values()), desired.canaries.get(codebase, "")

    def fitness(name: str) -> tuple[bool, bool, bool, bool, str]:
        change = movers[name]
        return not _begun(change, records), name != declared, name in fathers, change.action is Action.START, name

    def place(name: str) -> tuple[int, str]:
        return late.place(movers[name].key)

    free = [name for name in movers if not late.is_late(movers[name].key)]
    groups = [tuple(group) for _, group in groupby(sorted(movers.keys() - set(free), key=place), place)]
    if free:
        first = min(free, key=fitness)
        rest = sorted(set(free) - {first}, key=lambda name: (-_depth(name, desired.fathers), name))
        groups = [(first,), *((name,) for name in rest), *groups]
    else:
        first = min(groups[0], key=fitness)
        groups[0] = (first, *sorted(set(groups[0]) - {first}))
    named = declared if declared in movers and declared != first and late.is_late(movers[declared].key) else ""
    because = f"because {named}, the declared one, {late.why(movers[named].key)}" if named else ""
    soaks = len(movers) > 1 or bool(owed - {first}) or _owes_soak(movers[first], records)
    return Chain(tuple(groups), soaks, because)


def in_turn(change: Change, chains: Iterable[Chain]) -> Change:
    """The change with its place in its chain: whether it soaks, and for people among its reasons."""
    name = change.wizard or ""
    for chain in chains:
        if chain.soaks and isinstance(change.resource, Process) and any(name in group for group in chain.groups):
            reason = Reason(Cause.TURN, _turn(name, chain))
            return replace(change, soaks=name == chain.canary, reasons=(*change.reasons, reason))
    return change


def _turn(name: str, chain: Chain) -> str:
    """For people: after whom the wizard moves, and with whom."""
    at = next(place for place, group in enumerate(chain.groups) if name in group)
    others = [other for other in chain.groups[at] if other != name]
    together = f"together with {listed(others)}" if others else ""
    if at:
        return ", ".join(filter(None, (f"after {listed(chain.groups[at - 1])}", together)))
    if name != chain.canary:
        return f"together with the canary {chain.canary}"
    return ", ".join(filter(None, ("canary first", together, chain.because)))


def _depth(name: str, fathers: Mapping[str, str]) -> int:
    depth, seen = 0, {name}
    while name in fathers and fathers[name] not in seen:
        name = fathers[name]
        seen.add(name)
        depth += 1
    return depth


def last_version(wizard: str, records: Records) -> str:
    """Path of the codebase version that the wizard last ran on, or was last healthy on where it has been stopped for
    good since; "" when it never ran."""
    entry = records.held.get(f"wizard/{wizard}/body")
    newest = next(iter(records.generations.get(wizard, ())), None)
    resources = (entry.resource,) if entry else newest.resources if newest else ()
    return next((r.codebase for r in resources if isinstance(r, Process)), "")
