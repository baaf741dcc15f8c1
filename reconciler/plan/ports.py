"""Ports between wizards: who holds which, who would go back to which, and whose start therefore waits for whom.

A port is free for another wizard once its holder has stopped, and, where that one would go back to it should it fail,
once it has held elsewhere. What a quarantined wizard runs on is kept for it, whatever Git declares. Pure. Not done
here: the order of steps (order.py), and circles (rings.py).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.plan.change import Action, Change
from reconciler.plan.expand import Desired
from reconciler.plan.fact import Listener, Observed, ProcessFact
from reconciler.plan.generation import way_back
from reconciler.plan.held import Generation, Quarantine, Records
from reconciler.plan.resource import Process
from reconciler.plan.retire import body_key
from reconciler.plan.rings import port_of

STARTS = frozenset({Action.START, Action.RESTART})
_GATED = STARTS | {Action.PROVE}
_STOPS = frozenset({Action.STOP, Action.RESTART})
Quarantined = Mapping[str, tuple[Quarantine, Generation | None]]


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
        return f"port {port} is kept for {self.wizard} until that has held on another: {why}; {mend}"


@dataclass(frozen=True, slots=True)
class Waits:
    """Process -> the processes that it waits for: `stops`, whose stop frees its port; `gates`, which would go back to
    its port, and have to hold first. A process that is about to get another name has its new one."""

    stops: Mapping[str, frozenset[str]]
    gates: Mapping[str, frozenset[str]]

    def together(self) -> Mapping[str, frozenset[str]]:
        none: frozenset[str] = frozenset()
        return {key: self.stops.get(key, none) | self.gates.get(key, none) for key in {**self.stops, **self.gates}}

    def everybody(self) -> frozenset[str]:
        """All that wait or are waited for."""
        found = self.together()
        return frozenset(found).union(*found.values())


@dataclass(frozen=True, slots=True)
class Ports:
    """Who holds which port: listeners as the kernel tells them, pid -> key of our processes, and the ports on which
    processes of ours were started. A gateway needs seconds until it listens; its port is taken all the same. `claims`:
    who goes back to which port. `back`: wizards that go back, and wait for nobody's gate."""

    listeners: Mapping[int, Listener]
    owners: Mapping[int, str]
    started: Mapping[int, str]
    claims: Mapping[int, tuple[Claim, ...]]
    back: frozenset[str]

    def holder(self, port: int) -> str | None:
        """Key of the process of ours that holds the port."""
        listener = self.listeners.get(port)
        if listener is None:
            return self.started.get(port)
        return self.owners.get(listener.pid) if listener.pid is not None else None

    def free(self, port: int) -> bool:
        return port not in self.listeners and port not in self.started

    def claims_against(self, change: Change) -> tuple[Claim, ...]:
        """Who else may need the port that the change starts a process on."""
        process = change.resource
        if not isinstance(process, Process) or change.action not in _GATED or change.wizard in self.back:
            return ()
        return tuple(claim for claim in self.claims.get(process.port, ()) if claim.wizard != change.wizard)

    def waits_for(self, change: Change) -> Iterable[str]:
        """Keys of the processes on which the change hangs: the holder of its port, and who may go back to it."""
        process = change.resource
        if isinstance(process, Process) and change.action in STARTS:
            holder = self.holder(process.port)
            yield from (holder,) if holder and holder != change.key else ()
            yield from (claim.key for claim in self.claims_against(change) if not claim.kept)

    def obstacle(self, change: Change, current: Mapping[str, Change]) -> str:
        """Why the change can't start its process on its port, or ""."""
        process = change.resource
        if change.action not in STARTS or not isinstance(process, Process):
            return ""
        owner = self.holder(process.port)
        if owner == change.key:
            return ""
        for claim in self.claims_against(change):
            if claim.kept or claim.key not in current:
                return claim.words(process.port, change.wizard or "", "this plan does not look at it")
        if self.free(process.port):
            return ""
        if owner is None:
            return _of_a_stranger(process.port, self.listeners[process.port])
        holder = current.get(owner)
        return "" if holder and holder.action in _STOPS else not_stopped(process.port, owner)

    def because(self, change: Change, other: Change) -> str:
        """Why the change can't be, where that of another wizard's process can't."""
        port = change.resource.port if isinstance(change.resource, Process) else 0
        claim = next((claim for claim in self.claims_against(change) if claim.key == other.key), None)
        if claim is not None and self.holder(port) != other.key:
            return claim.words(port, change.wizard or "", other.obstacle)
        return not_stopped(port, other.key)

    def waits(self, current: Mapping[str, Change]) -> Waits:
        """Who waits for whom among the changes."""
        stops: dict[str, frozenset[str]] = {}
        gates: dict[str, frozenset[str]] = {}
        for change in current.values():
            process = change.resource
            if change.action not in _GATED or not isinstance(process, Process):
                continue
            owner = self.holder(process.port)
            if owner and change.action in STARTS and (owner := _present_name(owner, current)) != change.key:
                stops[change.key] = frozenset({owner})
            if claims := frozenset(claim.key for claim in self.claims_against(change) if claim.key in current):
                gates[change.key] = claims
        return Waits(stops, gates)


def _of_a_stranger(port: int, listener: Listener) -> str:
    who = f"pid {listener.pid} ({listener.command})" if listener.pid else "a process that the kernel does not name"
    return f"port {port} is held by {who}; stop it, or give the wizard another port"


def not_stopped(port: int, owner: str) -> str:
    return f"port {port} is held by {owner}, which this plan does not stop"


def _present_name(key: str, current: Mapping[str, Change]) -> str:
    """A process that is about to get another name is one with what it will be: both free and take ports for it."""
    change = current.get(key)
    return body_key(change.wizard) if change and change.renaming and change.wizard else key


def ports_of(
    changes: Iterable[Change], desired: Desired, observed: Observed, records: Records, quarantined: Quarantined
) -> Ports:
    """`changes`: all that differs, also what a plan for some wizards leaves out."""
    held = {key: e.resource for key, e in records.held.items() if isinstance(e.resource, Process)}
    keys = {r.key for r in desired.resources if isinstance(r, Process)} | held.keys()
    facts = ((key, observed.facts.get(key)) for key in sorted(keys))
    pids = {key: fact.pid for key, fact in facts if isinstance(fact, ProcessFact) and fact.pid is not None}
    return Ports(
        observed.listeners,
        {pid: key for key, pid in pids.items()},
        {process.port: key for key, process in sorted(held.items()) if key in pids},
        _claims(changes, desired, records, quarantined),
        frozenset(quarantined),
    )


def _claims(
    changes: Iterable[Change], desired: Desired, records: Records, quarantined: Quarantined
) -> Mapping[int, tuple[Claim, ...]]:
    found: dict[int, dict[Claim, None]] = defaultdict(dict)
    for name, (_, generation) in quarantined.items():
        found[port_of(generation)][Claim(body_key(name), name, "is quarantined and goes back to it")] = None
    for wanting in _where_two_want_one(desired):
        name = wanting.wizard or ""
        newest = next(iter(records.generations.get(name, ())), None)
        if name not in quarantined and port_of(newest) == wanting.port:
            found[wanting.port][Claim(wanting.key, name, "runs on its last generation there")] = None
    for change in changes:
        process, name = change.resource, change.wizard or ""
        if change.action in _GATED and isinstance(process, Process) and name not in quarantined:
            for generation in _ways_back(name, records):
                if port_of(generation) != process.port:
                    found[port_of(generation)][Claim(change.key, name)] = None
    return {port: tuple(claims) for port, claims in found.items() if port}


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
