"""The status of a host for which no commit may be used: what the ledger knows of it and what is seen, with the trouble.

Nobody says then what is wanted; what was applied last stands in its place. Nothing is compared, and nothing changed.
Not done here: finding out that nothing may be used (in_force.py).
"""

from __future__ import annotations

from reconciler.engine.desired import unsigned_of
from reconciler.engine.health import Prober
from reconciler.engine.host import Host
from reconciler.engine.observe import Observer
from reconciler.engine.status import Left, iso, left_status
from reconciler.errors import ReconcilerError
from reconciler.plan.held import Records
from reconciler.plan.resource import Process
from reconciler.plan.status import HostStatus
from reconciler.spec.kinds import DesiredState

RESULT = "nothing was done: no commit may be used"


def unusable_status(host: Host, observer: Observer, prober: Prober, error: ReconcilerError) -> HostStatus:
    """Every wizard that the ledger has here, as it is seen now; none on a host that never had any."""
    records = host.ledger.records()
    bodies = _bodies(records)
    facts = observer.processes(tuple(bodies.values()))
    prober.refresh(bodies.values(), facts)
    names = sorted({e.resource.wizard for e in records.held.values() if e.resource.wizard} - records.attic.keys())
    left = Left(records, facts, prober.readings)
    trouble = str(error)
    return HostStatus(
        host=host.name,
        at=iso(host.clock.now()),
        commit="",
        subject="",
        result=RESULT,
        notices=(trouble,),
        wizards=tuple(left_status(host, left, name, _applied(bodies.get(name))) for name in names),
        unused=trouble,
        unsigned=unsigned_of(error),
    )


def _bodies(records: Records) -> dict[str, Process]:
    """Wizard -> its Body, as it was last started."""
    held = (entry.resource for entry in records.held.values())
    return {r.wizard: r for r in held if isinstance(r, Process) and r.wizard}


def _applied(body: Process | None) -> str:
    """What was wanted of it when something was applied last."""
    state = DesiredState.UNROBED if body is not None and body.run else DesiredState.DEAD
    return state.value
