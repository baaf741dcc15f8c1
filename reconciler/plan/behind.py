"""Who must not move to another codebase version now: whoever comes behind a canary that failed, that can't move, or
that a plan for some wizards leaves out.

A failure on a version that somebody has moved to and holds on is that wizard's own. That somebody was healthy on it
once proves nothing: neither the host nor what the agents wrote are those of that time. Not done here: the order of
those who move (canary.py), and what speaks for a version (proof.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from reconciler.plan.canary import last_version
from reconciler.plan.change import Change, Disposition
from reconciler.plan.codebases import name_beside
from reconciler.plan.proof import Proof
from reconciler.plan.resource import Process
from reconciler.spec.words import listed


def held_back(changes: Iterable[Change], proof: Proof, only: Set[str] = frozenset()) -> Mapping[str, str]:
    """Wizard -> why it does not move now, and the mend. `changes` have their dispositions; `only`: the wizards that the
    plan looks at (empty: all)."""
    movers = proof.to_move()
    if not movers:
        return {}
    stuck = {c.wizard: c for c in changes if c.disposition is not Disposition.APPLY and isinstance(c.resource, Process)}
    ahead = _Ahead(proof, stuck, only)
    held: dict[str, str] = {}
    for codebase, all_names in movers.items():
        names = all_names - proof.quarantined.keys()
        canary, failed = proof.desired.canaries.get(codebase), ahead.failed(codebase)
        waits = ahead.canary(canary, codebase, all_names) if canary else ""
        held.update({n: failed or waits for n in names if failed or (waits and n != canary)})
    return held


@dataclass(frozen=True, slots=True)
class _Ahead:
    """Those who went first, or should. `stuck`: wizard -> what its process waits for."""

    proof: Proof
    stuck: Mapping[str | None, Change]
    only: Set[str]

    def failed(self, codebase: str) -> str:
        """Why nobody follows to the version, or ""."""
        for one in self.proof.failures(codebase):
            if not self.proof.witnessed(codebase, one):
                mend = f"push another version, or `reconciler retry {one.wizard}`"
                what = f"{one.wizard} failed on {name_beside(codebase, last_version(one.wizard, self.proof.records))}"
                since = "and no other wizard has moved to it " + ("and held since" if one.canary else "yet")
                return f"waits: {what}, {since}; {mend}"
        return ""

    def canary(self, name: str, codebase: str, movers: Set[str]) -> str:
        """Why the declared canary can't go first, or "": one that has arrived, or runs elsewhere, is not waited for."""
        if self.proof.desired.runs.get(name) != codebase or self.proof.arrived(name, codebase):
            return ""
        who = f"waits for the canary {name}, which"
        if name in self.proof.quarantined:
            one = self.proof.quarantined[name][0]
            if one.failed or self.proof.witnessed(codebase, one):
                return ""
            what = "was rolled back by hand" if one.by_hand else f"went back with {listed(one.follows)}"
            return f"{who} {what}; `reconciler retry {name}` lets it go on"
        if name in self.proof.records.pauses:
            return f"{who} is paused; `reconciler resume {name}` lets it go on"
        stuck = self.proof.desired.standing.get(name) or (self.stuck[name].obstacle if name in self.stuck else "")
        if stuck:
            return f"{who} can't move: {stuck}"
        if self.only and name in movers - self.only:
            return f"{who} this plan does not look at; `reconciler apply {name}` lets it go first"
        return ""
