"""What a person says about what a host has learnt: go back to the last generation, or try again what failed.

`foreseen` tells what the records will be, so that the plan can be shown before anything is said for good; `obey` says
it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from reconciler.engine.host import Host
from reconciler.errors import Refused, Terminal
from reconciler.plan.expand import Desired
from reconciler.plan.generation import way_back, words
from reconciler.plan.held import Generation, Pause, Quarantine, Records
from reconciler.plan.repeat import owner
from reconciler.plan.retire import body_key
from reconciler.spec.words import listed, mend_name, shown

Expansion = Callable[[str, Desired], str]


@dataclass(frozen=True, slots=True)
class Demand:
    """`roll_back`: the wizard to put back to its last other generation. `retry`: wizards whose quarantine and counts
    are lifted; `everything`: those of all wizards and of what they share. `pause` and `resume`: a wizard, to show what
    a pause or its end would mean; they are only foreseen, never obeyed, because that needs no pass."""

    roll_back: str = ""
    retry: frozenset[str] = frozenset()
    everything: bool = False
    pause: str = ""
    resume: str = ""

    def __bool__(self) -> bool:
        return bool(self.roll_back or self.retry or self.everything or self.pause or self.resume)


NOTHING = Demand()


def foreseen(demand: Demand, records: Records, desired: Desired, expansion: Expansion, now: str) -> Records:
    """The records as they will be. Raises Terminal and Refused, saying why the demand can't be met."""
    if demand.roll_back:
        one, _ = rolled_back(demand.roll_back, records, desired, expansion, now)
        records = replace(records, quarantines={**records.quarantines, one.wizard: one})
    if demand.retry or demand.everything:
        freed = _freed(demand, records)
        quarantines = {name: one for name, one in records.quarantines.items() if name not in freed}
        repeats = {
            key: repeat
            for key, repeat in records.repeats.items()
            if not demand.everything and owner(key) not in demand.retry
        }
        records = replace(records, quarantines=quarantines, repeats=repeats)
    if demand.pause or demand.resume:
        records = replace(records, pauses=_pauses(demand, records.pauses, now))
    return records


def _pauses(demand: Demand, pauses: Mapping[str, Pause], now: str) -> Mapping[str, Pause]:
    found = {name: pause for name, pause in pauses.items() if name != demand.resume}
    return {**found, demand.pause: Pause(demand.pause, "", now)} if demand.pause else found


def rolled_back(
    wizard: str, records: Records, desired: Desired, expansion: Expansion, now: str
) -> tuple[Quarantine, Generation]:
    """The quarantine that a rollback by hand means, and the generation that will be wanted."""
    if wizard not in desired.wizards:
        where = f"host {desired.host}"
        mend = mend_name(wizard, desired.wizards, f"there are {listed(desired.wizards)}")
        raise Terminal(f"there is no wizard {shown(wizard)}", where=where, mend=mend)
    if wizard in records.pauses:
        raise Refused(f"{wizard} is paused, and is not changed", mend=f"`reconciler resume {wizard}` ends the pause")
    one = Quarantine(wizard, expansion(wizard, desired), desired.commit, "rolled back by hand", now, by_hand=True)
    old = records.quarantines.get(wizard)
    if old is not None and old.expansion == one.expansion:
        raise Terminal(f"{wizard} has gone back already: {words(old, way_back(records, old))}")
    generation = way_back(records, one)
    if generation is None:
        mend = "there is one when a wizard has been healthy here as it was declared before"
        raise Terminal(f"{wizard} has no earlier generation to go back to", where=f"host {desired.host}", mend=mend)
    return one, generation


def obey(host: Host, demand: Demand, records: Records, foreseen: Records, pass_id: int, commit: str) -> None:
    """Writes what was foreseen for `records`, and a line of history for each wizard."""
    for name in sorted(foreseen.quarantines.keys() - records.quarantines.keys() | {demand.roll_back} - {""}):
        one = foreseen.quarantines[name]
        host.ledger.quarantine(one)
        text = words(one, way_back(foreseen, one))
        host.ledger.note(pass_id, commit, name, body_key(name), text, told=True)
    if demand.everything:
        host.ledger.repeat({})
    for name in sorted(_freed(demand, records)):
        if host.ledger.release(name):
            text = "by hand: what failed or came back here is tried again"
            host.ledger.note(pass_id, commit, name, body_key(name), text, told=True)


def _freed(demand: Demand, records: Records) -> frozenset[str]:
    """The wizards whose quarantine or counts are lifted."""
    stuck = frozenset(records.quarantines) | {owner(key) for key in records.repeats} - {""}
    return stuck if demand.everything else stuck & demand.retry
