"""`reconciler pause` and `resume`: a wizard is watched and shown, but not changed. Pauses live on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.exits import Exit
from reconciler.cli.session import Session, out, pass_session, say, verb
from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from reconciler.compose import Bound
    from reconciler.engine.request import Request
    from reconciler.plan.change import Plan


@verb("reconciler pause ezra --reason 'trying a prompt by hand'")
@click.argument("wizard")
@click.option("--reason", default="", metavar="TEXT", help="Why; shown in plan and status.")
@pass_session
def pause(session: Session, wizard: str, reason: str) -> int:
    """Leave a wizard as it is until it is resumed.

    It goes on running and is still shown, but no pass changes, restarts or removes it. Prints what is held from now on.
    """
    from reconciler import compose
    from reconciler.cli.names import check_planned, recorded
    from reconciler.cli.progress import progress
    from reconciler.engine.status import iso
    from reconciler.plan.held import Pause

    settings = session.settings()
    with (
        progress(session) as events,
        compose.open_host(settings, events, session.environ, change=True, exclusive=False) as bound,
    ):
        ledger = bound.host.ledger
        if wizard not in recorded(ledger.records()):
            check_planned([wizard], bound.reconciler.plan(_only(wizard)))
        ledger.pause(Pause(wizard, reason, iso(bound.host.clock.now())))
        plan = _plan(bound, wizard)
    if plan:
        _show(session, plan)
    out(f"{wizard} is paused; `reconciler resume {wizard}` ends it.\n")
    return Exit.DONE


@verb("reconciler resume ezra")
@click.argument("wizard")
@pass_session
def resume(session: Session, wizard: str) -> int:
    """End a pause.

    Prints what the next pass will do about the wizard.
    """
    from reconciler import compose
    from reconciler.cli.names import check_recorded
    from reconciler.cli.progress import progress

    settings = session.settings()
    with (
        progress(session) as events,
        compose.open_host(settings, events, session.environ, change=True, exclusive=False) as bound,
    ):
        check_recorded(wizard, bound.host.ledger.records(), settings.host)
        if not bound.host.ledger.resume(wizard):
            out(f"{wizard} was not paused.\n")
            return Exit.DONE
        plan = _plan(bound, wizard, resumed=True)
    if plan:
        _show(session, plan)
    later = f" The next pass does this; `reconciler apply {wizard}` does it now." if plan and plan.pending else ""
    out(f"{wizard} is resumed.{later}\n")
    return Exit.DONE


def _plan(bound: Bound, wizard: str, *, resumed: bool = False) -> Plan | None:
    """What is pending for the wizard; a pause must work even when no plan can be made."""
    try:
        return bound.reconciler.plan(_only(wizard, resumed=resumed)).plan
    except ReconcilerError as error:
        say(f"warning: what is pending can't be told: {error}")
        return None


def _only(wizard: str, *, resumed: bool = False) -> Request:
    from reconciler.engine.demand import Demand
    from reconciler.engine.request import Request
    from reconciler.plan.build import Rules

    return Request(rules=Rules(only=frozenset({wizard})), demand=Demand(resume=wizard if resumed else ""))


def _show(session: Session, plan: Plan) -> None:
    from reconciler.render.plan_text import plan_text

    out(plan_text(plan, colour=session.colours()))
