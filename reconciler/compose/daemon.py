"""Binds settings to a daemon: its host, its log, the forge, the notifier, and what tells it that processes end.

Not done here: the web server (web/), signals (cli/).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.compose.forge import desk_of
from reconciler.compose.host import open_host, secret_of
from reconciler.engine.attendance import Attendance
from reconciler.engine.board import Board
from reconciler.engine.daemon import Daemon, Doors
from reconciler.engine.herald import Herald
from reconciler.engine.reconcile import Reconciler
from reconciler.engine.report import Planned
from reconciler.engine.request import Request
from reconciler.engine.timers import Pace, Timers
from reconciler.errors import Terminal
from reconciler.plan.announcement import Manner
from reconciler.plan.build import Rules
from reconciler.protocols.events import Event, Events, Level
from reconciler.protocols.init_system import InitSystem
from reconciler.protocols.secrets import Secrets

if TYPE_CHECKING:
    from reconciler.adapters.journal_log import StreamLog
    from reconciler.settings import SecretSource, Settings


@dataclass
class Fan:
    """Hands each event to several listeners."""

    sinks: list[Callable[[Event], None]]

    def emit(self, event: Event) -> None:
        for sink in self.sinks:
            sink(event)


@dataclass(frozen=True, slots=True)
class Service:
    """A daemon with who tells people about it. `web` are the web's secrets, read once at the start; `log` writes a line
    to the log alone, because requests are no news of the host."""

    daemon: Daemon
    herald: Herald
    web: WebSecrets
    log: Callable[[Event], None]
    fan: Fan

    def watch(self, events: Events) -> None:
        """Hands everything that happens from now on to somebody else as well."""
        self.fan.sinks.append(events.emit)


@dataclass(frozen=True, slots=True)
class WebSecrets:
    """`token` opens what changes something, "" when there is none; `webhook` signs deliveries."""

    token: str
    webhook: bytes | None


@contextmanager
def open_daemon(
    settings: Settings, environ: Mapping[str, str], beat: Callable[[], None] = lambda: None
) -> Iterator[Service]:
    """The daemon of this host, under the host's lock. Raises Retryable when another reconciler holds the lock."""
    from reconciler.adapters.apprise_notifier import AppriseNotifier
    from reconciler.adapters.clock import SystemClock
    from reconciler.adapters.exits import PidExits
    from reconciler.adapters.hurry import Hurry

    clock, hurry, log = SystemClock(), Hurry(), log_of(settings, environ)
    board = Board(clock)
    fan = Fan([log.emit, board.emit])
    with open_host(settings, fan, environ, change=True, hurried=lambda: bool(hurry)) as bound:
        host, secrets = bound.host, bound.host.secrets

        def look(files: Mapping[str, bytes], rules: Rules) -> Planned:
            with _looking(settings, fan, environ) as reconciler:
                return reconciler.plan(Request("preview", rules=rules, files=files))

        notifier = AppriseNotifier([secret_of(address, secrets) for address in settings.notify.to], environ)
        herald = Herald(host, notifier, Manner(settings.notify.repeat, settings.web.url or ""))
        doors = Doors(
            looking=lambda: _looking(settings, fan, environ),
            exits=PidExits(),
            desk=desk_of(settings, secrets, clock, fan, look),
            hurry=hurry.say,
            beat=beat,
            bug=log.bug,
            after=(herald.tell, Attendance(host).tell),
        )
        pace = Pace(settings.source.poll, settings.apply.drift)
        daemon = Daemon(host, bound.reconciler, board, Timers(pace), doors)
        fan.sinks.append(daemon.heard)
        herald.start()
        try:
            yield Service(daemon, herald, _web(settings, secrets), log.emit, fan)
        finally:
            herald.close()
            hurry.over()


def init_system(environ: Mapping[str, str]) -> InitSystem:
    """Whoever watches over this process."""
    from reconciler.adapters.systemd_notify import SystemdNotify

    return SystemdNotify(environ)


def _web(settings: Settings, secrets: Secrets) -> WebSecrets:
    def told(source: SecretSource | None, name: str) -> str:
        text = secret_of(source, secrets)().strip() if source is not None and settings.web.enabled else ""
        if source is not None and settings.web.enabled and len(text) < SHORTEST:
            mend = "put a long random text there, such as `openssl rand -hex 32` prints"
            raise Terminal(f"is shorter than {SHORTEST} characters", where=f"{settings.origin}: {name}", mend=mend)
        return text

    webhook = told(settings.web.webhook_secret, "web.webhook_secret")
    return WebSecrets(told(settings.web.token, "web.token"), webhook.encode() or None)


SHORTEST = 12
"""Characters of a secret that is open to guesses over the network."""


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


def log_of(settings: Settings, environ: Mapping[str, str]) -> StreamLog:
    """The log as the settings want it."""
    from reconciler.adapters.journal_log import StreamLog

    colour = sys.stderr.isatty() and not environ.get("NO_COLOR")
    return StreamLog(sys.stderr, settings.log.format, Level(settings.log.level), colour=colour)
