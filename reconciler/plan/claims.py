"""Who goes back to which port, or would if it failed: such a port is not another wizard's before that is settled.

Pure. Not done here: who waits for whom because of it (ports.py).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.plan.change import Action, Change, Disposition
from reconciler.plan.expand import Desired
from reconciler.plan.generation import way_back
from reconciler.plan.held import Generation, Records
from reconciler.plan.proof import Quarantined
from reconciler.plan.resource import Process
from reconciler.plan.retire import body_key
from reconciler.plan.rings import newest, port_of

STARTS = frozenset({Action.START, Action.RESTART})
GATED = STARTS | {Action.PROVE}


@dataclass(frozen=True, slots=True)
class Claim:
    """A wizard that is kept on a port (`kept` says why), or would go back to it if it failed. `key`: its process."""

    key: str
    wizard: str
    kept: str = ""

    def words(self, port: int, wizard: str, why: str) -> str:
        """For the wizard that wants the port: whose it is, and the mend."""
        mend = f"push a commit that mends {self.wizard}, or give {wizard} another port"
        if self.kept:
            return f"port {port} is kept for {self.wizard}, which {self.kept}; {mend}"
        return self.until(port, f"{why}; {mend}")

    def until(self, port: int, why: str) -> str:
        """For the wizard that wants the port, where it gets it in the end. `why` it has to wait, and the mend."""
        return f"port {port} is kept for {self.wizard} until that has held on another: {why}"


def claims_of(
    changes: Iterable[Change], desired: Desired, records: Records, quarantined: Quarantined
) -> Mapping[int, tuple[Claim, ...]]:
    """By port. `changes`: all that differs, also what a plan for some wizards leaves out."""
    found: dict[int, dict[Claim, None]] = defaultdict(dict)
    for name, (_, generation) in quarantined.items():
        found[port_of(generation)][Claim(body_key(name), name, "is quarantined and goes back to it")] = None
    for wanting in _where_two_want_one(desired):
        name = wanting.wizard or ""
        if name not in quarantined and port_of(newest(name, records)) == wanting.port:
            found[wanting.port][Claim(wanting.key, name, "runs on its last generation there")] = None
    for change in changes:
        process, name = change.resource, change.wizard or ""
        if isinstance(process, Process) and _is_to_run(process, change) and name not in quarantined:
            for generation in _ways_back(name, records):
                if port_of(generation) != process.port:
                    found[port_of(generation)][Claim(change.key, name)] = None
    return {port: tuple(claims) for port, claims in found.items() if port}


def moved(
    changes: Iterable[Change], desired: Desired, records: Records, quarantined: Quarantined
) -> Mapping[str, tuple[int, int]]:
    """Processes that need nothing, and hold a port on which they have not been remembered as healthy yet -> that port
    and the one before. An earlier pass was killed after their gate."""
    changing = {change.key for change in changes if change.action in GATED}
    found = {}
    for process in desired.resources:
        if not isinstance(process, Process) or process.key in changing or process.wizard in quarantined:
            continue
        entry, before = records.held.get(process.key), port_of(newest(process.wizard or "", records))
        held = entry.resource.port if entry and isinstance(entry.resource, Process) else 0
        if process.run and before not in (0, process.port) and held == process.port:
            found[process.key] = (process.port, before)
    return found


def _is_to_run(process: Process, change: Change) -> bool:
    """Also what can't even be compared."""
    return change.action in GATED or (process.run and change.disposition is not Disposition.APPLY)


def _where_two_want_one(desired: Desired) -> Iterable[Process]:
    """The processes that want a port that another one wants too. Git declares no such thing: one of them is to go on
    with what it was healthy on, because it can't be what Git declares."""
    processes = [r for r in desired.resources if isinstance(r, Process) and r.run]
    wanted = Counter(process.port for process in processes)
    return (process for process in processes if wanted[process.port] > 1)


def _ways_back(name: str, records: Records) -> Iterable[Generation]:
    """What a wizard goes back to should it fail now: what it was last healthy on, or what it is on because something
    newer has failed."""
    yield from records.generations.get(name, ())[:1]
    quarantine = records.quarantines.get(name)
    generation = way_back(records, quarantine) if quarantine else None
    if generation:
        yield generation
