"""A daemon over the tests' site: a real remote, disk and ledger, gateways in memory, its loop in a thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Thread

from reconciler.adapters.clock import SystemClock
from reconciler.compose.daemon import Fan
from reconciler.engine.board import Board, View
from reconciler.engine.daemon import Daemon, Doors
from reconciler.engine.desk import Desk
from reconciler.engine.outcome import Ending
from reconciler.engine.reconcile import Reconciler
from reconciler.engine.timers import Pace, Timers
from reconciler.protocols.clock import Clock
from tests.engine.site import Site

NEVER = Pace(poll=3600.0, drift=3600.0, pulls=3600.0)


@dataclass
class Ends:
    """Stands for the kernel: a test says which process has ended."""

    pids: frozenset[int] = frozenset()
    ended: Callable[[int], None] = lambda pid: None

    def watch(self, pids: object, ended: Callable[[int], None]) -> None:
        self.pids, self.ended = frozenset(pids), ended  # type: ignore[call-overload]

    def close(self) -> None:
        pass


@dataclass
class Running:
    """The daemon, what tells it of ends, and the bugs it met."""

    daemon: Daemon
    ends: Ends
    bugs: list[BaseException]
    ending: list[Ending] = field(default_factory=list)

    def until(self, seen: Callable[[View], object], seconds: float = 120.0) -> View:
        """Waits until the board shows it."""
        deadline = time.monotonic() + seconds
        while not seen(view := self.daemon.board.view):
            assert time.monotonic() < deadline, f"never seen; the board says {view.ended}"
            assert not self.bugs, self.bugs
            time.sleep(0.01)
        return view

    def bug(self, seconds: float = 60.0) -> BaseException:
        """The bug that it met, which is then none of the test's own."""
        deadline = time.monotonic() + seconds
        while not self.bugs:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return self.bugs.pop()

    def passes(self) -> int:
        return len(self.daemon.host.ledger.passes(1000))


@contextmanager
def running(
    site: Site, *, pace: Pace = NEVER, clock: Clock | None = None, environ: Mapping[str, str] | None = None
) -> Iterator[Running]:
    with site.bound(environ=environ) as (bound, _):
        clock = clock or SystemClock()
        board = Board(clock)
        fan = Fan([site.told.emit, board.emit])
        host = replace(bound, clock=clock, events=fan)
        ends, bugs = Ends(), list[BaseException]()

        @contextmanager
        def looking() -> Iterator[Reconciler]:
            with site.bound(change=False) as (_, reconciler):
                yield reconciler

        doors = Doors(looking, ends, Desk(clock, fan), bug=bugs.append)
        daemon = Daemon(host, Reconciler(host), board, Timers(pace), doors)
        fan.sinks.append(daemon.heard)
        found = Running(daemon, ends, bugs)
        loop = Thread(target=lambda: found.ending.append(daemon.run()), name="loop")
        loop.start()
        try:
            yield found
        finally:
            daemon.stop()
            loop.join(60.0)
            assert not loop.is_alive()
            assert not bugs, bugs
