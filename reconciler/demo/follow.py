"""The rest of the demo: the daemon and its dashboard, until Ctrl-C.

Not done here: what the daemon does.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass

from reconciler.compose.daemon import Service, open_daemon
from reconciler.plan.change import Plan
from reconciler.protocols.events import Events
from reconciler.render.plan_text import plan_text
from reconciler.render.status_text import status_text
from reconciler.settings import Settings
from reconciler.web.health import Heart
from reconciler.web.site import served


def follow(settings: Settings, progress: Events, colour: bool) -> None:
    """Runs the daemon until Ctrl-C, SIGTERM or SIGHUP; shows each plan before it is applied, and what came of it."""
    heart = Heart()
    with open_daemon(settings, os.environ, heart.beat) as service, served(settings, service, heart):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: service.daemon.stop())
        service.watch(progress)
        told = _Told(service, colour)
        deaf = service.daemon.board.listen(told.changed)
        try:
            service.daemon.run()
        finally:
            deaf()


@dataclass
class _Told:
    """Prints a plan once, and a status after each pass that did something."""

    service: Service
    colour: bool
    plan: Plan | None = None

    def changed(self) -> None:
        """The board has changed; called from the thread that changed it."""
        view = self.service.daemon.board.view
        if view.running is not None and view.running.plan is not None and view.running.plan is not self.plan:
            self.plan = view.running.plan
            _say(plan_text(self.plan, colour=self.colour))
        if view.running is None and self.plan is not None and view.status is not None:
            self.plan = None
            _say(status_text(view.status, colour=self.colour))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
