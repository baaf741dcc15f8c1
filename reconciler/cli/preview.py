"""A plan from one fleet folder to another, without settings and without a host: what a reviewer wants to see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.errors import Terminal

if TYPE_CHECKING:
    from reconciler.plan.build import Rules
    from reconciler.plan.change import Plan
    from reconciler.spec.desired import DesiredFleet


def between(before: str, after: str, host: str | None, rules: Rules) -> Plan:
    """Raises InvalidFleet for a folder that holds no valid fleet, and Terminal for a host that can't be told."""
    from reconciler.plan.preview import preview
    from reconciler.spec.words import listed, mend_name, shown

    old, new = _load(before), _load(after)
    hosts = new.fleet.hosts
    if host is None and len(hosts) > 1:
        raise Terminal("which host?", where=after, mend=f"say --host NAME: one of {listed(hosts)}")
    name = host or next(iter(hosts))
    if name not in hosts:
        mend = mend_name(name, hosts, f"there are {listed(hosts)}")
        raise Terminal(f"the fleet has no host {shown(name)}", where=after, mend=mend)
    for wizard in sorted(rules.only):
        known = {w.name for fleet in (old, new) for w in fleet.wizards.values() if fleet.host_of(w) == name}
        if wizard not in known:
            mend = mend_name(wizard, known, f"there are {listed(known)}")
            raise Terminal(f"there is no wizard {shown(wizard)} on host {name}", where=after, mend=mend)
    return preview(old, new, name, rules)


def _load(path: str) -> DesiredFleet:
    from reconciler.cli.folders import load, read_fleet, shown_folder
    from reconciler.engine.desired import UNCOMMITTED, InvalidFleet

    folder = shown_folder(path)
    loaded = load(read_fleet(path, folder), folder)
    if loaded.fleet is None:
        raise InvalidFleet(UNCOMMITTED, loaded.errors)
    return loaded.fleet
