"""Ports between wizards: who holds which, and whose start waits for whom because of that.

A port is free for another wizard once its holder has stopped, and, where that one would go back to it should it fail,
once it has held elsewhere. What a quarantined wizard runs on is kept for it, whatever Git declares. Pure. Not done
here: who would go back (claims.py), the order of steps (order.py), and circles (rings.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.plan.change import Change
from reconciler.plan.claims import GATED, STARTS, Claim, claims_of, moved
from reconciler.plan.expand import Desired
from reconciler.plan.fact import Listener, Observed, ProcessFact, ProcessState
from reconciler.plan.held import Records
from reconciler.plan.proof import Quarantined
from reconciler.plan.resource import Process
from reconciler.plan.retire import body_key


@dataclass(frozen=True, slots=True)
class Waits:
    """Process -> the processes that it waits for: `stops`, whose stop frees its port; `gates`, which would go back to
    its port, and have to hold first. `done`: it waits no more, because an earlier pass has come that far, and still has
    what another one would go back to. A process that is about to get another name has its new one."""

    stops: Mapping[str, frozenset[str]]
    gates: Mapping[str, frozenset[str]]
    done: Mapping[str, frozenset[str]]

    def together(self) -> Mapping[str, frozenset[str]]:
        """All of it: who is in a ring with whom does not hang on how far it has come."""
        every, none = (self.stops, self.gates, self.done), frozenset[str]()
        keys = {**self.stops, **self.gates, **self.done}
        return {key: none.union(*(waits.get(key, none) for waits in every)) for key in keys}


@dataclass(frozen=True, slots=True)
class Ports:
    """Who holds which port: listeners as the kernel tells them, pid -> key of our processes, and the ports on which
    processes of ours were started. A gateway needs seconds until it listens, and one that its supervisor is about to
    start again has no process now; its port is taken all the same. `claims`: who goes back to which port. `back`:
    wizards that go back, or go on under their old name, and wait for nobody's gate. `moved`: processes that need
    nothing, and hold a port on which they have not been remembered as healthy yet -> that port and the one before."""

    listeners: Mapping[int, Listener]
    owners: Mapping[int, str]
    started: Mapping[int, str]
    claims: Mapping[int, tuple[Claim, ...]]
    back: frozenset[str]
    moved: Mapping[str, tuple[int, int]]

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
        if not isinstance(process, Process) or change.action not in GATED or change.wizard in self.back:
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
            if claim.kept:
                return claim.words(process.port, change.wizard or "", "")
            if claim.key not in current:
                mend = f"`reconciler apply {claim.wizard} {change.wizard}` moves both"
                return claim.until(process.port, f"this plan does not look at it; {mend}")
        if self.free(process.port):
            return ""
        if owner is None:
            return _of_a_stranger(process.port, self.listeners[process.port])
        holder = current.get(owner)
        return "" if holder and holder.stops else not_stopped(process.port, owner)

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
            if change.action not in GATED or not isinstance(process, Process):
                continue
            owner = self.holder(process.port)
            if owner and change.action in STARTS and (owner := _present_name(owner, current)) != change.key:
                stops[change.key] = frozenset({owner})
            if claims := frozenset(claim.key for claim in self.claims_against(change) if claim.key in current):
                gates[change.key] = claims
        return Waits(stops, gates, self._done(current))

    def _done(self, current: Mapping[str, Change]) -> Mapping[str, frozenset[str]]:
        """What `moved` processes have of others, and others would take of them."""
        found: dict[str, frozenset[str]] = defaultdict(frozenset)
        for key, (port, before) in self.moved.items():
            if claims := frozenset(claim.key for claim in self.claims.get(port, ()) if claim.key in current):
                found[key] |= claims
            for change in current.values():
                process = change.resource
                if isinstance(process, Process) and change.action in GATED and process.port == before:
                    found[change.key] |= {key}
            found[key] |= {other for other, (_, was) in self.moved.items() if was == port}
        return found


def _takes(fact: ProcessFact) -> bool:
    """Whether it listens on its port, or may any moment."""
    return fact.pid is not None or fact.state is ProcessState.BACKOFF


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
    changes = tuple(changes)
    if not changes:
        return Ports({}, {}, {}, {}, frozenset(), {})
    held = {key: e.resource for key, e in records.held.items() if isinstance(e.resource, Process)}
    keys = {r.key for r in desired.resources if isinstance(r, Process)} | held.keys()
    facts = {key: fact for key in sorted(keys) if isinstance(fact := observed.facts.get(key), ProcessFact)}
    return Ports(
        observed.listeners,
        {pid: key for key, fact in facts.items() for pid in (fact.pid, *fact.beside) if pid is not None},
        {process.port: key for key, process in sorted(held.items()) if key in facts and _takes(facts[key])},
        claims_of(changes, desired, records, quarantined),
        frozenset(quarantined) | {one.old for one in records.renamings if one.stored},
        moved(changes, desired, records, quarantined),
    )
