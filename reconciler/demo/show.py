"""What the demo does, step by step: plan, apply, status, one question, and what to try next.

Not done here: following pushes (follow.py).
"""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.compose import Bound, load, open_host
from reconciler.demo.follow import follow
from reconciler.demo.place import Place, difference, prepare, stand_in
from reconciler.engine.ask import ask
from reconciler.engine.report import Report
from reconciler.engine.request import Request
from reconciler.plan.resource import Process
from reconciler.protocols import events
from reconciler.render.plan_text import plan_text
from reconciler.render.status_text import status_text

QUESTION = "Who are you, and what is your role?"


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@dataclass
class Progress:
    """Prints events with the seconds since the start, and remembers when the first wizard was healthy."""

    began: float = field(default_factory=time.monotonic)
    first_healthy: float | None = None

    def emit(self, event: events.Event) -> None:
        if event.level is events.Level.DETAIL:
            return
        if event.text.startswith("healthy") and self.first_healthy is None:
            self.first_healthy = self.seconds()
        say(f"  {self.seconds():5.1f} s  {event.wizard + ': ' if event.wizard else ''}{event.text}")

    def seconds(self) -> float:
        return time.monotonic() - self.began


def run(once: bool, directory: Path | None) -> int:
    """The demo. With `once` it ends after the first convergence and leaves nothing running."""
    progress = Progress()
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _as_ctrl_c)
    place = prepare(directory)
    say(f"The demo lives in {place.folder}; delete the folder when you are done with it.\n")
    say("1. The golden fleet, fitted to this machine (root, busy ports, model endpoints, no Telegram):\n")
    say(difference(place))
    settings = load(str(place.settings), os.environ)
    with stand_in(place.endpoint):
        try:
            with open_host(settings, progress, os.environ, change=True) as bound:
                code = _show(bound, place, progress, once, colour)
            if code == 0 and not once:
                follow(settings, progress, colour)
        except KeyboardInterrupt:
            code = 0 if progress.first_healthy is not None else 130
        finally:
            say("\nStopping the demo's gateways ...")
            with open_host(settings, progress, os.environ, change=True) as bound:
                bound.host.runtime.shutdown()
            say(f"Everything that the demo started has ended. Its files are in {place.folder}")
    return code


def _as_ctrl_c(number: int, frame: object) -> None:  # noqa: ARG001 - what signal.signal calls
    raise KeyboardInterrupt


def _show(bound: Bound, place: Place, progress: Progress, once: bool, colour: bool) -> int:
    say("2. The plan: what a first pass would do, before anything happens\n")
    say(plan_text(bound.reconciler.plan(Request()).plan, colour=colour))
    say("3. Applying it: real Hermes is installed, then three gateways come up under supervisord\n")
    report = bound.reconciler.run(Request("demo"))
    healthy = progress.seconds()
    say("\n4. Status\n")
    say(status_text(report.status, colour=colour))
    if not report.done or report.left.pending:
        say("The fleet did not converge; the lines above say why.")
        return 1
    _ask(bound, report)
    say(f"\nFirst healthy wizard after {progress.first_healthy or healthy:.1f} s, all of them after {healthy:.1f} s.")
    if once:
        return 0
    _try_next(place, report)
    return 0


def _ask(bound: Bound, report: Report) -> None:
    name = sorted(wizard.name for wizard in report.status.wizards)[-1]
    records = bound.host.ledger.records()
    process = records.held[f"wizard/{name}/body"].resource
    if isinstance(process, Process):
        say(f"5. Asking {name}: {QUESTION}\n")
        say(f"   {ask(bound.host, process, QUESTION)}")


def _try_next(place: Place, report: Report) -> None:
    port = report.status.wizards[0].port
    command = str(Path(sys.argv[0]).resolve()) if sys.argv[0].endswith("reconciler") else "reconciler"
    say(f"""
Now try it yourself, in a second terminal:

  cd {place.clone}
  sed -i 's/^port: {port}$/port: {port + 10}/' fleet/wizards/{report.status.wizards[0].name}.yaml
  git commit -am "Move {report.status.wizards[0].name} to port {port + 10}" && git push

and watch it converge here, and on the dashboard: http://127.0.0.1:{place.dashboard}/
(to change something there, log in with the token in {place.token})

Also worth a try:

  export RECONCILER_CONFIG={place.settings}
  {command} status                                  # desired beside observed
  {command} why {report.status.wizards[0].name}                               # each change, traced to its commit
  {command} ask {report.status.wizards[0].name} "hello"
  kill -9 $(cat {place.folder}/wizards/{report.status.wizards[0].name}/home/gateway.pid | tr -dc '0-9,' | cut -d, -f1)

Ctrl-C stops the gateways and ends the demo.
""")
