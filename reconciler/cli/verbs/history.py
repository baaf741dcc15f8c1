"""`reconciler why` and `reconciler history`: what was done on this host, when, and what it is due to."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from reconciler.cli.exits import Exit
from reconciler.cli.session import Session, json_option, out, pass_session, verb

if TYPE_CHECKING:
    from reconciler.protocols.ledger import Entry, Pass

_STEPS = 1_000
"""Steps that are read for each pass that is shown."""


@verb("reconciler why ezra", "reconciler why ezra -n 200 --json")
@click.argument("wizard")
@click.option("-n", "limit", metavar="N", type=click.IntRange(min=1), default=50, help="Steps to go back; default 50.")
@json_option
@pass_session
def why(session: Session, wizard: str, limit: int, as_json: bool) -> int:
    """Tell why a wizard is as it is.

    Each change and each start with what it is due to: a commit and field, drift, a crash or a request. Reads the
    history that this host keeps; newest last. Needs no network.
    """
    from reconciler.cli.documents import history_line, why_document
    from reconciler.render.document import json_text
    from reconciler.render.history import why_text

    entries, _ = _read(session, wizard, limit, 0)
    if as_json:
        out(json_text(why_document(wizard, entries)))
    else:
        out(why_text(wizard, [history_line(entry) for entry in entries], colour=session.colours()))
    return Exit.DONE


@verb("reconciler history", "reconciler history ezra -n 5")
@click.argument("wizard", required=False)
@click.option("-n", "limit", metavar="N", type=click.IntRange(min=1), default=20, help="Passes to go back; default 20.")
@json_option
@pass_session
def history(session: Session, wizard: str | None, limit: int, as_json: bool) -> int:
    """Show the last passes of this host and what each did.

    Newest last; with WIZARD, only the passes that concern it. Reads the history that this host keeps. Needs no network.
    """
    from reconciler.cli.documents import history_document, history_line, pass_line
    from reconciler.render.document import json_text
    from reconciler.render.history import history_text

    entries, passes = _read(session, wizard, limit * _STEPS, limit)
    if as_json:
        out(json_text(history_document(wizard, passes, entries)))
        return Exit.DONE
    lines = [history_line(entry) for entry in entries]
    out(history_text([pass_line(one) for one in passes], lines, colour=session.colours()))
    return Exit.DONE


def _read(session: Session, wizard: str | None, steps: int, passes: int) -> tuple[tuple[Entry, ...], tuple[Pass, ...]]:
    """Steps and passes, newest first; of one wizard, only the passes that have a step of it."""
    from reconciler import compose
    from reconciler.cli.names import check_recorded
    from reconciler.cli.progress import Lines

    settings = session.settings()
    events = Lines(colour=session.paints(sys.stderr), verbose=False)
    with compose.open_host(settings, events, session.environ, change=False) as bound:
        ledger = bound.host.ledger
        entries = ledger.entries(wizard, steps)
        if wizard is not None and not entries:
            check_recorded(wizard, ledger.records(), settings.host)
        if wizard is None:
            return entries, ledger.passes(passes)
        concerned = {entry.pass_id for entry in entries}
        found = [one for one in ledger.passes(steps) if one.id in concerned]
        return entries, tuple(found[:passes])
