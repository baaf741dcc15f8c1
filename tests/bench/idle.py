"""A pass with nothing to do in a daemon, beside a bare look at the same files; and proof that it would have seen."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from reconciler.engine.host import Host
from reconciler.engine.reconcile import Reconciler
from reconciler.engine.report import Report
from reconciler.engine.request import Request
from reconciler.plan.resource import CodebaseVersion, Process, Resource, TextFile
from tests.bench.figure import Figure, require
from tests.bench.stopwatch import Stopwatch, Times, milliseconds, minus, over, times, watched

LARGE = 1000
WARM_UP = 2
ROUNDS = 25
REREADS = 3
BUDGET_RATIO = 3.0
BUDGET_GROWTH = 1.5


@dataclass(frozen=True, slots=True)
class Idle:
    """`whole`: the pass as it is; `fetch`: its part that asks the remote; `bare`: stat, read and sha256 of the same."""

    count: int
    paths: int
    whole: Times
    fetch: Times
    bare: Times
    reread: Times

    @property
    def inner(self) -> Times:
        """The pass without its fetch."""
        return minus(self.whole, self.fetch)

    def figures(self) -> list[Figure]:
        size, ratio, inner = f"{self.count:,} wizards", over(self.whole, self.bare), over(self.inner, self.bare)
        budget = f"{BUDGET_RATIO:g}x, aim 1x" if self.count == LARGE else ""
        return [
            Figure(f"{size}: stat, read, sha256 of {self.paths:,} paths", str(self.bare)),
            Figure(f"{size}: pass with nothing to do", str(self.whole)),
            Figure(f"{size}: of that, the fetch", str(self.fetch)),
            Figure(f"{size}: pass over the bare look", f"{ratio:.2f}x", budget, ratio <= BUDGET_RATIO),
            Figure(f"{size}: the same without the fetch", f"{inner:.2f}x"),
            Figure(f"{size}: full re-read", str(self.reread)),
        ]


def growth(small: Idle, large: Idle) -> list[Figure]:
    """Time per wizard; the fetch costs the same for any fleet and would flatter, so the budget counts without it."""
    share = small.count / large.count
    inner = over(large.inner, small.inner) * share
    what = f"time per wizard, {large.count:,} over {small.count:,}"
    return [
        Figure(f"{what}: pass without the fetch", f"{inner:.2f}x", f"{BUDGET_GROWTH:g}x", inner <= BUDGET_GROWTH),
        Figure(f"{what}: pass with it", f"{over(large.whole, small.whole) * share:.2f}x"),
        Figure(f"{what}: bare look", f"{over(large.bare, small.bare) * share:.2f}x"),
    ]


class Daemon:
    """One converged host whose passes are measured."""

    def __init__(self, host: Host, count: int) -> None:
        self._watch = Stopwatch()
        self._reconciler = Reconciler(replace(host, source=watched(host.source, self._watch, ["fetch"])))
        self._count = count
        self._whole: list[float] = []
        self._fetch: list[float] = []
        self._bare: list[float] = []
        converge(self._reconciler)
        self._resources = self._reconciler.plan(Request()).wanted.desired.resources
        self._paths = [r.path for r in self._resources if not isinstance(r, Process | CodebaseVersion)]

    def turn(self) -> None:
        """One pass and one bare look."""
        self._watch.take("fetch")
        self._whole.append(milliseconds(lambda: settled(self._reconciler.run(Request()))))
        self._fetch.append(self._watch.take("fetch"))
        self._bare.append(milliseconds(lambda: _bare(self._paths)))

    def result(self) -> Idle:
        """Checks that the passes would have found a change, and measures the full re-read."""
        _finds_a_change(self._reconciler, self._resources)
        request = Request(reread=True)
        reread = times(milliseconds(lambda: settled(self._reconciler.run(request))) for _ in range(REREADS))
        whole, fetch, bare = (times(part[WARM_UP:]) for part in (self._whole, self._fetch, self._bare))
        return Idle(self._count, len(self._paths), whole, fetch, bare, reread)


def idle(hosts: Mapping[int, Host]) -> Mapping[int, Idle]:
    """By number of wizards. All sizes take turns, so that a busy moment of the machine hits them alike."""
    daemons = {count: Daemon(host, count) for count, host in hosts.items()}
    for _ in range(WARM_UP + ROUNDS):
        for daemon in daemons.values():
            daemon.turn()
    return {count: daemon.result() for count, daemon in daemons.items()}


def converge(reconciler: Reconciler) -> None:
    """The first pass of a fresh host, which has to leave nothing to do."""
    report = reconciler.run(Request())
    require(report.done and not report.left.changes, f"the first pass did not converge: {report.applied.failures[:1]}")
    settled(reconciler.run(Request()))


def settled(report: Report) -> None:
    changes = [change.key for change in report.plan.changes]
    require(not changes, f"a pass with nothing to do planned {changes[:3]}")
    require(not report.notices, f"a pass with nothing to do had to say: {report.notices}")


def _bare(paths: Sequence[str]) -> None:
    """What any program has to do that looks at the files without a memory."""
    for path in paths:
        found = os.lstat(path)
        if stat.S_ISREG(found.st_mode):
            with open(path, "rb") as file:
                sha256(file.read()).digest()
        elif stat.S_ISLNK(found.st_mode):
            sha256(os.readlink(path).encode()).digest()


def _finds_a_change(reconciler: Reconciler, resources: Sequence[Resource]) -> None:
    """One file is changed in place, at equal size and with its old mtime: the next pass names it and mends it."""
    files = [r for r in resources if isinstance(r, TextFile)]
    victim = files[len(files) // 2]
    path, before = Path(victim.path), os.stat(victim.path)
    with path.open("r+b") as file:
        file.write(b"!")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    require(path.stat().st_size == before.st_size, "the change was to keep the size")
    found = [change.key for change in reconciler.run(Request()).plan.changes]
    require(found == [victim.key], f"{victim.key} was changed in place, and the next pass planned {found}")
    require(path.read_text() == victim.text, f"{victim.key} was found and not mended")
    settled(reconciler.run(Request()))
