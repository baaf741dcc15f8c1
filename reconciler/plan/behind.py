"""Who must not move to another codebase version now: whoever comes behind a canary that failed, or that can't move.

A failure on a version that somebody has moved to and runs on now is that wizard's own. That somebody was healthy on it
once proves nothing: neither the host nor what the agents wrote are those of that time. Not done here: the order of
those who move (canary.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.plan.canary import last_version
from reconciler.plan.change import Change, Disposition
from reconciler.plan.codebases import name_beside
from reconciler.plan.expand import Desired
from reconciler.plan.held import Generation, Quarantine, Records
from reconciler.plan.resource import Process
from reconciler.plan.retire import body_key
from reconciler.spec.words import listed

Quarantined = Mapping[str, tuple[Quarantine, Generation | None]]


def held_back(
    changes: Iterable[Change], desired: Desired, records: Records, quarantined: Quarantined
) -> Mapping[str, str]:
    """Wizard -> why it does not move now, and the mend. `changes` have their dispositions."""
    movers: dict[str, list[str]] = {}
    for name, codebase in desired.runs.items():
        if (
            name not in quarantined
            and name not in desired.standing
            and last_version(name, records) not in ("", codebase)
        ):
            movers.setdefault(codebase, []).append(name)
    if not movers:
        return {}
    stuck = {c.wizard: c for c in changes if c.disposition is not Disposition.APPLY and isinstance(c.resource, Process)}
    ahead = _Ahead(desired, records, quarantined, stuck)
    held: dict[str, str] = {}
    for codebase, names in movers.items():
        canary, failed = desired.canaries.get(codebase), ahead.failed(codebase)
        waits = ahead.canary(canary, codebase) if canary else ""
        held.update({n: failed or waits for n in names if failed or (waits and n != canary)})
    return held


@dataclass(frozen=True, slots=True)
class _Ahead:
    """Those who went first, or should. `stuck`: wizard -> what its process waits for."""

    desired: Desired
    records: Records
    quarantined: Quarantined
    stuck: Mapping[str | None, Change]

    def failed(self, codebase: str) -> str:
        """Why nobody follows to the version, or ""."""
        for name, (quarantine, _) in self.quarantined.items():
            mine = self.desired.runs.get(name) == codebase and not (quarantine.by_hand or quarantine.follows)
            if mine and not _witnessed(codebase, quarantine.since, self.records):
                mend = f"push another version, or `reconciler retry {name}`"
                what = f"{name} failed on {name_beside(codebase, last_version(name, self.records))}"
                return f"waits: {what}, and no other wizard has moved to it yet; {mend}"
        return ""

    def canary(self, name: str, codebase: str) -> str:
        """Why the declared canary can't go first, or "": one that has arrived, or runs elsewhere, is not waited for."""
        if self.desired.runs.get(name) != codebase or _arrived(name, codebase, self.records):
            return ""
        who = f"waits for the canary {name}, which"
        if name in self.quarantined:
            quarantine = self.quarantined[name][0]
            fell = not (quarantine.by_hand or quarantine.follows)
            if fell or _witnessed(codebase, quarantine.since, self.records):
                return ""
            what = "was rolled back by hand" if quarantine.by_hand else f"went back with {listed(quarantine.follows)}"
            return f"{who} {what}; `reconciler retry {name}` lets it go on"
        if name in self.records.pauses:
            return f"{who} is paused; `reconciler resume {name}` lets it go on"
        stuck = self.desired.standing.get(name) or (self.stuck[name].obstacle if name in self.stuck else "")
        return f"{who} can't move: {stuck}" if stuck else ""


def _arrived(wizard: str, codebase: str, records: Records) -> bool:
    """Whether the wizard runs on the version and has passed all that it had to pass there."""
    entry, start = records.held.get(body_key(wizard)), records.starts.get(body_key(wizard))
    on_it = entry is not None and isinstance(entry.resource, Process) and entry.resource.codebase == codebase
    return on_it and (start is None or start.trusted)


def _witnessed(codebase: str, since: str, records: Records) -> bool:
    """Whether somebody runs on the version now, is healthy on it, and came to it by a move or was on it before `since`.

    A wizard that began on it at the same time as another one failed says nothing of moving: its databases are new.
    """
    for wizard, generations in records.generations.items():
        if not generations or not _arrived(wizard, codebase, records):
            continue
        on_it = [_codebase(generation) == codebase for generation in generations]
        older = any(on and generation.at < since for on, generation in zip(on_it, generations, strict=True))
        if on_it[0] and (older or not all(on_it)):
            return True
    return False


def _codebase(generation: Generation) -> str:
    return next((r.codebase for r in generation.resources if isinstance(r, Process)), "")
