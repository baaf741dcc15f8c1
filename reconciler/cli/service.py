"""The daemon as a process: signals, settings read again, the service manager, one run after another until the end.

Not done here: what a run does (engine/daemon.py).
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import Event as Closed
from threading import Thread
from typing import TYPE_CHECKING

from reconciler import __version__
from reconciler.cli.exits import Exit
from reconciler.cli.session import Session
from reconciler.errors import ReconcilerError
from reconciler.protocols.events import Event, Level

if TYPE_CHECKING:
    from types import FrameType

    from reconciler.engine.daemon import Daemon
    from reconciler.protocols.init_system import InitSystem
    from reconciler.settings import Settings
    from reconciler.web.health import Heart
    from reconciler.web.server import Server


class Pulse:
    """Hands the loop's sign of life on to the service manager, for as long as there is one."""

    def __init__(self, manager: InitSystem, heart: Heart, stalled: float) -> None:
        self._manager = manager
        self._heart = heart
        self._stalled = stalled
        self._closed = Closed()

    def run(self) -> None:
        """Until `close`, in a thread of its own: the loop itself may be in the middle of a long step."""
        seconds = self._manager.watchdog_seconds
        while seconds is not None and not self._closed.wait(seconds / 3):
            if self._heart.age < self._stalled:
                self._manager.tell("WATCHDOG=1")

    def close(self) -> None:
        self._closed.set()


class Switch:
    """SIGTERM and Ctrl-C stop the daemon, SIGHUP reads the settings again. Whatever comes while no daemon is open, in
    the middle of reading the settings again, counts for the next one."""

    def __init__(self) -> None:
        self._daemon: Daemon | None = None
        self._stop = False
        self._reload = False

    def __call__(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._reload = True
        else:
            self._stop = True
        self._pass_on()

    @contextmanager
    def turned(self) -> Iterator[None]:
        before = {number: signal.signal(number, self) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def for_daemon(self, daemon: Daemon) -> Iterator[None]:
        self._daemon = daemon
        self._pass_on()
        try:
            yield
        finally:
            self._daemon = None

    def _pass_on(self) -> None:
        if self._daemon is None:
            return
        if self._stop:
            self._daemon.stop()
        if self._reload:
            self._reload = False
            self._daemon.reload()


def serve(session: Session) -> int:
    """Runs the daemon until SIGTERM or Ctrl-C; SIGHUP reads the settings again."""
    from reconciler.compose.daemon import init_system
    from reconciler.web.health import STALLED_SECONDS, Heart

    settings = session.settings()
    manager, heart, switch = init_system(session.environ), Heart(), Switch()
    pulse = Pulse(manager, heart, STALLED_SECONDS)
    watch = Thread(target=pulse.run, name="watchdog", daemon=True)
    watch.start()
    try:
        with switch.turned():
            _runs(session, settings, Surroundings(manager, heart, switch))
    finally:
        manager.tell("STOPPING=1")
        pulse.close()
        watch.join()
    return Exit.DONE


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What outlives a run."""

    manager: InitSystem
    heart: Heart
    switch: Switch


def _runs(session: Session, settings: Settings, around: Surroundings) -> None:
    """One run after another; with the old settings when nothing can be opened with the new ones."""
    from reconciler.compose.host import check_keys
    from reconciler.engine.outcome import Ending

    old: Settings | None = None
    while True:
        with ExitStack() as stack:
            try:
                if old is not None:
                    check_keys(settings, session.environ)
                daemon = _open(stack, session, settings, around)
            except ReconcilerError as error:
                if old is None:
                    raise
                _log(session, old, f"the settings can't be used, the old ones stay: {error}", Level.ERROR)
                settings, old = old, None
                continue
            around.manager.tell("READY=1")
            ending = daemon.run()
        if ending is Ending.STOP:
            return
        around.manager.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        old, settings = settings, _again(session, settings)


def _open(stack: ExitStack, session: Session, settings: Settings, around: Surroundings) -> Daemon:
    """All that a run needs, until the stack closes."""
    from reconciler.compose.daemon import open_daemon
    from reconciler.web.site import served

    service = stack.enter_context(open_daemon(settings, session.environ, around.heart.beat))
    daemon = service.daemon
    stack.enter_context(around.switch.for_daemon(daemon))
    server = stack.enter_context(served(settings, service, around.heart))
    stack.callback(daemon.board.listen(lambda: around.manager.tell(f"STATUS={_words(daemon)}")))
    daemon.host.say(_greeting(settings, server))
    return daemon


def _greeting(settings: Settings, server: Server | None) -> str:
    where = f"dashboard at http://{settings.web.bind}/" if server else "no dashboard: web.enabled is false"
    return f"reconciler {__version__} follows {settings.source.url} for host {settings.host}; {where}"


def _words(daemon: Daemon) -> str:
    """What goes on, in one line."""
    view = daemon.board.view
    if view.running is not None:
        return f"pass on {view.running.commit[:7] or 'the branch'} ({view.running.trigger})"
    if view.ended is None:
        return "starting"
    trouble = " ".join(view.ended.trouble.split())
    return f"{view.ended.result} at {view.ended.commit[:7]}{': ' if trouble else ''}{trouble}"


def _again(session: Session, old: Settings) -> Settings:
    """The settings as they are now; the old ones when these are wrong, which is said."""
    try:
        new = session.settings()
    except ReconcilerError as error:
        _log(session, old, f"the settings were not read again, the old ones stay: {error}", Level.ERROR)
        return old
    _log(session, new, f"the settings were read again from {new.origin}", Level.INFO)
    return new


def _log(session: Session, settings: Settings, text: str, level: Level) -> None:
    """A line of the log while no daemon is open."""
    from reconciler.compose.daemon import log_of

    log_of(settings, session.environ).emit(Event(level, text))
