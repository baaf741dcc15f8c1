"""`reconciler status`: desired beside observed, once or again and again."""

from __future__ import annotations

import itertools
import shutil
import sys
import time
from typing import TYPE_CHECKING

import click

from reconciler.cli.exits import Exit
from reconciler.cli.session import Session, json_option, out, pass_session, say, verb, verbose_option
from reconciler.errors import Retryable

if TYPE_CHECKING:
    from reconciler.compose import Bound
    from reconciler.plan.status import HostStatus

FETCH_EVERY = 15  # a remote is not asked at every look
WATCH_SECONDS = 2.0
_WIDE = 120
_CLEAR = "\x1b[H\x1b[2J"


@verb("reconciler status", "reconciler status --watch", "reconciler status --json")
@click.option("--watch", is_flag=True, help="Show it again every 2 s until Ctrl-C.")
@verbose_option
@json_option
@pass_session
def status(session: Session, watch: bool, verbose: bool, as_json: bool) -> int:
    """Show what Git wants of each wizard beside what is seen.

    Wizards that differ come first, with what differs, what was seen and how long ago. Changes nothing. Ends with 1
    when no commit may be used; the wizards are shown as they were left then.
    """
    from reconciler import compose
    from reconciler.cli.progress import Lines
    from reconciler.render.status_json import status_json

    if watch and as_json:
        raise click.UsageError("--watch and --json don't go together")
    settings = session.settings()
    events = Lines(colour=session.paints(sys.stderr), verbose=False)
    with compose.open_host(settings, events, session.environ, change=False) as bound:
        if watch:
            return _watch(session, bound, verbose)
        seen = bound.reconciler.status()
    out(status_json(seen, volatile=True) if as_json else _text(session, seen, verbose))
    return Exit.DONE if seen.commit else Exit.ERROR


def _watch(session: Session, bound: Bound, verbose: bool) -> int:
    """Never ends by itself; a remote or a host that does not answer for a moment does not end it."""
    clear = _CLEAR if sys.stdout.isatty() else "\n"
    for turn in itertools.count(1):
        try:
            text = _text(session, bound.reconciler.status(fetch=turn % FETCH_EVERY == 0), verbose)
        except Retryable as error:
            say(f"warning: {error}")
        else:
            out(f"{clear}{text}")
        time.sleep(WATCH_SECONDS)
    return Exit.DONE


def _text(session: Session, seen: HostStatus, verbose: bool) -> str:
    from reconciler.render.status_text import status_text

    width = shutil.get_terminal_size((_WIDE, 24)).columns
    return status_text(seen, colour=session.colours(), width=width, verbose=verbose)
