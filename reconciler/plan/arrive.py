"""Wizards that Git ran on another host before: here they begin without what they remember there, and that is said.

Pure. Not done here: reading earlier fleets (engine/arrivals.py), carrying anything from host to host.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.plan.expand import ATTIC, Desired
from reconciler.plan.fact import Absent, Fact, Present
from reconciler.plan.held import Records
from reconciler.plan.resource import Directory
from reconciler.plan.retire import folder_key
from reconciler.spec.desired import DesiredFleet

Whereabouts = Mapping[str, str]
"""Wizard -> host, of one fleet."""


def newcomers(desired: Desired, facts: Mapping[str, Fact], records: Records) -> tuple[str, ...]:
    """Wizards that have no home here yet, and those that are about to come back from the attic."""
    held = {entry.resource.wizard for entry in records.held.values()}
    renamed = {one.new for one in records.renamings}
    return tuple(
        name
        for name in desired.wizards
        if name not in renamed
        and (
            isinstance(facts.get(folder_key(name)), Present)
            if name in records.attic
            else name not in held and isinstance(facts.get(folder_key(name)), Absent)
        )
    )


def arrivals(
    names: Iterable[str], desired: Desired, records: Records, fleet: DesiredFleet, earlier: Iterable[Whereabouts]
) -> tuple[tuple[str, str], ...]:
    """(wizard, what a person has to know) for each of `names` that an earlier fleet had on another host; newest first
    in `earlier`, which is read no further than needed."""
    left = {name: (name, *(old for old, new in desired.former.items() if new == name)) for name in names}
    found: dict[str, str] = {}
    for where in earlier if left else ():
        for name, called in tuple(left.items()):
            before = next(((n, where[n]) for n in called if where.get(n, desired.host) != desired.host), None)
            if before is not None:
                found[name] = _text(name, *before, desired, fleet, returns=name in records.attic)
                del left[name]
        if not left:
            break
    return tuple(sorted(found.items()))


def _text(name: str, called: str, host: str, desired: Desired, fleet: DesiredFleet, *, returns: bool) -> str:
    """What happened, where the memories are, and how they are carried over."""
    known = fleet.fleet.hosts.get(host)
    attic = f"{known.root.rstrip('/') if known else '<its root>'}/{ATTIC}/{called}-*"
    begins = "comes back from the attic as it left this host" if returns else "starts here without its memories"
    was = "it" if called == name else f"it as {called}"
    spare = " ".join(f"--exclude=/{file}" for file in ("SOUL.md", "config.yaml", ".env"))
    ends = f"{(known.address if known else None) or host}:{attic}/home/ {_home(name, desired)}/"
    return (
        f"{name} {begins}: Git ran {was} on host {host} before, and what it remembers is in the attic there ({attic}) "
        f"once that host has let it go; to carry it over, declare {name} with `desired: dead`, copy with "
        f"`rsync -a {spare} {ends}`, and let it run again"
    )


def _home(name: str, desired: Desired) -> str:
    home = next(r for r in desired.resources if r.key == f"{folder_key(name)}/home")
    return home.path if isinstance(home, Directory) else ""
