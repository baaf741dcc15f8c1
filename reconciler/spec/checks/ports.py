"""Ports: claimed once on each host, by wizards inside the pool and not on a reservation.

A Robe's port may lie outside the pool. Services without a host stand on every host. Not done here: who really listens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reconciler.spec.document import Path
from reconciler.spec.draft import Draft, Entry
from reconciler.spec.kinds import PortPool, Record, Wizard
from reconciler.spec.position import Problem

_HIGHEST = 65535


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody wants a port on a host."""

    host: str
    port: int
    who: str
    entry: Entry[Record]
    path: Path


def check_ports(draft: Draft) -> Iterator[Problem]:
    claims = list(_claims(draft))
    taken = {(claim.host, claim.port) for claim in claims}
    pool = draft.fleet.record.ports if draft.fleet else None
    yield from _twice(claims, taken, pool)
    if draft.fleet is None or pool is None:
        return
    yield from _pool(draft.fleet, pool)
    for claim in claims:
        if isinstance(claim.entry.record, Wizard) and claim.path == ("port",):
            yield from _allowed(claim, pool, taken)


def claimants(draft: Draft) -> dict[tuple[str, int], str]:
    """(host, port) -> who takes it."""
    found: dict[tuple[str, int], str] = {}
    for claim in _claims(draft):
        found.setdefault((claim.host, claim.port), claim.who)
    return found


def _claims(draft: Draft) -> Iterator[Claim]:
    """Services first: they are there before any wizard."""
    hosts = tuple(draft.fleet.record.hosts) if draft.fleet else ()
    for service in draft.services.values():
        wanted = service.record
        for host in (wanted.host,) if wanted.host else hosts:
            yield Claim(host, wanted.port, f"service {wanted.name}", service, ("port",))
    for entry in draft.wizards.values():
        wizard = entry.record
        at = draft.host_of(wizard)
        if at is None:
            continue
        yield Claim(at, wizard.port, f"wizard {wizard.name}", entry, ("port",))
        if wizard.robe:
            yield Claim(at, wizard.robe.port, f"the Robe of {wizard.name}", entry, ("robe", "port"))


def _twice(claims: Iterable[Claim], taken: set[tuple[str, int]], pool: PortPool | None) -> Iterator[Problem]:
    first: dict[tuple[str, int], Claim] = {}
    told: set[str] = set()
    for claim in claims:
        other = first.setdefault((claim.host, claim.port), claim)
        if other is not claim and claim.who not in told:
            told.add(claim.who)  # a service on every host would say it for each of them
            place = other.entry.at(*other.path)
            what = f"port {claim.port} on host {claim.host} is already taken by {other.who} at {place}"
            by_wizard = isinstance(claim.entry.record, Wizard)
            mend = _free(claim.host, pool, taken) if by_wizard else "give one of them another port"
            yield claim.entry.error("port/taken", claim.path, what, mend)


def _free(host: str, pool: PortPool | None, taken: set[tuple[str, int]]) -> str:
    if pool is None:
        return "choose another port"
    ports = range(pool.first, pool.last + 1)
    port = next((p for p in ports if (host, p) not in taken and str(p) not in pool.reserved), None)
    return f"{port} is free" if port else f"the pool {pool.first}-{pool.last} has no free port: widen it in the Fleet"


def _allowed(claim: Claim, pool: PortPool, taken: set[tuple[str, int]]) -> Iterator[Problem]:
    kept_for = pool.reserved.get(str(claim.port))
    if not pool.first <= claim.port <= pool.last:
        what = f"port {claim.port} is outside the pool {pool.first}-{pool.last}"
        yield claim.entry.error("port/outside-pool", claim.path, what, _free(claim.host, pool, taken))
    elif kept_for is not None:
        what = f"port {claim.port} is reserved" + (f": {kept_for}" if kept_for else "")
        mend = f"{_free(claim.host, pool, taken)}, or take the reservation out of the Fleet"
        yield claim.entry.error("port/reserved", claim.path, what, mend)


def _pool(fleet: Entry[Record], pool: PortPool) -> Iterator[Problem]:
    if pool.first > pool.last:
        what = f"the pool ends at {pool.last}, before it begins at {pool.first}"
        yield fleet.error("port/pool", ("ports", "last"), what, "swap first and last")
        return
    for text in pool.reserved:
        path = ("ports", "reserved", text)
        if int(text) > _HIGHEST:
            yield fleet.key_error("port/reservation", path, f"{text} is not a port", "use a number from 1 to 65535")
        elif not pool.first <= int(text) <= pool.last:
            what = f"the reservation of {text} has no effect: it is outside the pool {pool.first}-{pool.last}"
            yield fleet.warning("port/reservation", path, what, "take it out, or widen the pool")
