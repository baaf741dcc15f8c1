"""What the daemon saw last and does now, for everybody who wants to know: pages, API, metrics.

Fed by the events of a pass and by the loop; read as one immutable value. Not done here: showing it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock

from reconciler.engine.report import Planned, Report
from reconciler.plan.change import Plan, Step
from reconciler.plan.status import HostStatus
from reconciler.protocols.clock import Clock
from reconciler.protocols.events import Event, Level, Stage
from reconciler.protocols.ledger import Result

SAID = 200
"""Events that are remembered."""
ASKED = 50
"""Passes that people asked for whose ends are remembered."""


@dataclass(frozen=True, slots=True)
class StepView:
    """A step of the pass that runs now. Times are seconds since the epoch; `result` is None until it has ended."""

    step: Step
    began: float | None = None
    ended: float | None = None
    result: Result | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Running:
    """The pass that runs now. `plan` is None until it is made."""

    trigger: str
    since: float
    commit: str = ""
    plan: Plan | None = None
    steps: tuple[StepView, ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """How the last pass ended. `result` is "done", "failed", "refused", "interrupted" or "abandoned" in the words of
    `Board.end`; `trouble` is what a person has to know, "" when nothing is wrong."""

    at: float
    seconds: float
    trigger: str
    commit: str
    result: str
    trouble: str


@dataclass(frozen=True, slots=True)
class Said:
    """An event with its time."""

    at: float
    event: Event


@dataclass(frozen=True, slots=True)
class View:
    """One moment. `version` grows with each change. `seen` is the last pass's look at its end (desired, observed,
    records), `left` the plan of what it left to do; all three are None before the first whole pass. `asked`: how
    the last passes ended that people asked for."""

    version: int = 0
    status: HostStatus | None = None
    seen: Planned | None = None
    left: Plan | None = None
    running: Running | None = None
    ended: Ended | None = None
    asked: tuple[Ended, ...] = ()
    said: tuple[Said, ...] = ()

    def answer(self, ticket: str) -> Ended | None:
        """How the pass of the ticket ended, when it has."""
        return next((one for one in self.asked if f"[{ticket}]" in one.trigger), None)


class Board:
    """Safe to use from many threads. Also an `Events` sink."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._view = View()
        self._listeners: dict[int, Callable[[], None]] = {}
        self._next = 0

    @property
    def view(self) -> View:
        return self._view

    def listen(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Calls `changed`, from any thread, after each change; returns what ends that."""
        with self._lock:
            number, self._next = self._next, self._next + 1
            self._listeners[number] = changed
        return lambda: self._deaf(number)

    def begin(self, trigger: str) -> None:
        self._set(running=Running(trigger, self._clock.now()))

    def saw(self, seen: Planned, report: Report) -> None:
        """What a whole pass found at its end."""
        view = self._view
        if view.seen is not seen or view.status is not report.status:
            self._set(status=report.status, seen=seen, left=report.left)

    def end(self, result: str, trouble: str = "", *, asked: bool = False) -> None:
        """The pass that ran has ended; `asked`: a person had asked for it, who will want to know."""
        running, now = self._view.running, self._clock.now()
        if running is None:
            return
        commit = running.commit
        ended = Ended(now, now - running.since, running.trigger, commit, result, trouble)
        answers = (*self._view.asked[-ASKED + 1 :], ended) if asked else self._view.asked
        self._set(running=None, ended=ended, asked=answers)

    def emit(self, event: Event) -> None:
        now = self._clock.now()
        with self._lock:
            view = self._view
            if event.progress is not None and view.running is not None:
                view = replace(view, running=_advanced(view.running, event, now))
            if event.level is not Level.DETAIL:
                view = replace(view, said=(*view.said[-SAID + 1 :], Said(now, event)))
            if view is self._view:
                return
            self._view = replace(view, version=view.version + 1)
        self._tell()

    def _set(self, **changes: object) -> None:
        with self._lock:
            self._view = replace(self._view, version=self._view.version + 1, **changes)  # type: ignore[arg-type]
        self._tell()

    def _tell(self) -> None:
        with self._lock:
            listeners = tuple(self._listeners.values())
        for changed in listeners:
            changed()

    def _deaf(self, number: int) -> None:
        with self._lock:
            self._listeners.pop(number, None)


def _advanced(running: Running, event: Event, now: float) -> Running:
    progress = event.progress
    if progress is None:
        return running
    match progress.stage:
        case Stage.FETCHED:
            return replace(running, commit=progress.commit)
        case Stage.PLANNED if progress.plan is not None:
            views = tuple(StepView(step) for step in progress.plan.steps)
            return replace(running, plan=progress.plan, steps=(*running.steps, *views))
        case Stage.BEGUN | Stage.ENDED:
            return replace(running, steps=tuple(_moved(view, event, now) for view in running.steps))
        case _:
            return running


def _moved(view: StepView, event: Event, now: float) -> StepView:
    progress = event.progress
    if progress is None or progress.step is None or view.step.id != progress.step.id or view.result is not None:
        return view
    if progress.stage is Stage.BEGUN:
        return replace(view, began=now, text=event.text)
    return replace(view, ended=now, result=progress.result, text=event.text or view.text)
