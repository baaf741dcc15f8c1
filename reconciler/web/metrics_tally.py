"""What passes did, added up for the metrics: it listens to the board, and never asks the host for anything.

Counters begin at zero with the process, as Prometheus expects. Not done here: their names and text form (metrics.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Lock

from reconciler.engine.board import Board, Ended, Running, View
from reconciler.engine.outcome import Outcome
from reconciler.plan.change import Action, Cause, Change, Operation, Plan
from reconciler.protocols.ledger import Ledger, Result

BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
"""Seconds: from a pass with nothing to do to one that installs a version and awaits gates."""
CRASH = "crash"
REASONS = (*(cause.value for cause in Cause if cause is not Cause.DECLARED), CRASH)
_PAGE = 200
_PAGES = 10
_AGAIN = ", started again"


@dataclass(frozen=True, slots=True)
class Tallies:
    """A moment of them. `durations` are passes by upper bound, not cumulated, the last one without a bound."""

    passes: dict[str, int]
    durations: tuple[int, ...]
    seconds: float
    restarts: dict[tuple[str, str], int]
    corrected: dict[str, int]


@dataclass
class _Watched:
    """The pass that runs: each step's change, by the step's place. A way back is a second plan with its own steps."""

    running: Running | None = None
    plan: Plan | None = None
    changes: list[Change | None] = field(default_factory=list)

    def follow(self, running: Running) -> None:
        self.running = running
        if running.plan is not None and running.plan is not self.plan:
            self.plan = running.plan
            by_key = {change.key: change for change in running.plan.changes}
            self.changes += [by_key.get(view.step.key) for view in running.steps[len(self.changes) :]]

    def done(self) -> Iterator[tuple[Operation, Change]]:
        views = self.running.steps if self.running else ()
        for view, change in zip(views, self.changes, strict=False):
            if change is not None and view.result is Result.DONE:
                yield view.step.operation, change


class Tally:
    """Safe to use from many threads. `close` ends the listening."""

    def __init__(self, board: Board, ledger: Ledger) -> None:
        self._board = board
        self._ledger = ledger
        self._lock = Lock()
        self._ended: Ended | None = board.view.ended
        self._watched = _Watched()
        self._passes = Counter({outcome.value: 0 for outcome in Outcome})
        self._durations = [0] * (len(BOUNDS) + 1)
        self._seconds = 0.0
        self._restarts: Counter[tuple[str, str]] = Counter()
        self._corrected: Counter[str] = Counter()
        self._newest: int | None = None
        self._behind = True
        self._catch_up()  # what stands there before this process is none of its own
        self.close = board.listen(self._changed)

    def taken(self, wizards: frozenset[str]) -> Tallies:
        """As it is now, of these wizards: what is said of others is forgotten, so that it can't grow for ever."""
        with self._lock:
            self._catch_up()
            for pair in [pair for pair in self._restarts if pair[0] not in wizards]:
                del self._restarts[pair]
            for name in self._corrected.keys() - wizards:
                del self._corrected[name]
            return Tallies(
                dict(self._passes),
                tuple(self._durations),
                self._seconds,
                dict(self._restarts),
                dict(self._corrected),
            )

    def _changed(self) -> None:
        with self._lock:
            view = self._board.view
            if view.running is not None:
                if self._watched.running is None or self._watched.running.since != view.running.since:
                    self._watched = _Watched()
                self._watched.follow(view.running)
            if view.ended is not None and view.ended is not self._ended:
                self._end(view, view.ended)

    def _end(self, view: View, ended: Ended) -> None:
        self._ended = ended
        self._behind = True
        self._passes[ended.result if ended.result in self._passes else Outcome.BUG.value] += 1
        self._seconds += ended.seconds
        place = next((i for i, bound in enumerate(BOUNDS) if ended.seconds <= bound), len(BOUNDS))
        self._durations[place] += 1
        corrected: set[tuple[str, str]] = set()
        for operation, change in self._watched.done():
            causes = [reason.cause for reason in change.reasons]
            if operation is Operation.START and _is_restart(change):
                self._restarts[change.wizard or "", _due_to(causes).value] += 1
            if Cause.DRIFT in causes and operation not in (Operation.STOP, Operation.GATE, Operation.SOAK):
                corrected.add((change.wizard or "", change.key))
        for wizard, _ in corrected:
            self._corrected[wizard] += 1
        if view.running is None:
            self._watched = _Watched()

    def _catch_up(self) -> None:
        """Starts that the supervisor made by itself stand in the history that passes write."""
        if not self._behind:
            return
        self._behind = False
        newest, before = self._newest, None
        for _ in range(_PAGES):
            page = self._ledger.entries(None, 1 if newest is None else _PAGE, before)
            if before is None:
                self._newest = page[0].id if page else 0
            fresh = [] if newest is None else [entry for entry in page if entry.id > newest]
            for entry in fresh:
                if entry.operation == "seen" and entry.wizard and entry.reason.endswith(_AGAIN):
                    self._restarts[entry.wizard, CRASH] += 1
            if newest is None or len(fresh) < _PAGE:
                return
            before = page[-1].id


def _due_to(causes: list[Cause]) -> Cause:
    """The first one; but what goes back was stopped by its own gate, and that it "ended" tells nothing."""
    return Cause.BACK if Cause.BACK in causes else causes[0]


def _is_restart(change: Change) -> bool:
    """Not the first start of a wizard."""
    first = bool(change.reasons) and change.reasons[0].cause is Cause.DECLARED
    return bool(change.reasons) and change.action in (Action.START, Action.RESTART) and not first
