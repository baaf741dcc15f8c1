"""Binds settings to a daemon: its host, its log, the forge, the notifier, and what tells it that processes end.

Not done here: the web server (web/), signals (cli/).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.compose.host import open_host
from reconciler.engine.board import Board
from reconciler.engine.daemon import Daemon, Doors
from reconciler.engine.desk import Desk
from reconciler.engine.reconcile import Reconciler
from reconciler.engine.timers import Pace, Timers
from reconciler.protocols.events import Event, Events, Level
from reconciler.protocols.service_manager import ServiceManager

if TYPE_CHECKING:
    from reconciler.adapters.journal_log import StreamLog
    from reconciler.settings import Settings


@dataclass
class Fan:
    """Hands each event to several listeners."""

    sinks: list[Callable[[Event], None]]

    def emit(self, event: Event) -> None:
        for sink in self.sinks:
            sink(event)


@contextmanager
def open_daemon(
    settings: Settings, environ: Mapping[str, str], beat: Callable[[], None] = lambda: None
) -> Iterator[Daemon]:
    """The daemon of this host, under the host's lock. Raises Retryable when another reconciler holds the lock."""
    from reconciler.adapters.clock import SystemClock
    from reconciler.adapters.exits import PidExits
    from reconciler.adapters.hurry import Hurry

    clock, hurry, log = SystemClock(), Hurry(), _log(settings, environ)
    board = Board(clock)
    fan = Fan([log.emit, board.emit])
    with open_host(settings, fan, environ, change=True, hurried=lambda: bool(hurry)) as bound:
        desk = Desk(clock, fan)
        doors = Doors(
            looking=lambda: _looking(settings, fan, environ),
            exits=PidExits(),
            desk=desk,
            hurry=hurry.say,
            beat=beat,
            bug=log.bug,
        )
        pace = Pace(settings.source.poll, settings.apply.drift)
        daemon = Daemon(bound.host, bound.reconciler, board, Timers(pace), doors)
        fan.sinks.append(daemon.heard)
        yield daemon


def service_manager(environ: Mapping[str, str]) -> ServiceManager:
    """Whoever watches over this process."""
    from reconciler.adapters.systemd_notify import SystemdNotify

    return SystemdNotify(environ)


@contextmanager
def _looking(settings: Settings, events: Events, environ: Mapping[str, str]) -> Iterator[Reconciler]:
    """The host for reading, with a reconciler of its own; what it says about its steps is no news."""
    with open_host(settings, _Silent(events), environ, change=False) as bound:
        yield Reconciler(replace(bound.host, store=None))


@dataclass(frozen=True, slots=True)
class _Silent:
    """Lets through what a person has to know, and nothing about the progress of a look."""

    events: Events

    def emit(self, event: Event) -> None:
        if event.progress is None and event.level in (Level.WARNING, Level.ERROR):
            self.events.emit(event)


def _log(settings: Settings, environ: Mapping[str, str]) -> StreamLog:
    from reconciler.adapters.journal_log import StreamLog

    colour = sys.stderr.isatty() and not environ.get("NO_COLOR")
    return StreamLog(sys.stderr, settings.log.format, Level(settings.log.level), colour=colour)
