"""`reconciler run`: the daemon; with `--once`, one pass without a question, for cron and scripts."""

from __future__ import annotations

import click

from reconciler.cli.session import Session, out, pass_session, verb, verbose_option


@verb("reconciler run", "reconciler run --once")
@click.option("--once", is_flag=True, help="Make a single pass and end.")
@verbose_option
@pass_session
def run(session: Session, once: bool, verbose: bool) -> int:
    """Follow Git: bring this host to what it declares, and keep it there.

    Makes a pass for each push, for drift, and when a wizard's process ends, until SIGTERM or Ctrl-C; the wizards go
    on running then. Serves webhook, dashboard and API where the settings say. SIGHUP reads the settings again.
    A fleet that is not valid or a plan that policy refuses changes nothing.
    """
    if not once:
        from reconciler.cli.service import serve

        return serve(session)
    from reconciler.cli.outcome import exit_code, report_text
    from reconciler.cli.passes import carry_out
    from reconciler.engine.request import Request

    report = carry_out(session, session.settings(), Request("run --once"), verbose=verbose)
    out(report_text(report, colour=session.colours()))
    return exit_code(report)
