"""One pass asked for by a person: look, show the plan, ask, run it, tell what came of it.

What is applied after a question is exactly what was shown: the pass is bound to the plan's fingerprint, and refuses
when something has moved meanwhile. The host is locked only while the pass runs, not while a person thinks.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from reconciler.cli.exits import Exit
from reconciler.cli.progress import progress
from reconciler.cli.session import Session, out, say
from reconciler.errors import Terminal

if TYPE_CHECKING:
    from types import FrameType

    from reconciler.compose import Bound
    from reconciler.engine.report import Planned, Report
    from reconciler.engine.request import Request
    from reconciler.engine.saved import SavedPlan
    from reconciler.plan.change import Plan
    from reconciler.settings import Settings

Check = Callable[["Planned"], None]
Prepare = Callable[["Bound"], None]


@dataclass(frozen=True, slots=True)
class Manner:
    """How the person wants it: `yes` without a question, `verbose` with everything shown."""

    yes: bool
    verbose: bool


def _as_it_is(_: Bound) -> None:
    """Nothing to prepare."""


def look(
    session: Session,
    settings: Settings,
    request: Request,
    prepare: Prepare = _as_it_is,
    then: Callable[[Bound, Planned], None] = lambda _, __: None,
) -> Planned:
    """The plan of the request; changes nothing and needs no lock. `then` is done while the host is still open."""
    from reconciler import compose

    with (
        progress(session) as events,
        compose.open_host(settings, events, session.environ, change=False) as bound,
    ):
        prepare(bound)
        planned = bound.reconciler.plan(request)
        then(bound, planned)
        return planned


def carry_out(
    session: Session, settings: Settings, request: Request, *, verbose: bool, prepare: Prepare = _as_it_is
) -> Report:
    """Runs the pass under the host's lock."""
    from reconciler import compose

    with (
        terminable(),
        progress(session, verbose=verbose) as events,
        compose.open_host(settings, events, session.environ, change=True) as bound,
    ):
        prepare(bound)
        return bound.reconciler.run(request)


def plan_and_run(session: Session, request: Request, manner: Manner, check: Check, prepare: Prepare = _as_it_is) -> int:
    """Shows the plan, asks, runs it; `check` raises when the plan is not what the person can have meant. `prepare` is
    done on the host before each look."""
    from reconciler.cli.outcome import exit_code, report_text

    settings = session.settings()
    planned = look(session, settings, request, prepare)
    check(planned)
    _show(session, planned.plan, manner)
    if planned.plan.refusals:
        return Exit.REFUSED
    if (planned.plan.pending or request.demand) and not manner.yes and not _agreed():
        say("nothing was changed")
        return Exit.ERROR
    bound = _meant(request, planned) if manner.yes else replace(request, saved=_binding(planned))
    report = carry_out(session, settings, bound, verbose=manner.verbose, prepare=prepare)
    if manner.yes and _moved(planned.plan, report.plan):
        say("the plan has moved since it was shown; this one was applied:")
        _show(session, report.plan, manner)
    if planned.plan.pending or request.demand or report.applied.outcomes or report.notices:
        out(report_text(report, colour=session.colours()))
    return exit_code(report)


def _show(session: Session, plan: Plan, manner: Manner) -> None:
    from reconciler.render.plan_text import plan_text

    out(plan_text(plan, colour=session.colours(), verbose=manner.verbose))


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise Terminal(
            "there is no terminal to ask at, so nothing was changed", mend="say -y to apply without a question"
        )
    return click.confirm("Apply this plan?", default=False, err=True)


def _meant(request: Request, planned: Planned) -> Request:
    """A rollback leads to the generation that was shown, or nowhere: two at once are not to go two back."""
    found = planned.quarantined.get(request.demand.roll_back)
    if found is None or found[1] is None:
        return request
    return replace(request, demand=replace(request.demand, target=found[1].number))


def _binding(planned: Planned) -> SavedPlan:
    from reconciler.engine.saved import SavedPlan, fingerprint

    plan = planned.plan
    return SavedPlan(plan.commit, plan.host, planned.rules, fingerprint(plan, planned.records))


def _moved(shown: Plan, applied: Plan) -> bool:
    from reconciler.engine.saved import parts

    return parts(shown) != parts(applied)


@contextmanager
def terminable() -> Iterator[None]:
    """Ends a pass on SIGTERM as on Ctrl-C: what was begun is finished, nothing new is begun."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
