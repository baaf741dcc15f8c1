"""Executes a plan's steps: each when its needs are done, several wizards at once, each between two journal commits.

One failed step is an Outcome: what needs it is skipped with the reason, everything else goes on. Not done here:
choosing.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event

from reconciler.engine.effects import Effects
from reconciler.engine.host import Host
from reconciler.engine.journal import tried, update_for
from reconciler.errors import Interrupted, ReconcilerError, Retryable
from reconciler.plan.change import Change, Operation, Plan, Step
from reconciler.plan.fields import secret_refs
from reconciler.protocols.events import Level, Progress, Stage
from reconciler.protocols.ledger import Result, Update


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one step ended. `text` is for people."""

    step: Step
    result: Result
    text: str


@dataclass(frozen=True, slots=True)
class Applied:
    """Outcomes in the order they came. `back`: wizards that failed and were quarantined."""

    outcomes: tuple[Outcome, ...]
    back: frozenset[str] = frozenset()

    @property
    def result(self) -> Result:
        """The worst that happened."""
        results = {outcome.result for outcome in self.outcomes}
        order = (Result.FAILED, Result.INTERRUPTED, Result.BLOCKED, Result.SKIPPED)
        return next((result for result in order if result in results), Result.DONE)

    @property
    def cut_short(self) -> bool:
        """Whether something was stopped, or left out, before its end."""
        return any(outcome.result in (Result.INTERRUPTED, Result.SKIPPED) for outcome in self.outcomes)

    @property
    def failures(self) -> tuple[Outcome, ...]:
        return tuple(o for o in self.outcomes if o.result not in (Result.DONE, Result.SKIPPED))


_DISRUPTS = frozenset({Operation.STOP, Operation.START, Operation.STORE, Operation.RETURN, Operation.RENAME})
_BEGINS = _DISRUPTS | {Operation.EDIT_KEYS, Operation.LINK, Operation.REMOVE}
"""From the first of these on a wizard is brought to its end: a program that is started on half of a change may not run
at all."""


class Apply:
    """One run over one plan. `cancelled` is asked before each step, while a gate holds and while something is
    installed, which may take as long as somebody else's server likes; any other effect that has begun is finished,
    nothing new is begun. Wizards of which something was `begun` before are brought to their end although somebody has
    paused them since."""

    def __init__(
        self,
        host: Host,
        plan: Plan,
        pass_id: int,
        cancelled: Callable[[], bool] = lambda: False,
        begun: frozenset[str] = frozenset(),
    ) -> None:
        self._host = host
        self._plan = plan
        self._pass = pass_id
        self._asked = cancelled
        self._stopping = Event()
        self._changes = {change.key: change for change in plan.changes}
        self._effects = Effects(host, self._cancelled)
        self._results: dict[str, Outcome] = {}
        self._outcomes: list[Outcome] = []
        self._rising: set[str] = set()
        self._bugs: list[Exception] = []
        self._begun = set(begun)
        self._looked_at: set[str] = set()

    def run(self) -> Applied:
        """Runs all steps. A bug in one of them is raised after the others have ended."""
        waiting = list(self._plan.steps)
        running: dict[Future[Outcome], Step] = {}
        with ThreadPoolExecutor(self._host.limits.concurrency, "apply") as pool:
            while waiting or running:
                waiting = self._begin(waiting, running, pool)
                for future in self._wait(running):
                    del running[future]
                    self._finish(future.result())
        if self._stopping.is_set():
            raise Interrupted("interrupted; what was not begun is left to the next pass")
        if self._bugs:
            raise self._bugs[0]
        return Applied(tuple(self._outcomes))

    def _cancelled(self) -> bool:
        return self._stopping.is_set() or self._asked()

    def _wait(self, running: dict[Future[Outcome], Step]) -> set[Future[Outcome]]:
        """The steps that have ended. Ctrl-C lets what runs come to its end, and is raised again by `run`."""
        if not running:
            return set()
        try:
            return wait(running, return_when=FIRST_COMPLETED)[0]
        except KeyboardInterrupt:
            self._host.say("stopping: finishing what was begun", level=Level.WARNING)
            self._stopping.set()
            return set()

    def _begin(self, waiting: list[Step], running: dict[Future[Outcome], Step], pool: ThreadPoolExecutor) -> list[Step]:
        """Submits what is ready, skips what can't be done any more; returns what still waits.

        What comes after a full pool is not looked at: with a thousand wizards that would be most of the time.
        """
        later: list[Step] = []
        for position, step in enumerate(waiting):
            if len(running) >= self._host.limits.concurrency:
                return later + waiting[position:]
            failed = [n for n in step.needs if n in self._results and self._results[n].result is not Result.DONE]
            if failed:
                self._finish(Outcome(step, Result.SKIPPED, f"{failed[0]} was not done"))
            elif self._cancelled():
                self._finish(Outcome(step, Result.SKIPPED, "stopped before it was begun"))
            elif self._ready(step):
                if why := self._paused(step):
                    self._finish(Outcome(step, Result.SKIPPED, why))
                    continue
                if step.operation is Operation.START:
                    self._rising.add(step.key)
                running[pool.submit(self._step, step)] = step
            else:
                later.append(step)
        return later

    def _paused(self, step: Step) -> str:
        """Why nothing more is done to the step's wizard, when somebody has paused it since the plan was made. Asked
        before its first step, and before what begins its change as a whole."""
        name = step.wizard
        if name is None or name in self._begun:
            return ""
        if name in self._looked_at and step.operation not in _BEGINS:
            return ""
        self._looked_at.add(name)
        if name in self._host.ledger.records().pauses:
            return f"{name} was paused meanwhile; `reconciler resume {name}` lets it go on"
        if step.operation in _BEGINS:
            self._begun.add(name)
        return ""

    def _ready(self, step: Step) -> bool:
        """Whether all needs are done. A start also waits until few enough gateways are on their way up: each costs a
        core for seconds, and all at once would fail their gates together."""
        if step.operation is Operation.START and len(self._rising) >= self._host.limits.concurrency:
            return False
        return all(need in self._results for need in step.needs)

    def _finish(self, outcome: Outcome) -> None:
        started = outcome.step.operation is Operation.START and outcome.result is Result.DONE
        if outcome.step.operation in (Operation.START, Operation.GATE) and not started:
            self._rising.discard(outcome.step.key)
        self._results[outcome.step.id] = outcome
        self._outcomes.append(outcome)
        ended = Progress(Stage.ENDED, step=outcome.step, result=outcome.result)
        self._host.progress(ended, f"{outcome.result.value}: {outcome.text}" if outcome.text else outcome.result.value)
        if outcome.step.operation is Operation.GATE and outcome.result is Result.DONE:
            self._host.say(f"healthy: {outcome.text}", outcome.step.wizard, outcome.step.key)
        if outcome.result in (Result.FAILED, Result.BLOCKED):
            self._host.say(outcome.text, outcome.step.wizard, outcome.step.key, Level.ERROR)

    def _step(self, step: Step) -> Outcome:
        """One effect between its two journal commits."""
        change = self._changes[step.key]
        try:
            self._reveal(step, change)
            update = update_for(self._host, step, change, self._plan.commit)
            intent = self._host.ledger.intend(self._pass, self._plan.commit, step, change, update)
        except ReconcilerError as error:
            return Outcome(step, _result(error), str(error))
        try:
            self._host.progress(Progress(Stage.BEGUN, step=step), _words(step, change), _level(step))
            text = self._effects.perform(step, change)
        except ReconcilerError as error:
            return self._settle(intent, Outcome(step, _result(error), str(error)), tried(step, update))
        except Exception as bug:  # noqa: BLE001 - raised by `run`, once the other wizards are where they should be
            self._bugs.append(bug)
            failed = Outcome(step, Result.FAILED, f"bug: {type(bug).__name__}")
            return self._settle(intent, failed, tried(step, update))
        except BaseException as end:
            self._settle(intent, Outcome(step, Result.FAILED, f"ended: {type(end).__name__}"), tried(step, update))
            raise
        return self._settle(intent, Outcome(step, Result.DONE, text), update)

    def _settle(self, intent: int, outcome: Outcome, update: Update) -> Outcome:
        text = self._host.secrets.redact(outcome.text)
        try:
            self._host.ledger.settle(intent, outcome.result, text, update)
        except ReconcilerError:
            # One full disk may hold both: what failed first is told, even where it can't be recorded.
            if outcome.result is not Result.DONE:
                self._host.say(text, outcome.step.wizard, outcome.step.key, Level.ERROR)
            raise
        return Outcome(outcome.step, outcome.result, text)

    def _reveal(self, step: Step, change: Change) -> None:
        """Makes the secrets that the step writes, so that intent and effect speak of the same values."""
        if step.operation in (Operation.EDIT_KEYS, Operation.START):
            for ref in secret_refs(change.resource):
                self._host.secrets.make(ref)


def _result(error: ReconcilerError) -> Result:
    if isinstance(error, Interrupted):
        return Result.INTERRUPTED
    return Result.BLOCKED if isinstance(error, Retryable) else Result.FAILED


def _level(step: Step) -> Level:
    return Level.INFO if step.operation in _SAYS else Level.DETAIL


_SAYS = {
    Operation.INSTALL: "installing",
    Operation.STOP: "stopping",
    Operation.START: "starting",
    Operation.GATE: "waiting until it holds",
    Operation.SOAK: "watching the canary",
    Operation.COPY_DATABASES: "copying the databases of",
    Operation.PUT_BACK_DATABASES: "putting back the databases of",
    Operation.STORE: "moving into the attic",
    Operation.RETURN: "bringing back from the attic",
    Operation.RENAME: "renaming",
}


def _words(step: Step, change: Change) -> str:
    reasons = "; ".join(reason.text for reason in change.reasons)
    words = _SAYS.get(step.operation, step.operation.value)
    return f"{words} {step.key} ({reasons})" if step.operation is not Operation.GATE else f"{words}: {step.key}"
