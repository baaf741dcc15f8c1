"""A part of what a host would do: a plan for some wizards takes whole rings of ports along, and what a whole plan says
of some wizards can be shown alone.

Pure. Not done here: finding rings (rings.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import replace

from reconciler.plan.change import Change, Plan
from reconciler.plan.ports import Ports
from reconciler.plan.resource import CodebaseVersion, Process
from reconciler.plan.rings import rings


def with_rings(only: frozenset[str], changes: Iterable[Change], ports: Ports) -> frozenset[str]:
    """These wizards and all with whom they exchange ports: one of a ring can't move without the others."""
    if not only:
        return only
    waits = ports.waits({change.key: change for change in changes})
    circles = frozenset(rings(waits.together()).values())
    owners = {f"wizard/{name}/body": name for change in changes if (name := change.wizard)} if circles else {}
    groups = [frozenset(owners[key] for key in circle if key in owners) for circle in circles]
    return only.union(*(group for group in groups if group & only))


def about(plan: Plan, names: frozenset[str]) -> Plan:
    """What the plan does about these wizards, those with whom they exchange ports, and the versions that they start
    from. Refusals and warnings stay: they are of the whole."""
    names = names.union(*(ring for ring in plan.rings if names.intersection(ring)))
    mine = [change for change in plan.changes if change.wizard in names]
    paths = {change.resource.codebase for change in mine if isinstance(change.resource, Process)}
    changes = tuple(change for change in plan.changes if change.wizard in names or _version_of(change, paths))
    keys = {change.key for change in changes}
    steps = [step for step in plan.steps if step.key in keys]
    known = {step.id for step in steps}
    return replace(
        plan,
        changes=changes,
        steps=tuple(replace(s, needs=tuple(need for need in s.needs if need in known)) for s in steps),
        undeclared=tuple((key, paths) for key, paths in plan.undeclared if key.split("/")[1] in names),
        quarantined=tuple((name, why) for name, why in plan.quarantined if name in names),
        wizards=tuple(name for name in plan.wizards if name in names),
        rings=tuple(ring for ring in plan.rings if names.intersection(ring)),
    )


def _version_of(change: Change, paths: Set[str]) -> bool:
    return isinstance(change.resource, CodebaseVersion) and change.resource.path in paths
