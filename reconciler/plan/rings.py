"""Rings of ports: wizards that stop, start and go back together, because each sits where another one belongs.

Found in a plan (whose start waits for whom), in what would be wanted after some went back (whose port that takes), and
in what has failed before (who is quarantined with whom). Pure. Not done here: who waits for whom (ports.py), and
recording that a ring has failed (engine/).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Set

from reconciler.plan.change import Plan
from reconciler.plan.held import Generation, Quarantine, Records
from reconciler.plan.resource import Process
from reconciler.plan.retire import body_key

Way = Callable[[str], Generation | None]
"""Wizard -> the generation that it goes back to, should what Git declares fail."""


def rings(waits: Mapping[str, Set[str]]) -> Mapping[str, frozenset[str]]:
    """Who waits for somebody that waits for it in the end -> all with whom that is so, itself included."""
    knots = _knots(waits)
    after = {one: reach(one, knots) for one in knots}
    found = {one: frozenset(other for other in after[one] if one in after[other]) for one in knots}
    return {one: ring for one, ring in found.items() if ring}


def _knots(waits: Mapping[str, Set[str]]) -> Mapping[str, Set[str]]:
    """Without those whose waiting comes to an end, which are nearly all."""
    behind: dict[str, list[str]] = defaultdict(list)
    for one, others in waits.items():
        for other in others:
            behind[other].append(one)
    left = {one: set(others) for one, others in waits.items()}
    free = [other for other in behind if other not in left]
    free += [one for one, others in left.items() if not others]
    while free:
        other = free.pop()
        for one in behind.get(other, ()):
            left[one].discard(other)
            if not left[one]:
                free.append(one)
    return {one: others for one, others in left.items() if others}


def reach(first: str, waits: Mapping[str, Set[str]]) -> Set[str]:
    """All for whom it waits in the end; itself too, where it is in a ring."""
    seen: set[str] = set()
    stack = [*waits.get(first, ())]
    while stack:
        other = stack.pop()
        if other not in seen:
            seen.add(other)
            stack.extend(waits.get(other, ()))
    return seen


def go_back_together(failed: str, plan: Plan, ports: Mapping[str, int], records: Records, way: Way) -> frozenset[str]:
    """The wizard that failed, its ring in the plan, and whoever sits on a port that one of these goes back to without
    having been healthy there: an earlier pass was killed in the middle of their exchange.

    `ports`: wizard -> the port that is wanted for it now.
    """
    ring = next((frozenset(ring) for ring in plan.rings if failed in ring), frozenset({failed}))
    moved = {name: port for name, port in ports.items() if _has_moved_to(name, port, records)}
    return frozenset(pushed_out(ring, moved, way))


def _has_moved_to(name: str, port: int, records: Records) -> bool:
    entry, before = records.held.get(body_key(name)), newest(name, records)
    held = entry.resource.port if entry and isinstance(entry.resource, Process) else 0
    return held == port and before is not None and port_of(before) != port


def pushed_out(names: Iterable[str], ports: Mapping[str, int], way: Way) -> Set[str]:
    """These wizards, and all others that want a port that one of them goes back to, who have to go back as well."""
    wanting: dict[int, list[str]] = defaultdict(list)
    for name, port in ports.items():
        wanting[port].append(name)
    found, stack = set(names), list(names)
    while stack:
        for other in wanting.get(port_of(way(stack.pop())), ()):
            if other not in found:
                found.add(other)
                stack.append(other)
    return found


def newest(name: str, records: Records) -> Generation | None:
    """What the wizard was last healthy on."""
    return next(iter(records.generations.get(name, ())), None)


def port_of(generation: Generation | None) -> int:
    """The port that a wizard of this generation listens on; 0 where none runs."""
    resources = generation.resources if generation else ()
    return next((r.port for r in resources if isinstance(r, Process) and r.run), 0)


def wanted_ports(resources: Iterable[object]) -> Mapping[str, int]:
    """Wizard -> its port, of those that are to run."""
    return {r.wizard: r.port for r in resources if isinstance(r, Process) and r.run and r.wizard}


def tied(groups: Mapping[str, Set[str]]) -> Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Wizard -> (who goes back with it, whom it follows). `groups`: who failed -> all that go back with it."""
    found = {}
    for name in set(groups).union(*groups.values()):
        mine = [failed for failed, group in groups.items() if name in group]
        ring = set[str]().union(*(groups[failed] for failed in mine)) - {name}
        found[name] = (tuple(sorted(ring)), () if name in groups else tuple(sorted(mine)))
    return found


def standing(matching: Iterable[str], quarantines: Mapping[str, Quarantine]) -> Set[str]:
    """Which of these quarantines stand. One that follows another wizard stands as long as that one's does, so that the
    commit that mends the one that failed is tried with all of the ring."""
    found = set(matching)
    return {
        name
        for name in found
        if not quarantines[name].follows
        or any(one in found and name in quarantines[one].ring for one in quarantines[name].follows)
    }


def whole_rings(names: Iterable[str], quarantines: Mapping[str, Quarantine]) -> frozenset[str]:
    """These wizards and all that went back with them."""
    found, stack = set(names), list(names)
    while stack:
        one = quarantines.get(stack.pop())
        for other in one.ring if one else ():
            if other not in found and other in quarantines:
                found.add(other)
                stack.append(other)
    return frozenset(found)
