"""`reconciler restart`: through the engine, so that the gate is kept and history tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.session import Session, pass_session, verb, verbose_option
from reconciler.errors import Refused, Terminal

if TYPE_CHECKING:
    from reconciler.engine.report import Planned


@verb("reconciler restart ezra", "reconciler restart ezra allegro -y")
@click.argument("wizards", nargs=-1, required=True, metavar="WIZARD...")
@click.option("-y", "--yes", is_flag=True, help="Restart without a question.")
@verbose_option
@pass_session
def restart(session: Session, wizards: tuple[str, ...], yes: bool, verbose: bool) -> int:
    """Restart wizards.

    What else differs for them is applied with it. Shows the plan and asks first. A restarted wizard must answer
    and hold before it counts as done.
    """
    from reconciler.cli.passes import Manner, plan_and_run
    from reconciler.engine.request import restart as request

    asked = request(frozenset(wizards))
    return plan_and_run(session, asked, Manner(yes, verbose), lambda planned: _check(wizards, planned))


def _check(wizards: tuple[str, ...], planned: Planned) -> None:
    """Raises Terminal for a wizard that Git does not want to run here, and Refused where none of them is started."""
    from reconciler.cli.names import check_planned
    from reconciler.plan.resource import Process

    check_planned(wizards, planned)
    runs = {r.wizard for r in planned.wanted.desired.resources if isinstance(r, Process) and r.run}
    for name in wizards:
        if name not in runs:
            mend = "a change of `desired` in Git makes it run"
            raise Terminal(f"wizard {name} is not meant to run here", where="the fleet", mend=mend)
    _check_starts(wizards, planned)


def _check_starts(wizards: tuple[str, ...], planned: Planned) -> None:
    from reconciler.plan.change import Operation
    from reconciler.plan.retire import body_key
    from reconciler.spec.words import listed

    olds = {one.old: one.new for one in planned.records.renamings}
    keys = {body_key(name) for name in (*wizards, *(old for old, new in olds.items() if new in wizards))}
    starts = any(step.operation is Operation.START and step.key in keys for step in planned.plan.steps)
    why = next((change.obstacle for change in planned.plan.waiting if change.key in keys), "")
    if why and not starts:
        raise Refused(f"{listed(wizards)} can't be restarted now: {why}", where="this host")
