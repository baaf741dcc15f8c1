"""Canary: a codebase moves under one wizard first, which must pass gate and soak; then one at a time, fathers last.

The canary is the one that the Codebase names, else the first leaf of the lineage by name among those that move. While a
version has never passed a gate on this host and a wizard has failed on it, nobody else moves to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.plan.change import Action, Change, Disposition
from reconciler.plan.diff import CODEBASE
from reconciler.plan.expand import Desired
from reconciler.plan.held import Generation, Held, Quarantine, Records
from reconciler.plan.resource import Process


@dataclass(frozen=True, slots=True)
class Chain:
    """Wizards in the order in which they move. `soaks`: the first one must also soak."""

    wizards: tuple[str, ...]
    soaks: bool


def moves(change: Change) -> bool:
    """Whether the change restarts or starts a process on another codebase version than it last ran on."""
    started = change.action in (Action.RESTART, Action.START)
    return started and any(f.path == CODEBASE and f.before is not None for f in change.fields)


def chains(changes: Iterable[Change], desired: Desired) -> tuple[Chain, ...]:
    """One chain for each codebase that moves under several wizards."""
    movers: dict[str, list[str]] = {}
    for change in changes:
        if change.disposition is Disposition.APPLY and moves(change) and isinstance(change.resource, Process):
            movers.setdefault(change.resource.codebase, []).append(change.wizard or "")
    found = []
    for codebase, names in sorted(movers.items()):
        declared = desired.canaries.get(codebase)
        order = sorted(names, key=lambda name: (name != declared, -_depth(name, desired.fathers), name))
        leaves = [n for n in order if n not in desired.fathers.values()]
        first = declared if declared in names else (leaves or order)[0]
        rest = [name for name in order if name != first]
        found.append(Chain((first, *rest), soaks=bool(rest)))
    return tuple(found)


def _depth(name: str, fathers: Mapping[str, str]) -> int:
    depth, seen = 0, {name}
    while name in fathers and fathers[name] not in seen:
        name = fathers[name]
        seen.add(name)
        depth += 1
    return depth


def held_back(
    desired: Desired, records: Records, quarantined: Mapping[str, tuple[Quarantine, Generation | None]]
) -> Mapping[str, str]:
    """Wizard -> why it does not move now."""
    proven = {
        r.codebase for generations in records.generations.values() for g in generations for r in g.resources
        if isinstance(r, Process)
    }  # fmt: skip
    failed = {
        desired.runs[name]: name
        for name, (quarantine, _) in quarantined.items()
        if not quarantine.by_hand and desired.runs.get(name) not in proven
    }
    held = {}
    for name, codebase in desired.runs.items():
        if name in quarantined or not _would_move(records.held.get(f"wizard/{name}/body"), codebase):
            continue
        canary = desired.canaries.get(codebase)
        if codebase in failed:
            held[name] = f"waits: {failed[codebase]} failed on this codebase version, and nobody has passed on it"
        elif canary in records.pauses and canary != name and codebase not in proven:
            held[name] = f"waits for the canary {canary}, which is paused"
    return held


def _would_move(entry: Held | None, codebase: str) -> bool:
    return entry is not None and isinstance(entry.resource, Process) and entry.resource.codebase != codebase
