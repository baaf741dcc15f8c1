"""`reconciler logs`: the tail of a wizard's gateway log, made safe for the terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.exits import Exit
from reconciler.cli.session import Session, json_option, out, pass_session, verb
from reconciler.errors import Terminal

if TYPE_CHECKING:
    from reconciler.compose import Bound


@verb("reconciler logs ezra", "reconciler logs ezra -f", "reconciler logs ezra -n 500 --raw > ezra.log")
@click.argument("wizard")
@click.option("-f", "--follow", is_flag=True, help="Go on printing what is added, until Ctrl-C.")
@click.option(
    "-n", "lines", metavar="N", type=click.IntRange(min=1), default=50, help="Lines to begin with; default 50."
)
@click.option("--raw", is_flag=True, help="Leave colours and control characters in.")
@json_option
@pass_session
def logs(session: Session, wizard: str, follow: bool, lines: int, raw: bool, as_json: bool) -> int:
    """Print the last lines of a wizard's gateway log."""
    from reconciler import compose
    from reconciler.cli.documents import logs_document
    from reconciler.cli.logtext import readable
    from reconciler.cli.progress import Lines
    from reconciler.render.document import json_text

    if follow and as_json:
        raise click.UsageError("--follow and --json don't go together")
    settings = session.settings()
    events = Lines(colour=False, verbose=False)
    with compose.open_host(settings, events, session.environ, change=False) as bound:
        path = _path(wizard, bound)
        tail = "" if follow else bound.host.files.tail(path, lines)
    if follow:
        return _follow(path, lines, raw)
    shown = tail if raw else readable(tail)
    if as_json:
        out(json_text(logs_document(wizard, path, readable(tail).removesuffix("\n").split("\n") if tail else [])))
    elif shown:
        out(shown if shown.endswith("\n") else shown + "\n")
    elif not Path(path).exists():
        sys.stderr.write(f"there is no log yet: {readable(path)}\n")
    return Exit.DONE


def _path(wizard: str, bound: Bound) -> str:
    """Where the log is now: as last applied, in the attic for a removed wizard, else where Git wants it."""
    from reconciler.cli.names import check_planned
    from reconciler.engine.request import Request
    from reconciler.plan.resource import Process

    records = bound.host.ledger.records()
    entry, stored = records.held.get(f"wizard/{wizard}/body"), records.attic.get(wizard)
    if entry and isinstance(entry.resource, Process):
        path = entry.resource.log
        bound.host.files.admit(str(Path(entry.resource.cwd).parent))  # without a fleet at hand, its root is not known
        return stored.path + path.removeprefix(stored.original) if stored else path
    planned = bound.reconciler.plan(Request())
    check_planned([wizard], planned)
    bodies = (r for r in planned.wanted.desired.resources if isinstance(r, Process) and r.wizard == wizard)
    body = next(bodies, None)
    if body is None:
        raise Terminal(f"wizard {wizard} is no longer in Git and left no log", where=f"host {bound.host.name}")
    return body.log


def _follow(path: str, lines: int, raw: bool) -> int:
    from reconciler.cli.follow import follow
    from reconciler.cli.logtext import readable

    for text in follow(Path(path), lines):
        out(text if raw else readable(text))
    return Exit.DONE
