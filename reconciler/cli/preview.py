"""A plan from one fleet folder to another, without settings and without a host: what a reviewer wants to see.

A fleet before that can't be used counts as none, and that is said: the change that mends it has to be reviewed too.
Not done here: what changes (plan/preview.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.errors import Terminal

if TYPE_CHECKING:
    from reconciler.plan.build import Rules
    from reconciler.plan.change import Plan
    from reconciler.spec.desired import DesiredFleet, Loaded

_NOTHING = "so this plan begins with nothing: what it adds is there in part, and what it removes or renames is not told"


def between(before: str, after: str, host: str | None, rules: Rules) -> Plan:
    """The plan of a host that either fleet knows.

    Raises InvalidFleet for a fleet after that is not valid, and Terminal for a folder that could not be observed, or a
    host that can't be told.
    """
    from reconciler.plan.preview import leaving, preview

    new = _after(after)
    old, remark = _before(before)
    name = _host(host, old, new, after)
    _check_wizards(rules.only, [fleet for fleet in (old, new) if fleet], name, after)
    plan = preview(old, new, name, rules)
    return replace(plan, warnings=(*([remark] if remark else []), *leaving(old, new), *plan.warnings))


def _host(said: str | None, old: DesiredFleet | None, new: DesiredFleet, where: str) -> str:
    from reconciler.spec.words import listed, mend_name, shown

    known = {*new.fleet.hosts, *(old.fleet.hosts if old else ())}
    if said is None and len(new.fleet.hosts) > 1:
        raise Terminal("which host?", where=where, mend=f"say --host NAME: one of {listed(known)}")
    name = said or next(iter(new.fleet.hosts))
    if name not in known:
        mend = mend_name(name, known, f"there are {listed(known)}")
        raise Terminal(f"the fleet has no host {shown(name)}", where=where, mend=mend)
    return name


def _check_wizards(wanted: Iterable[str], fleets: Iterable[DesiredFleet], host: str, where: str) -> None:
    from reconciler.spec.words import listed, mend_name, shown

    known = {w.name for fleet in fleets for w in fleet.wizards.values() if fleet.host_of(w) == host}
    for wizard in sorted(set(wanted) - known):
        mend = mend_name(wizard, known, f"there are {listed(known)}")
        raise Terminal(f"there is no wizard {shown(wizard)} on host {host}", where=where, mend=mend)


def _after(path: str) -> DesiredFleet:
    from reconciler.engine.desired import UNCOMMITTED, InvalidFleet

    folder, loaded = _load(path)
    if loaded.fleet is None:
        raise InvalidFleet(UNCOMMITTED, loaded.errors, f"of --fleet in {folder}")
    return loaded.fleet


def _before(path: str) -> tuple[DesiredFleet | None, str]:
    """The fleet, or none and why. Raises Terminal for one that may be sound, and that we can't see."""
    from reconciler.engine.desired import UNCOMMITTED, InvalidFleet
    from reconciler.render.names import counted

    if _is_left_out(path):
        return None, f"the commit before has no folder {path}, {_NOTHING}"
    folder, loaded = _load(path)
    if loaded.fleet is not None:
        return loaded.fleet, ""
    unseen = tuple(problem for problem in loaded.errors if problem.rule == "file/unreadable")
    if unseen:
        raise InvalidFleet(UNCOMMITTED, unseen, f"of --against in {folder}")
    count = counted(len(loaded.errors), "error")
    return None, f"the fleet before, in {folder}, has {count}, the first at {loaded.errors[0]}, {_NOTHING}"


def _is_left_out(path: str) -> bool:
    """Whether the folder is missing in a checkout that is there: its commit has none. Elsewhere it is a slip."""
    from reconciler.cli.folders import checkout_of

    return checkout_of(path) is not None and not Path(path).exists()


def _load(path: str) -> tuple[str, Loaded]:
    from reconciler.cli.folders import load, read_fleet, shown_folder

    folder = shown_folder(path)
    return folder or ".", load(read_fleet(path, folder), folder)
