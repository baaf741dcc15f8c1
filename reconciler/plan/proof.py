"""What speaks for a codebase version on this host: who has moved to it and has been seen to hold on it.

A gate alone is no proof. Whoever runs there must have held for as long as a soak takes, not have come up again by
itself since, and be healthy now. A wizard that began on the version says nothing of moving to it: its databases are
new. Not done here: who waits for a proof (behind.py), and who has to give it (canary.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from reconciler.plan.canary import last_version
from reconciler.plan.expand import Desired
from reconciler.plan.held import Generation, Quarantine, Records
from reconciler.plan.resource import Process
from reconciler.plan.retire import body_key

Quarantined = Mapping[str, tuple[Quarantine, Generation | None]]


@dataclass(frozen=True, slots=True)
class Proof:
    """`unsteady`: keys of processes that prove nothing now, as in fact.Observed."""

    desired: Desired
    records: Records
    quarantined: Quarantined
    unsteady: Set[str]

    def to_move(self) -> Mapping[str, frozenset[str]]:
        """Codebase version -> the wizards that have still to move to it, also those that can't now."""
        resting = {r.wizard for r in self.desired.resources if isinstance(r, Process) and not r.run}
        found: dict[str, set[str]] = {}
        for name, codebase in self.desired.runs.items():
            rests = (name in resting and name not in self.quarantined) or name in self.desired.standing
            if not rests and last_version(name, self.records) not in ("", codebase):
                found.setdefault(codebase, set()).add(name)
        return {codebase: frozenset(names) for codebase, names in found.items()}

    def owed(self) -> Mapping[str, frozenset[str]]:
        """The same of those versions for which nothing speaks yet: who goes first owes a soak to the others."""
        return {codebase: names for codebase, names in self.to_move().items() if not self.proven(codebase)}

    def proven(self, codebase: str) -> bool:
        """Whether somebody has moved to the version and holds there, and no canary has failed on it since."""
        failed = max((one.since for one in self.failures(codebase) if one.canary), default="")
        return any(_moved(on_it) and newest.at > failed for newest, on_it in self._there(codebase))

    def witnessed(self, codebase: str, one: Quarantine) -> bool:
        """Whether the failure is the wizard's own: somebody holds on the version who moved to it or was on it before.

        Against the failure of a canary speaks only who has come after it.
        """
        if one.canary:
            return self.proven(codebase)
        found = self._there(codebase)
        return any(
            _moved(on_it) or any(on and generation.at < one.since for generation, on in on_it) for _, on_it in found
        )

    def failures(self, codebase: str) -> Iterable[Quarantine]:
        """Of the wizards that have failed on the version themselves."""
        for name, (one, _) in self.quarantined.items():
            if self.desired.runs.get(name) == codebase and one.failed:
                yield one

    def arrived(self, wizard: str, codebase: str) -> bool:
        """Whether the wizard was started on the version and has passed all that it had to pass there."""
        entry, start = self.records.held.get(body_key(wizard)), self.records.starts.get(body_key(wizard))
        on_it = entry is not None and isinstance(entry.resource, Process) and entry.resource.codebase == codebase
        return on_it and (start is None or start.trusted)

    def _there(self, codebase: str) -> Iterable[tuple[Generation, tuple[tuple[Generation, bool], ...]]]:
        """Of everybody who holds on the version: the newest generation, and all with whether they are on it."""
        for wizard, generations in self.records.generations.items():
            if generations and body_key(wizard) not in self.unsteady and self.arrived(wizard, codebase):
                on_it = tuple((one, _codebase(one) == codebase) for one in generations)
                if on_it[0][1]:
                    yield generations[0], on_it


def _moved(on_it: tuple[tuple[Generation, bool], ...]) -> bool:
    """Whether it was healthy on another version before."""
    return not all(on for _, on in on_it)


def _codebase(generation: Generation) -> str:
    return next((r.codebase for r in generation.resources if isinstance(r, Process)), "")
