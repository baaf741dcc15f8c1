"""A removal and an addition that share port, home or soul look like a rename, and memories would stay behind: refused.

Whoever names the removed wizard in a trailer or flag has said that it is none; whoever names it in `formerly` has said
that it is one. Not done here: renaming (formerly.py), how many wizards may be removed at once (policy.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.plan.change import Change, Refusal
from reconciler.plan.expand import Desired
from reconciler.plan.held import Records
from reconciler.plan.policy import DELETION_TRAILER, removed_wizards
from reconciler.plan.resource import Process, Resource, TextFile

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
    changes: Sequence[Change], desired: Desired, records: Records, allowed: frozenset[str]
) -> tuple[Refusal, ...]:
    """Why the plan may not be applied; empty when it may."""
    gone = [name for name in removed_wizards(changes) if name not in allowed]
    if not gone:
        return ()
    known = {entry.resource.wizard for entry in records.held.values()} | records.attic.keys()
    new = [name for name in desired.wizards if name not in known]
    before = _traits([entry.resource for entry in records.held.values()])
    after = _traits(desired.resources)
    return tuple(_refusals(gone, new, before, after))


def _traits(resources: Sequence[Resource]) -> Mapping[str, _Traits]:
    """By wizard. One that does not run holds no port; its soul still tells."""
    bodies = {r.wizard: r for r in resources if isinstance(r, Process)}
    souls = {r.wizard: r for r in resources if isinstance(r, TextFile) and r.key.endswith(SOUL)}
    return {
        name: _Traits(
            bodies[name].port if name in bodies else 0,
            f"{souls[name].path.rpartition('/')[0]}/" if name in souls else "",
            souls[name].text if name in souls else "",
        )
        for name in bodies.keys() | souls.keys()
        if name
    }


def _refusals(
    gone: Sequence[str], new: Sequence[str], before: Mapping[str, _Traits], after: Mapping[str, _Traits]
) -> Iterator[Refusal]:
    for old in gone:
        for name in new:
            shared = before.get(old, _Traits()).shared(after.get(name, _Traits()))
            if shared:
                yield Refusal(
                    f"wizard {old} goes and wizard {name} comes with the same {shared}: that looks like a rename, "
                    f"and the memories of {old} would not come along",
                    f"if it is one, write `formerly: [{old}]` into wizard {name}; if it is none, put the trailer "
                    f"`{DELETION_TRAILER}: {old}` into the commit, or say --allow-delete {old}",
                )
