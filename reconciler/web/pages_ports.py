"""The lease table: which port is whose, and who really listens there.

Not done here: leasing; the fleet declares it, and the checks of `spec` keep it free of clashes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reconciler.engine.board import View
from reconciler.engine.daemon import Daemon
from reconciler.plan.fact import Listener
from reconciler.plan.status import WizardStatus
from reconciler.spec.desired import DesiredFleet
from reconciler.spec.kinds import DesiredState
from reconciler.web.pages_fleet import SIGNS, Sign

WIDEST = 4096
"""Ports of the pool that are looked at; a pool may hold all 65,535."""


@dataclass(frozen=True, slots=True)
class Lease:
    """One port, or free ones in a row (`last` differs then). `wizard` links to its page."""

    first: int
    last: int
    kind: str
    holder: str
    wizard: str
    listens: str
    sign: Sign


@dataclass(frozen=True, slots=True)
class PortsView:
    first: int
    last: int
    leases: tuple[Lease, ...]
    free: int


@dataclass(frozen=True, slots=True)
class _Claim:
    kind: str
    holder: str
    wizard: str = ""
    expected: bool | None = None
    """Whether somebody should listen; None when we don't know."""
    pid: int | None = None


def ports_view(daemon: Daemon, view: View) -> PortsView | None:
    """None before the first whole pass."""
    if view.seen is None or view.status is None:
        return None
    fleet, pool = view.seen.wanted.fleet, view.seen.wanted.fleet.fleet.ports
    claims = dict(_claims(fleet, view.seen.desired.host, {w.name: w for w in view.status.wizards}))
    span = range(pool.first, min(pool.last, pool.first + WIDEST) + 1)
    listeners = daemon.host.ports.listeners({*claims, *span})
    leases = tuple(_leases(claims, listeners, span))
    return PortsView(pool.first, pool.last, leases, sum(x.last - x.first + 1 for x in leases if x.kind == "free"))


def _claims(fleet: DesiredFleet, host: str, seen: Mapping[str, WizardStatus]) -> Iterator[tuple[int, _Claim]]:
    for port, why in fleet.fleet.ports.reserved.items():
        yield int(port), _Claim("reserved", why, expected=False)
    for service in fleet.services.values():
        if service.host in (None, host):
            yield service.port, _Claim("service", service.name)
    for wizard in fleet.wizards.values():
        if fleet.host_of(wizard) != host:
            continue
        status = seen.get(wizard.name)
        runs = wizard.desired in (DesiredState.ROBED, DesiredState.UNROBED)
        if wizard.robe is not None:
            yield wizard.robe.port, _Claim("robe", f"Robe of {wizard.name}", wizard.name)
        yield wizard.port, _Claim("wizard", wizard.name, wizard.name, runs, status.pid if status else None)
    for status in seen.values():
        if status.desired == "removed" and status.port:
            yield status.port, _Claim("leaving", status.name, status.name, None, status.pid)


def _leases(claims: Mapping[int, _Claim], listeners: Mapping[int, Listener], span: range) -> Iterator[Lease]:
    free: list[int] = []
    for port in sorted({*claims, *span}):
        claim, listener = claims.get(port), listeners.get(port)
        if claim is None and listener is None and (not free or free[-1] == port - 1):
            free.append(port)
            continue
        if free:
            yield _free(free)
            free = []
        if claim is None and listener is None:
            free.append(port)
        elif claim is None and listener is not None:
            yield Lease(port, port, "stranger", "nobody", "", _who(listener), Sign("warn", "◆", "nobody's lease"))
        elif claim is not None:
            yield _lease(port, claim, listener)
    if free:
        yield _free(free)


def _free(ports: list[int]) -> Lease:
    return Lease(ports[0], ports[-1], "free", "", "", "nobody", Sign("off", "○", "free"))


def _who(listener: Listener) -> str:
    pid = f"pid {listener.pid}" if listener.pid else "a process that the kernel does not name"
    return f"{listener.command} ({pid})" if listener.command else pid


def _lease(port: int, claim: _Claim, listener: Listener | None) -> Lease:
    if listener is None:
        sign = Sign("bad", "▲", "nobody answers") if claim.expected else Sign("off", "○", "quiet")
        return Lease(port, port, claim.kind, claim.holder, claim.wizard, "nobody", sign)
    return Lease(port, port, claim.kind, claim.holder, claim.wizard, _who(listener), _judged(claim, listener))


def _judged(claim: _Claim, listener: Listener) -> Sign:
    if claim.expected is None and claim.pid is None:
        return Sign("good", "●", "listens")
    if claim.pid is not None and claim.pid == listener.pid:
        return Sign("good", "●", "its own process")
    if listener.pid is None:
        return SIGNS["unknown"]
    return Sign("bad", "▲", "a stranger listens")
