"""The daemon as a process: signals, settings read again, the service manager, one run after another until the end.

Not done here: what a run does (engine/daemon.py).
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

from reconciler import __version__
from reconciler.cli.exits import Exit
from reconciler.cli.session import Session, say
from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from types import FrameType

    from reconciler.engine.daemon import Daemon, Ending
    from reconciler.protocols.service_manager import ServiceManager
    from reconciler.settings import Settings
    from reconciler.web.health import Heart
    from reconciler.web.server import Server


class Pulse:
    """Hands the loop's sign of life on to the service manager, for as long as there is one."""

    def __init__(self, manager: ServiceManager, heart: Heart, stalled: float) -> None:
        self._manager = manager
        self._heart = heart
        self._stalled = stalled
        self._closed = Event()

    def run(self) -> None:
        """Until `close`, in a thread of its own: the loop itself may be in the middle of a long step."""
        seconds = self._manager.watchdog_seconds
        while seconds is not None and not self._closed.wait(seconds / 3):
            if self._heart.age < self._stalled:
                self._manager.tell("WATCHDOG=1")

    def close(self) -> None:
        self._closed.set()


def serve(session: Session) -> int:
    """Runs the daemon until SIGTERM or Ctrl-C; SIGHUP reads the settings again."""
    from reconciler.compose.daemon import service_manager
    from reconciler.engine.daemon import Ending
    from reconciler.web.health import STALLED_SECONDS, Heart

    settings = session.settings()
    manager, heart = service_manager(session.environ), Heart()
    pulse = Pulse(manager, heart, STALLED_SECONDS)
    watch = Thread(target=pulse.run, name="watchdog", daemon=True)
    watch.start()
    try:
        while _run(session, settings, manager, heart) is Ending.RELOAD:
            manager.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
            settings = _again(session, settings)
    finally:
        manager.tell("STOPPING=1")
        pulse.close()
        watch.join()
    return Exit.DONE


def _run(session: Session, settings: Settings, manager: ServiceManager, heart: Heart) -> Ending:
    from reconciler.compose.daemon import open_daemon
    from reconciler.web.site import served

    with (
        open_daemon(settings, session.environ, heart.beat) as service,
        _signals(service.daemon),
        served(settings, service, heart) as server,
    ):
        daemon = service.daemon
        deaf = daemon.board.listen(lambda: manager.tell(f"STATUS={_words(daemon)}"))
        daemon.host.say(_greeting(settings, server))
        try:
            manager.tell("READY=1")
            return daemon.run()
        finally:
            deaf()


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
    return f"{view.ended.result} at {view.ended.commit[:7]}{': ' if view.ended.trouble else ''}{view.ended.trouble}"


@contextmanager
def _signals(daemon: Daemon) -> Iterator[None]:
    """SIGTERM and Ctrl-C stop the daemon, SIGHUP reads the settings again."""
    calls: dict[signal.Signals, Callable[[], None]] = {
        signal.SIGTERM: daemon.stop,
        signal.SIGINT: daemon.stop,
        signal.SIGHUP: daemon.reload,
    }

    def handle(number: int, _: FrameType | None) -> None:
        calls[signal.Signals(number)]()

    before = {number: signal.signal(number, handle) for number in calls}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _again(session: Session, old: Settings) -> Settings:
    """The settings as they are now; the old ones when these are wrong, which is said."""
    try:
        new = session.settings()
    except ReconcilerError as error:
        say(f"error: the settings were not read again, the old ones stay: {error}")
        return old
    say(f"the settings were read again from {new.origin}")
    return new
