"""`reconciler run --once`: one pass without a question, for cron and scripts."""

from __future__ import annotations

import click

from reconciler.cli.session import Session, out, pass_session, verb, verbose_option
from reconciler.errors import Terminal


@verb("reconciler run --once")
@click.option("--once", is_flag=True, help="Run a single pass and end.")
@verbose_option
@pass_session
def run(session: Session, once: bool, verbose: bool) -> int:
    """Make one pass without a question.

    Fetches, plans, applies and records. This version runs single passes: call it from cron or a timer. A fleet
    that is not valid or a plan that policy
    refuses changes nothing.
    """
    from reconciler.cli.outcome import exit_code, report_text
    from reconciler.cli.passes import carry_out
    from reconciler.engine.reconcile import Request

    if not once:
        mend = "say `reconciler run --once`, from cron or a timer"
        raise Terminal("this version runs single passes only; following Git all the time comes later", mend=mend)
    report = carry_out(session, session.settings(), Request("run --once"), verbose=verbose)
    out(report_text(report, colour=session.colours()))
    return exit_code(report)
