"""From a push to a converged host, for one changed key that needs no restart: where the time goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from reconciler.engine.host import Host
from reconciler.engine.reconcile import Reconciler
from reconciler.engine.request import Request
from tests.bench.figure import Figure, require
from tests.bench.fleet import model_document, name_of
from tests.bench.idle import settled
from tests.bench.remote import Remote
from tests.bench.stopwatch import Stopwatch, Times, milliseconds, times, watched

PUSHES = 5
BUDGET_MS = 1000.0
WATCHED = ("fetch", "observe", "_wanted", "_look", "_apply", "_record")
STEPS = ("fetch", "load", "observe, twice", "plan, twice", "apply", "record", "the rest")


@dataclass(frozen=True, slots=True)
class Push:
    count: int
    whole: Times
    steps: Mapping[str, Times]

    def figures(self, *, budget: bool) -> list[Figure]:
        size, took = f"{self.count:,} wizards", self.whole.median
        limit = f"{BUDGET_MS:.0f} ms" if budget else ""
        shares = ", ".join(f"{name} {self.steps[name].median:.0f}" for name in STEPS)
        return [
            Figure(f"{size}: push of one key to converged", str(self.whole), limit, took <= BUDGET_MS),
            Figure(f"{size}: where it goes (ms)", shares),
        ]


class _Timed(Reconciler):
    """A Reconciler that tells how long its parts take."""

    def __init__(self, host: Host, watch: Stopwatch) -> None:
        super().__init__(replace(host, source=watched(host.source, watch, ["fetch"])))
        self._observer = watched(self._observer, watch, ["observe"])
        for part in ("_wanted", "_look", "_apply", "_record"):
            setattr(self, part, watch.timed(part, getattr(self, part)))


def push(host: Host, remote: Remote, count: int) -> Push:
    """The host has to be converged on the remote's tip."""
    watch = Stopwatch()
    reconciler = _Timed(host, watch)
    settled(reconciler.run(Request()))
    parts = [_one(reconciler, remote, watch, number) for number in range(PUSHES)]
    steps = {name: times(part[name] for part in parts) for name in STEPS}
    return Push(count, times(sum(part.values()) for part in parts), steps)


def _one(reconciler: Reconciler, remote: Remote, watch: Stopwatch, number: int) -> dict[str, float]:
    """Milliseconds by step; they add up to the whole pass."""
    remote.push({"fleet/own.yaml": model_document("own", f"bench-{number}")}, f"Model {number}")
    for name in WATCHED:
        watch.take(name)
    whole = milliseconds(lambda: _converge(reconciler))
    fetch, observe, wanted, look, apply, record = (watch.take(name) for name in WATCHED)
    rest = whole - wanted - look - apply - record
    return dict(zip(STEPS, (fetch, wanted - fetch, observe, look - observe, apply, record, rest), strict=True))


def _converge(reconciler: Reconciler) -> None:
    report = reconciler.run(Request(trigger="push"))
    key = f"wizard/{name_of(0)}/file/home/config.yaml"
    found = [change.key for change in report.plan.changes]
    require(found == [key], f"the push changes {key}, and the pass planned {found}")
    require(report.done and not report.left.changes and not report.notices, f"it did not converge: {report.notices}")
