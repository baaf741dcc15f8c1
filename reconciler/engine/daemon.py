"""One host's daemon: what wakes it, what it does about that, and what faces may ask of it.

Triggers only add keys to a queue; one thread makes the passes, another speaks with the forge, so that a forge that is
away never delays a pass. Not done here: a pass (reconcile.py), previews, showing anything.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from threading import Event, Lock, Thread

from reconciler.engine.board import Board
from reconciler.engine.calm import Calm
from reconciler.engine.desk import Desk
from reconciler.engine.host import Host
from reconciler.engine.lookout import Lookout
from reconciler.engine.outcome import After, Ending, Outcome, judged
from reconciler.engine.overtaken import Overtaken
from reconciler.engine.queue import Key, Kind, Taken, WorkQueue
from reconciler.engine.reconcile import Reconciler
from reconciler.engine.report import Planned, Report
from reconciler.engine.request import Request
from reconciler.engine.saved import SavedPlan, fingerprint
from reconciler.engine.status import iso
from reconciler.engine.timers import Timers
from reconciler.errors import Interrupted, ReconcilerError, Refused, Retryable, Terminal
from reconciler.plan.held import Pause
from reconciler.protocols.events import Event as Happening
from reconciler.protocols.events import Level, Stage
from reconciler.protocols.exits import Exits

PASS = Key(Kind.PASS)
IDLE_SECONDS = 1.0
PARTING_SECONDS = 2.0
"""How long a stop waits for the forge's answer to the request that is under way; nothing is asked after it."""
AFTERWARDS = "a look afterwards"
DELIVERY = "webhook"
NEWER = "a newer commit"
QUIET = frozenset({"drift", "process exit", "next try", AFTERWARDS})
"""Triggers that say nothing about the remote: it is not asked because of them."""


def _unheard(_: BaseException) -> None:
    """Where nobody asks for bugs."""


@dataclass(frozen=True, slots=True)
class Doors:
    """What the daemon has besides its host. `looking` opens the host for reading, with a reconciler of its own;
    `hurry` cuts short what is waited for; `beat` says that the loop goes round; `bug` is told of what nobody expected;
    `after` hears of each pass."""

    looking: Callable[[], AbstractContextManager[Reconciler]]
    exits: Exits
    desk: Desk
    hurry: Callable[[], None] = lambda: None
    beat: Callable[[], None] = lambda: None
    bug: Callable[[BaseException], None] = _unheard
    after: tuple[After, ...] = ()


class Daemon:
    """Make it, `run` it in one thread; everything else may be called from any thread."""

    def __init__(self, host: Host, reconciler: Reconciler, board: Board, timers: Timers, doors: Doors) -> None:
        self.host = host
        self.board = board
        self.passes = WorkQueue(host.clock)
        self.desk = doors.desk
        self._reconciler = reconciler
        self._doors = doors
        self._timers = timers
        self._lookout = Lookout(host.source, lambda: self.passes.add(PASS, NEWER))
        self._calm = Calm(host.clock)
        self._overtaken = Overtaken(host.source)
        self._stopping = Event()
        self._reloading = Event()
        self._asked: dict[str, Request] = {}
        self._lock = Lock()

    # What faces may ask

    def wake(self, trigger: str) -> None:
        """A pass, soon. While one runs, it is looked whether the branch has moved, and then that pass is abandoned.

        Of a burst of deliveries the first is worth a pass; while it runs, and after one that found nothing new, the
        others wait a little, and only a branch that has moved is reason enough for a pass at once.
        """
        busy = self.board.view.running is not None
        seconds = self._calm.seconds(busy=busy) if trigger == DELIVERY else 0.0
        self.passes.add(PASS, trigger, seconds)
        if trigger not in QUIET and (busy or seconds > 0):
            self._lookout.look()

    def named(self, commit: str) -> None:
        """A delivery says that this was pushed: when no pass gets to it, it is told what became of a newer one."""
        self._overtaken.name(commit)

    def look(self, request: Request) -> Planned:
        """The plan of the request, on a view of the host of its own. Raises what a plan raises."""
        with self._doors.looking() as reconciler:
            return reconciler.plan(request)

    def submit(self, request: Request, shown: Planned) -> str:
        """Asks for a pass that does exactly what was shown, or refuses; returns the ticket that its trigger names."""
        ticket = secrets.token_hex(4)
        plan = shown.plan
        saved = SavedPlan(plan.commit, plan.host, shown.rules, fingerprint(plan, shown.records))
        with self._lock:
            self._asked[ticket] = replace(request, saved=saved)
        self.passes.add(Key(Kind.ASKED, ticket), f"{request.trigger} [{ticket}]")
        return ticket

    def pause(self, wizard: str, reason: str) -> None:
        self.host.ledger.pause(Pause(wizard, reason, iso(self.host.clock.now())))
        self.host.say(f"paused{': ' if reason else ''}{reason}", wizard)
        self.wake("pause")

    def resume(self, wizard: str) -> bool:
        """False when it was not paused."""
        was = self.host.ledger.resume(wizard)
        if was:
            self.host.say("resumed", wizard)
            self.wake("resume")
        return was

    def stop(self) -> None:
        """Ends `run` within seconds, wherever it is; the next daemon goes on where the journal says."""
        self._stopping.set()
        self.passes.close()
        self._doors.hurry()

    def reload(self) -> None:
        """Ends `run` after the pass that runs now, so that it can begin again with other settings."""
        self._reloading.set()
        self.passes.close()

    # The loop

    def run(self) -> Ending:
        """Makes passes until `stop` or `reload` is called."""
        desk = Thread(target=self.desk.run, name="desk", daemon=True)
        threads = [
            Thread(target=self._timers.run, args=(self.wake, self.desk.refresh), name="timers", daemon=True),
            Thread(target=self._lookout.run, name="lookout", daemon=True),
        ]
        for thread in (*threads, desk):
            thread.start()
        self.passes.add(PASS, "start")
        try:
            while not self._stopping.is_set() and not self._reloading.is_set():
                self._doors.beat()
                taken = self.passes.take(IDLE_SECONDS)
                if taken is not None:
                    self._work(taken)
        finally:
            self._timers.close()
            self._lookout.close()
            self.desk.close()
            self._doors.exits.close()
            for thread in threads:
                thread.join()
            # Before the next run it has to be gone: two of them would write two comments.
            desk.join(PARTING_SECONDS)
            while desk.is_alive() and not self._stopping.is_set():
                desk.join(PARTING_SECONDS)
        return Ending.STOP if self._stopping.is_set() else Ending.RELOAD

    def heard(self, event: Happening) -> None:
        """Where a pass has come to, as the events tell."""
        if event.progress is not None and event.progress.stage is Stage.FETCHED:
            self._lookout.fetched()
            self.desk.begun(event.progress.commit)

    def _cancelled(self) -> bool:
        self._doors.beat()
        return self._stopping.is_set() or self._lookout.superseded

    def _work(self, taken: Taken) -> None:
        request = self._request(taken)
        self._lookout.begin()
        self.board.begin(taken.trigger)
        outcome, report, trouble = self._pass(request)
        latest = self._reconciler.latest
        if latest is not None:
            self.board.saw(*latest)
        before = self.board.view.ended
        self.board.end(outcome.value, trouble, asked=taken.key.kind is Kind.ASKED)
        if report is not None and report.applied.outcomes:
            self.host.say(f"{outcome.value}: {report.status.result}")
        if outcome is Outcome.INTERRUPTED:
            return
        self._follow(taken, outcome)
        commit = self.board.view.ended.commit if self.board.view.ended else ""
        if DELIVERY in taken.triggers:
            self._calm.ended(found=before is None or before.commit != commit)
        if before is None or before.commit != commit or (report is not None and report.applied.outcomes):
            self.desk.refresh("the host has moved")
        self._tell_forge(commit, outcome, trouble or (report.status.result if report else ""))
        for hears in self._doors.after:
            hears(outcome, latest[1].status if latest else None, trouble, report)

    def _tell_forge(self, commit: str, outcome: Outcome, text: str) -> None:
        """What became of the commit that the pass was to work from, and of those that it left behind."""
        if outcome is Outcome.ABANDONED:
            self._overtaken.name(commit)
            self.desk.ended(commit, outcome.value, text)
            return
        attempted = self._reconciler.attempted
        if not attempted:
            return
        self.desk.ended(attempted, outcome.value, text)
        try:
            overtaken = self._overtaken.by(attempted)
        except ReconcilerError:
            return  # the source is damaged, which the next pass finds and tells
        for one in overtaken:
            self.desk.ended(one, outcome.value, f"with {attempted[:7]}: {text}")

    def _request(self, taken: Taken) -> Request:
        if taken.key.kind is Kind.ASKED:
            with self._lock:
                return replace(self._asked.pop(taken.key.name), trigger=taken.trigger)
        fetch = bool(set(taken.triggers) - QUIET)
        return Request(taken.trigger, fetch=fetch, patient=True)

    def _pass(self, request: Request) -> tuple[Outcome, Report | None, str]:
        """One pass, and how it ended; nothing that goes wrong in it ends the daemon."""
        report: Report | None = None
        try:
            report = self._reconciler.run(request, self._cancelled)
        except ReconcilerError as error:
            outcome, trouble = self._troubled(error)
        except Exception as bug:  # noqa: BLE001 - a bug in a pass must not leave the fleet without its daemon
            self._doors.bug(bug)
            outcome, trouble = Outcome.BUG, f"bug: {type(bug).__name__}: {bug}"
        else:
            outcome, trouble = judged(report)
        if trouble:
            level = Level.INFO if outcome in (Outcome.ABANDONED, Outcome.INTERRUPTED) else Level.ERROR
            self._once(trouble, level)
        return outcome, report, trouble

    def _troubled(self, error: ReconcilerError) -> tuple[Outcome, str]:
        match error:
            case Retryable() if self._stopping.is_set():
                return Outcome.INTERRUPTED, "cut short by the end of the daemon"
            case Interrupted() if not self._stopping.is_set():
                return Outcome.ABANDONED, "abandoned: the branch has moved on"
            case Interrupted():
                return Outcome.INTERRUPTED, str(error)
            case Refused():
                return Outcome.REFUSED, str(error)
            case Terminal():
                return Outcome.INVALID, str(error)
            case _:
                return Outcome.FAILED, str(error)

    def _once(self, trouble: str, level: Level) -> None:
        """Says it unless the last pass ended with the same words."""
        last = self.board.view.ended
        if last is None or last.trouble != trouble:
            self.host.say(trouble, level=level)

    def _follow(self, taken: Taken, outcome: Outcome) -> None:
        """When the next pass is due, besides what wakes us."""
        if outcome in (Outcome.FAILED, Outcome.BUG):
            self.passes.failed(taken.key if taken.key is PASS else PASS, "retry")
        else:
            self.passes.done(PASS)
        if outcome is Outcome.ABANDONED:
            self.passes.add(PASS, NEWER)
        if taken.key.kind is Kind.ASKED:
            self.passes.add(PASS, AFTERWARDS)  # what was asked for may have looked at some wizards only
        soon = self._reconciler.next_try()
        if soon is not None:
            self.passes.add(PASS, "next try", soon)
        status = self.board.view.status
        if status is not None:
            pids = [wizard.pid for wizard in status.wizards if wizard.pid]
            self._doors.exits.watch(pids, lambda pid: self.wake("process exit"))  # noqa: ARG005 - a key, no facts
