"""What a person says about what a host has learnt: go back to the last generation, or try again what failed.

`foreseen` tells what the records will be, so that the plan can be shown before anything is said for good; `obey` says
it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, replace

from reconciler.engine.host import Host
from reconciler.errors import Refused, Terminal
from reconciler.plan.expand import Desired
from reconciler.plan.expansion import Expansion, same
from reconciler.plan.fields import in_the_open, wanted_fields
from reconciler.plan.generation import as_pinned, named, rejections, runs_on, way_back, words
from reconciler.plan.held import Generation, Pause, Quarantine, Records
from reconciler.plan.repeat import owner
from reconciler.plan.resource import Process
from reconciler.plan.retire import body_key
from reconciler.plan.rings import port_of, pushed_out, wanted_ports, whole_rings
from reconciler.plan.value import Fields
from reconciler.spec.words import listed, mend_name, shown

Expand = Callable[[str, Desired], Expansion]


@dataclass(frozen=True, slots=True)
class Scene:
    """What Git declares for this host, what is wanted of it now (quarantined wizards go back), and what a rollback
    would be of. `expand` tells what Git declares for a wizard; `now` is ISO 8601 in UTC. `refused`: what the branch's
    tip declares, where that is refused and an older commit is in force."""

    desired: Desired
    wanted: Desired
    expand: Expand
    now: str
    refused: Desired | None = None

    def beside(self, wizard: str, in_force: str) -> str:
        """The expansion that a refused tip has of the wizard, where it is another one than the one in force."""
        if self.refused is None or wizard not in self.refused.wizards:
            return ""
        digest = self.expand(wizard, self.refused).digest
        return digest if digest != in_force else ""


@dataclass(frozen=True, slots=True)
class Demand:
    """`roll_back`: the wizard to put back to its last other generation; `target`: the number of the one that the person
    saw, and the only one to which it may go back (0: they saw none). `retry`: wizards whose quarantine and counts are
    lifted; `everything`: those of all wizards and of what they share. `pause` and `resume`: a wizard, to show what a
    pause or its end would mean; they are only foreseen, never obeyed, because that needs no pass."""

    roll_back: str = ""
    target: int = 0
    retry: frozenset[str] = frozenset()
    everything: bool = False
    pause: str = ""
    resume: str = ""

    def __bool__(self) -> bool:
        return bool(self.roll_back or self.retry or self.everything or self.pause or self.resume)


NOTHING = Demand()


def foreseen(demand: Demand, records: Records, scene: Scene) -> Records:
    """The records as they will be. Raises Terminal and Refused, saying why the demand can't be met."""
    if demand.roll_back:
        back, records = rolled_back(demand.roll_back, records, scene)
        _check_target(demand, way_back(records, back[0]))
        records = replace(records, quarantines={**records.quarantines, **{one.wizard: one for one in back}})
    if demand.retry or demand.everything:
        freed = _freed(demand, records)
        for name in sorted(freed & records.quarantines.keys()):
            records = _rejecting(records, name, rejections(records, name) - _like(records, records.quarantines[name]))
        quarantines = {name: one for name, one in records.quarantines.items() if name not in freed}
        repeats = {
            key: repeat
            for key, repeat in records.repeats.items()
            if not demand.everything and owner(key) not in freed | demand.retry
        }
        records = replace(records, quarantines=quarantines, repeats=repeats)
    if demand.pause or demand.resume:
        records = replace(records, pauses=_pauses(demand, records.pauses, scene.now))
    return records


def _check_target(demand: Demand, found: Generation | None) -> None:
    """Raises Refused where it would go back to another generation than the person saw: somebody was faster."""
    if demand.target and (found is None or found.number != demand.target):
        now = f"generation {found.number}" if found else "none"
        what = f"{demand.roll_back} was to go back to generation {demand.target}, and by now that would be {now}"
        raise Refused(what, mend=f"nothing was changed; see `reconciler why {demand.roll_back}`")


def widened(only: frozenset[str], before: Records, after: Records) -> frozenset[str]:
    """The wizards to look at for a demand about some: with all whose quarantine it makes or lifts."""
    names = before.quarantines.keys() | after.quarantines.keys()
    moved = {name for name in names if before.quarantines.get(name) != after.quarantines.get(name)}
    return only | moved if only else only


def _pauses(demand: Demand, pauses: Mapping[str, Pause], now: str) -> Mapping[str, Pause]:
    found = {name: pause for name, pause in pauses.items() if name != demand.resume}
    return {**found, demand.pause: Pause(demand.pause, "", now)} if demand.pause else found


def rolled_back(wizard: str, records: Records, scene: Scene) -> tuple[tuple[Quarantine, ...], Records]:
    """The quarantines that a rollback by hand means, of the wizard and of those whose ports it goes back to; and the
    records with the generations that the person rejects: what Git declares, and what runs where that is something
    else."""
    ways: dict[str, Quarantine] = {}

    def way(name: str) -> Generation | None:
        nonlocal records
        ways[name], records = _back(name, records, scene) if name == wizard else _pushed(name, wizard, records, scene)
        return way_back(records, ways[name])

    names = pushed_out([wizard], wanted_ports(scene.wanted.resources), way)
    _check_room(wizard, {name: way_back(records, ways[name]) for name in names})
    reason = f"rolled back by hand with {wizard}, with which it exchanges ports,"
    tied = {name: tuple(sorted({*names, *ways[name].ring} - {name})) for name in names}
    others = (replace(ways[name], reason=reason, ring=tied[name], follows=(wizard,)) for name in sorted(names))
    return (replace(ways[wizard], ring=tied[wizard]), *(one for one in others if one.wizard != wizard)), records


def _back(wizard: str, records: Records, scene: Scene) -> tuple[Quarantine, Records]:
    """The quarantine of one wizard that goes back by hand, and the records with what that rejects. Raises Terminal and
    Refused, saying why it can't."""
    desired = scene.desired
    if wizard not in desired.wizards:
        where = f"host {desired.host}"
        mend = mend_name(wizard, desired.wizards, f"there are {listed(desired.wizards)}")
        raise Terminal(f"there is no wizard {shown(wizard)}", where=where, mend=mend)
    if wizard in records.pauses:
        raise Refused(f"{wizard} is paused, and is not changed", mend=f"`reconciler resume {wizard}` ends the pause")
    if before := next((one.old for one in records.renamings if one.new == wizard), ""):
        mend = f"mend what keeps it from that, or take `formerly: [{before}]` back; `reconciler plan {wizard}` tells"
        raise Refused(f"{wizard} is about to get its name, and is {before} until then", mend=mend)
    made = scene.expand(wizard, desired)
    _check_secrets(wizard, made)
    reason = "rolled back by hand"
    one = Quarantine(wizard, made.digest, desired.commit, reason, scene.now, by_hand=True, secrets=made.secrets)
    one = replace(one, beside=scene.beside(wizard, made.digest))
    old = records.quarantines.get(wizard)
    if old is not None and same(old, one):
        return _further(replace(old, beside=one.beside), records)
    runs = runs_on(wizard, records)
    trouble = Terminal(
        f"{wizard} has no earlier generation to go back to",
        mend="there is one when a wizard has been healthy here as it was declared before",
        where=f"host {desired.host}",
    )
    if runs and not same(runs, one):
        what = f"{wizard} is on {named(runs)} already, and has no earlier one to go back to"
        mend = f"`reconciler plan {wizard}` tells what Git declares instead, and what that waits for"
        trouble = Terminal(what, mend=mend, where=trouble.where)
    return one, _past(records, wizard, _like(records, one), trouble, one)


def _further(old: Quarantine, records: Records) -> tuple[Quarantine, Records]:
    """Back to the generation before the one that the wizard has gone back to, which the person does not want or which
    does not run. A rollback by hand that has not come there yet is the same one, asked for again."""
    wizard, back = old.wizard, way_back(records, old)
    if back and old.by_hand and not _has_come(back, records):
        return old, records
    one = replace(old, by_hand=True, fell=old.failed, follows=())
    what = f"{wizard} has gone back already: {words(old, back)}; there is no generation before that"
    mend = "there is one when a wizard has been healthy here as it was declared before"
    return one, _past(records, wizard, frozenset({back.number} if back else ()), Terminal(what, mend=mend), one)


def _past(records: Records, wizard: str, numbers: Set[int], trouble: Terminal, one: Quarantine) -> Records:
    """The records with what a rollback rejects: these generations, and the one that runs. Raises the trouble where no
    other is left."""
    runs = runs_on(wizard, records)
    now = frozenset({runs.number}) if runs else frozenset[int]()
    records = _rejecting(records, wizard, rejections(records, wizard) | numbers | now)
    if way_back(records, one) is None:
        raise trouble
    return records


def _has_come(back: Generation, records: Records) -> bool:
    """Whether the wizard has held on the generation since, and was last started on it; also with texts of secrets that
    have come since."""
    newest, held = next(iter(records.generations.get(back.wizard, ())), None), records.held.get(body_key(back.wizard))
    processes = [r for r in back.resources if isinstance(r, Process) and r.run]
    last = in_the_open(held.fields) if held else None
    started = any(in_the_open(_inputs(process)) == last for process in processes)
    return newest is not None and newest.number == back.number and (started or not processes)


def _inputs(process: Process) -> Fields:
    """As it was started, with the pinned texts of its secrets."""
    return wanted_fields(process, as_pinned(process))


def _check_secrets(wizard: str, made: Expansion) -> None:
    """Raises Terminal where a secret can't be read: it could not be told from what runs what there is to go back to."""
    if not made.missing:
        return
    ref, why = made.missing[0]
    mend = "mend that first"
    if ref.source == "env":
        mend = f"run `reconciler rollback {wizard}` with the environment of the daemon, or roll back on the dashboard"
    raise Terminal(f"a secret of {wizard} can't be read here: {why}", mend=mend)


def _like(records: Records, one: Quarantine) -> frozenset[int]:
    """Numbers of the generations that are what the quarantine is about."""
    return frozenset(g.number for g in records.generations.get(one.wizard, ()) if same(g, one))


def _rejecting(records: Records, wizard: str, numbers: Set[int]) -> Records:
    found = tuple(replace(g, rejected=g.number in numbers) for g in records.generations.get(wizard, ()))
    return replace(records, generations={**records.generations, wizard: found})


def _pushed(name: str, wizard: str, records: Records, scene: Scene) -> tuple[Quarantine, Records]:
    """The quarantine of one that has to go back because `wizard` does. Raises Refused, saying why it can't."""
    try:
        return _back(name, records, scene)
    except (Terminal, Refused) as error:
        what = f"{wizard} would go back to a port that is {name}'s now, and {error.what}"
        raise Refused(what, mend=error.mend or f"give {name} another port with a commit") from error


def _check_room(wizard: str, ways: Mapping[str, Generation | None]) -> None:
    """Raises Refused where two of those who would go back need one port: none of them would come up."""
    taken: dict[int, str] = {}
    for name, generation in sorted(ways.items()):
        port = port_of(generation)
        if port and port in taken:
            what = f"{wizard} can't go back: {taken[port]} and {name} were last healthy on one port, {port}"
            raise Refused(what, mend="give one of them another port with a commit, and roll back then")
        taken[port] = name


def obey(host: Host, demand: Demand, records: Records, foreseen: Records, pass_id: int, commit: str) -> None:
    """Writes what was foreseen for `records`, and a line of history for each wizard."""
    for name in sorted(records.generations.keys() & foreseen.generations.keys()):
        rejected = rejections(foreseen, name)
        if rejected != rejections(records, name):
            host.ledger.reject(name, rejected)
    for name, one in sorted(foreseen.quarantines.items()):
        old, generation = records.quarantines.get(name), way_back(foreseen, one)
        if not demand.roll_back or (one == old and generation == way_back(records, one)):
            continue
        host.ledger.quarantine(one)
        host.ledger.note(pass_id, commit, name, body_key(name), words(one, generation), told=True)
    if demand.everything:
        host.ledger.repeat({})
    for name in sorted(_freed(demand, records)):
        if host.ledger.release(name):
            text = "by hand: what failed or came back here is tried again"
            host.ledger.note(pass_id, commit, name, body_key(name), text, told=True)


def _freed(demand: Demand, records: Records) -> frozenset[str]:
    """The wizards whose quarantine or counts are lifted: whole rings, because one alone could not move."""
    stuck = frozenset(records.quarantines) | {owner(key) for key in records.repeats} - {""}
    return stuck if demand.everything else stuck & whole_rings(demand.retry, records.quarantines)
