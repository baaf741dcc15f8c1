"""What the API tells of the host as a whole: status, pending plan, ports, services, queues, the pass that runs now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from reconciler import __version__
from reconciler.engine.allow import APPLIED
from reconciler.engine.board import Ended, Running, Said, StepView, View
from reconciler.engine.queue import Kind, WorkQueue
from reconciler.engine.status import iso
from reconciler.plan.status import HostStatus, WizardStatus
from reconciler.protocols.events import Level
from reconciler.protocols.ledger import Result
from reconciler.render.status_json import status_document
from reconciler.render.uptime import SEED_ASKS
from reconciler.web.api_plan import PlanAnswer, plan_answer
from reconciler.web.api_problem import not_yet
from reconciler.web.api_shape import FORMAT, Commit, Format, Many, Moment, Shape, words_of
from reconciler.web.api_status import FleetWizard, HostAnswer, LastPass, Uptime, Wizard, WizardsAnswer

if TYPE_CHECKING:
    from reconciler.engine.daemon import Daemon
    from reconciler.web.api_operation import Asked

WINDOW_SECONDS = 7 * 86_400.0


class Waiting(Shape):
    """Work that waits: due in so many seconds, after so many failures in a row."""

    key: str
    kind: Annotated[str, words_of(Kind)]
    triggers: Many[str]
    seconds: float
    failures: int


class Queue(Shape):
    """`added`: how often something was asked for since the start."""

    waiting: Many[Waiting]
    added: int


class QueueAnswer(Shape):
    """Passes that wait, and what waits to be said to the forge."""

    format: Format
    passes: Queue
    forge: Queue


class StepNow(Shape):
    """A step of the pass that runs. `state` is waiting, running, or how it ended."""

    id: str
    operation: str
    key: str
    wizard: str | None
    state: Annotated[str, words_of(Result, "waiting", "running")]
    began: Moment | None
    ended: Moment | None
    text: str


class RunningNow(Shape):
    """The pass that runs. `plan` is null until it is made."""

    trigger: str
    since: Moment
    commit: Commit
    plan: PlanAnswer | None
    steps: Many[StepNow]


class SaidNow(Shape):
    """Something that the daemon said."""

    at: Moment
    level: Annotated[str, words_of(Level)]
    text: str
    wizard: str | None


class NowAnswer(Shape):
    """The pass that runs, null when none does; how the last one ended, and the last ones that somebody asked for (their
    triggers end in [ticket]); what was said lately, oldest first. `version` grows with each change."""

    format: Format
    version: int
    running: RunningNow | None
    last_pass: LastPass | None
    asked: Many[LastPass]
    said: Many[SaidNow]


def host(daemon: Daemon, _: Asked) -> HostAnswer:
    view = daemon.board.view
    document = {
        **status_document(_status(view), volatile=True),
        "applied": daemon.host.ledger.get(APPLIED),
        "last_pass": _last(view.ended),
        "reconciler": __version__,
    }
    return HostAnswer.model_validate(document)


def wizards(daemon: Daemon, _: Asked) -> WizardsAnswer:
    status = _status(daemon.board.view)
    found = HostAnswer.model_validate(
        {**status_document(status, volatile=True), "applied": None, "last_pass": None, "reconciler": __version__}
    )
    rows = tuple(with_uptime(daemon, wizard) for wizard in found.wizards)
    return WizardsAnswer(format=FORMAT, at=status.at, commit=status.commit, wizards=rows)


def one_status(status: HostStatus, wizard: WizardStatus) -> Wizard:
    """The wizard in the shape of status.json."""
    alone = HostStatus(status.host, status.at, status.commit, status.subject, status.result, (), (wizard,))
    document = status_document(alone, volatile=True)
    rows = document["wizards"]
    assert isinstance(rows, list)  # noqa: S101 - the renderer's own shape
    return Wizard.model_validate(rows[0])


def with_uptime(daemon: Daemon, wizard: Wizard) -> FleetWizard:
    now = daemon.host.clock.now()
    found = daemon.host.ledger.uptime(wizard.name, now - WINDOW_SECONDS)
    uptime = Uptime(
        ratio=found.ratio,
        asked=SEED_ASKS / 100,
        up_seconds=found.up_seconds,
        watched_seconds=found.watched_seconds,
        window_seconds=WINDOW_SECONDS,
    )
    return FleetWizard(**{name: getattr(wizard, name) for name in Wizard.model_fields}, uptime=uptime)


def pending(daemon: Daemon, _: Asked) -> PlanAnswer:
    left = daemon.board.view.left
    if left is None:
        raise not_yet()
    return plan_answer(left)


def queue(daemon: Daemon, _: Asked) -> QueueAnswer:
    return QueueAnswer(format=FORMAT, passes=_queue(daemon.passes), forge=_queue(daemon.desk.queue))


def now(daemon: Daemon, _: Asked) -> NowAnswer:
    view = daemon.board.view
    return NowAnswer(
        format=FORMAT,
        version=view.version,
        running=_running(view.running),
        last_pass=_last(view.ended),
        asked=tuple(map(_ended, view.asked)),
        said=tuple(map(_said, view.said)),
    )


def _status(view: View) -> HostStatus:
    if view.status is None:
        raise not_yet()
    return view.status


def _last(ended: Ended | None) -> LastPass | None:
    return _ended(ended) if ended else None


def _ended(ended: Ended) -> LastPass:
    return LastPass(
        at=iso(ended.at),
        seconds=ended.seconds,
        trigger=ended.trigger,
        commit=ended.commit,
        result=ended.result,
        trouble=ended.trouble,
    )


def _queue(work: WorkQueue) -> Queue:
    rows = tuple(
        Waiting(
            key=str(one.key),
            kind=one.key.kind.value,
            triggers=one.triggers,
            seconds=one.seconds,
            failures=one.failures,
        )
        for one in work.waiting()
    )
    return Queue(waiting=rows, added=work.added)


def _running(running: Running | None) -> RunningNow | None:
    if running is None:
        return None
    return RunningNow(
        trigger=running.trigger,
        since=iso(running.since),
        commit=running.commit,
        plan=plan_answer(running.plan) if running.plan else None,
        steps=tuple(map(_step, running.steps)),
    )


def _step(view: StepView) -> StepNow:
    state = view.result.value if view.result else "waiting" if view.began is None else "running"
    return StepNow(
        id=view.step.id,
        operation=view.step.operation.value,
        key=view.step.key,
        wizard=view.step.wizard,
        state=state,
        began=None if view.began is None else iso(view.began),
        ended=None if view.ended is None else iso(view.ended),
        text=view.text,
    )


def _said(said: Said) -> SaidNow:
    return SaidNow(at=iso(said.at), level=said.event.level.value, text=said.event.text, wizard=said.event.wizard)
