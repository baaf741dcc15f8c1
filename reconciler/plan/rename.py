"""A removal and an addition that share port, home or soul look like a rename, and memories would stay behind: refused.
So is a new wizard on the home that a removed one has left where it was: it would begin with memories of another.

Whoever names the removed wizard in a trailer or flag has said that it is no rename; whoever names it in `formerly` has
said that it is one. Not done here: renaming (formerly.py), how many wizards may be removed at once (policy.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.plan.change import Change, Refusal
from reconciler.plan.expand import Desired
from reconciler.plan.fact import Absent, Observed
from reconciler.plan.formerly import lived
from reconciler.plan.held import Records
from reconciler.plan.policy import Lifted, removed_wizards
from reconciler.plan.resource import Directory, Process, Resource, TextFile
from reconciler.plan.retire import movable
from reconciler.plan.soul import essence
from reconciler.plan.trailers import DELETION_TRAILER, told

SOUL = "/file/home/SOUL.md"


@dataclass(frozen=True, slots=True)
class _Traits:
    """What tells one wizard from another. `home` ends with a slash; "" and 0 where it is not known."""

    port: int = 0
    home: str = ""
    soul: str = ""

    def shared(self, other: _Traits) -> str:
        """What both have, or ""."""
        if self.port and self.port == other.port:
            return f"port {self.port}"
        if self.home and other.home and (self.home.startswith(other.home) or other.home.startswith(self.home)):
            return f"home {self.home.rstrip('/')}"
        return "soul" if self.soul and self.soul == other.soul else ""


def renames(
    changes: Sequence[Change], desired: Desired, records: Records, lifted: Lifted
) -> Mapping[str, tuple[Refusal, ...]]:
    """Removed wizard -> why the plan may not be applied, for all that look renamed; also where the removal has to wait.

    New is whoever has no memories here, whatever was made for it already. Who goes to another host is not renamed here.
    """
    gone = [name for name in removed_wizards(changes, waiting=True) if name not in lifted.deletions]
    gone = [name for name in gone if desired.former.get(name, name) not in desired.elsewhere]
    if not gone:
        return {}
    new = [name for name in desired.wizards if not lived(name, records)]
    before = _traits([entry.resource for entry in records.held.values()])
    after = _traits(desired.resources)
    found = {old: tuple(_refusals(old, new, before.get(old, _Traits()), after, lifted)) for old in gone}
    return {old: refusals for old, refusals in found.items() if refusals}


def _traits(resources: Sequence[Resource]) -> Mapping[str, _Traits]:
    """By wizard. One that does not run holds no port; its soul still tells."""
    bodies = {r.wizard: r for r in resources if isinstance(r, Process)}
    souls = {r.wizard: r for r in resources if isinstance(r, TextFile) and r.key.endswith(SOUL)}
    return {
        name: _Traits(
            bodies[name].port if name in bodies else 0,
            f"{souls[name].path.rpartition('/')[0]}/" if name in souls else "",
            essence(souls[name].text, name) if name in souls else "",
        )
        for name in bodies.keys() | souls.keys()
        if name
    }


def _refusals(
    old: str, new: Sequence[str], traits: _Traits, after: Mapping[str, _Traits], lifted: Lifted
) -> Iterator[Refusal]:
    for name in new:
        shared = traits.shared(after.get(name, _Traits()))
        if shared:
            mend = (
                f"if it is one, write `formerly: [{old}]` into wizard {name}; if it is none, put the trailer "
                f"`{DELETION_TRAILER}: {old}` into the commit, or say --allow-delete {old}"
            )
            yield Refusal(
                f"wizard {old} goes and wizard {name} comes with the same {shared}: that looks like a rename, "
                f"and the memories of {old} would not come along",
                told(mend, lifted.slips, DELETION_TRAILER, [old]),
            )


def homes_left(desired: Desired, observed: Observed, records: Records) -> Iterator[Refusal]:
    """Why the plan may not be applied: a wizard begins in a home that another one has left outside of what goes into
    the attic. A trailer does not lift that: whoever is removed for good has left its memories all the same."""
    new = [
        r
        for r in desired.resources
        if isinstance(r, Directory) and r.key not in records.held and r.key == f"wizard/{r.wizard}/dir/home"
    ]
    there = [home for home in new if not isinstance(observed.facts.get(home.key), Absent)]
    left = _homes(records) if there else {}
    for home in there:
        owners = left.get(home.path, frozenset())
        strange = sorted(old for old in owners if desired.former.get(old) != home.wizard)
        if strange and home.wizard not in owners:
            yield _taken(home.wizard or "", strange[0], home.path, declared=strange[0] in desired.wizards)


def _taken(name: str, old: str, home: str, *, declared: bool) -> Refusal:
    renamed = "" if declared else f"if {name} is {old} under another name, write `formerly: [{old}]` into {name}; else "
    return Refusal(
        f"wizard {name} would begin in {home}, where wizard {old} has left its memories",
        f"{renamed}give {name} another home, or move {home} away",
    )


def _homes(records: Records) -> Mapping[str, frozenset[str]]:
    """Home -> the wizards whose memories are there, as far as this host knows, and do not move into the attic with a
    wizard's folder."""
    known: dict[str, list[Resource]] = defaultdict(list)
    for entry in records.held.values():
        if isinstance(entry.resource, Process) and entry.resource.wizard:
            known[entry.resource.wizard].append(entry.resource)
    for name, generations in records.generations.items():
        known[name] += generations[0].resources if generations else ()
    found: dict[str, frozenset[str]] = {}
    for name, resources in known.items():
        folder = _goes_away(name, records)
        for home in {resource.home for resource in resources if isinstance(resource, Process)}:
            if not (folder and f"{home}/".startswith(f"{folder}/")):
                found[home] = found.get(home, frozenset()) | {name}
    return found


def _goes_away(name: str, records: Records) -> str:
    """The folder that has gone into the attic, or would; "" when everything stays where it is."""
    if name in records.attic:
        return records.attic[name].original
    folder = movable(name, {key: entry for key, entry in records.held.items() if entry.resource.wizard == name})
    return folder.path if folder else ""
