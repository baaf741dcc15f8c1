"""What the API tells of ports and services: who leased each port in Git, and who really listens."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated

from reconciler.plan.fact import Listener as Listens
from reconciler.plan.fact import ProcessFact
from reconciler.web.api_problem import not_yet
from reconciler.web.api_shape import FORMAT, Format, Many, Shape, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.engine.daemon import Daemon
    from reconciler.engine.report import Planned
    from reconciler.web.api_operation import Asked


class Use(Enum):
    """Who a port is leased to."""

    WIZARD = "wizard"
    ROBE = "robe"
    SERVICE = "service"
    RESERVED = "reserved"


class Holder(Enum):
    """Who listens on it: nobody, the wizard it is leased to, somebody of whom we can't tell (a service, a reserved
    port), or somebody else than the wizard it is leased to."""

    NOBODY = "nobody"
    OWNER = "owner"
    SOMEBODY = "somebody"
    STRANGER = "stranger"


class Listener(Shape):
    """`pid` is null when the kernel would not tell; `command` is program and script, without arguments."""

    pid: int | None
    command: str


class Lease(Shape):
    """A port that Git gives to somebody on this host."""

    port: int
    use: Annotated[str, words_of(Use)]
    owner: str
    holder: Annotated[str, words_of(Holder)]
    listener: Listener | None


class PortsAnswer(Shape):
    """The pool that wizards get their ports from, and each leased port."""

    format: Format
    first: int
    last: int
    ports: Many[Lease]


class Service(Shape):
    """A service that Git declares for this host; it is not run by us."""

    name: str
    port: int
    health: str | None
    listener: Listener | None


class ServicesAnswer(Shape):
    format: Format
    services: Many[Service]


def ports(daemon: Daemon, _: Asked) -> PortsAnswer:
    seen = _seen(daemon)
    leases = sorted(_leases(seen), key=lambda lease: (lease[0], lease[1].value, lease[2]))
    listeners = daemon.host.ports.listeners({port for port, _, _ in leases})
    pids = _pids(seen)
    rows = tuple(
        Lease(
            port=port,
            use=use.value,
            owner=owner,
            holder=_holder(use, owner, listeners.get(port), pids).value,
            listener=_listener(listeners.get(port)),
        )
        for port, use, owner in leases
    )
    pool = seen.wanted.fleet.fleet.ports
    return PortsAnswer(format=FORMAT, first=pool.first, last=pool.last, ports=rows)


def services(daemon: Daemon, _: Asked) -> ServicesAnswer:
    seen = _seen(daemon)
    host = seen.wanted.desired.host
    mine = [one for _, one in sorted(seen.wanted.fleet.services.items()) if one.host in (None, host)]
    listeners = daemon.host.ports.listeners({one.port for one in mine})
    rows = tuple(
        Service(name=one.name, port=one.port, health=one.health, listener=_listener(listeners.get(one.port)))
        for one in mine
    )
    return ServicesAnswer(format=FORMAT, services=rows)


def _seen(daemon: Daemon) -> Planned:
    seen = daemon.board.view.seen
    if seen is None:
        raise not_yet()
    return seen


def _leases(seen: Planned) -> Iterator[tuple[int, Use, str]]:
    fleet, host = seen.wanted.fleet, seen.wanted.desired.host
    for name in seen.wanted.desired.wizards:
        declared = fleet.wizards[name]
        yield declared.port, Use.WIZARD, name
        if declared.robe is not None:
            yield declared.robe.port, Use.ROBE, name
    for service in fleet.services.values():
        if service.host in (None, host):
            yield service.port, Use.SERVICE, service.name
    for port, why in fleet.fleet.ports.reserved.items():
        yield int(port), Use.RESERVED, why


def _pids(seen: Planned) -> dict[int, str]:
    """Process of ours -> its wizard."""
    found = {}
    for key, fact in seen.observed.facts.items():
        if isinstance(fact, ProcessFact) and fact.pid is not None and key.startswith("wizard/"):
            found[fact.pid] = key.split("/")[1]
    return found


def _holder(use: Use, owner: str, listens: Listens | None, pids: dict[int, str]) -> Holder:
    if listens is None:
        return Holder.NOBODY
    of = pids.get(listens.pid) if listens.pid is not None else None
    if use is Use.WIZARD:
        return Holder.OWNER if of == owner else Holder.STRANGER
    return Holder.SOMEBODY if of is None else Holder.STRANGER


def _listener(listens: Listens | None) -> Listener | None:
    return None if listens is None else Listener(pid=listens.pid, command=listens.command)
