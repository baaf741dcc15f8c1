"""`reconciler logs`: the tail of a wizard's gateway log, made safe for the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.exits import Exit
from reconciler.cli.session import Session, json_option, out, pass_session, verb
from reconciler.errors import Terminal

if TYPE_CHECKING:
    from reconciler.compose import Bound
    from reconciler.plan.resource import Process


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
    """Print the last lines of a wizard's gateway log. Secrets in it are masked."""
    from reconciler import compose
    from reconciler.cli.documents import logs_document
    from reconciler.cli.logtext import readable
    from reconciler.cli.progress import Lines
    from reconciler.engine.log_secrets import masking
    from reconciler.render.document import json_text

    if follow and as_json:
        raise click.UsageError("--follow and --json don't go together")
    settings = session.settings()
    events = Lines(colour=False, verbose=False)
    with compose.open_host(settings, events, session.environ, change=False) as bound:
        body, where = _body(wizard, bound)
        path, mask = where(body.log), masking(bound.host, where(body.home))
        tail = "" if follow else mask(bound.host.files.tail(path, lines))
    if follow:
        return _follow(path, lines, mask if raw else lambda text: readable(mask(text)))
    shown = tail if raw else readable(tail)
    if as_json:
        out(json_text(logs_document(wizard, path, readable(tail).removesuffix("\n").split("\n") if tail else [])))
    elif shown:
        out(shown if shown.endswith("\n") else shown + "\n")
    elif not Path(path).exists():
        sys.stderr.write(f"there is no log yet: {readable(path)}\n")
    return Exit.DONE


def _body(wizard: str, bound: Bound) -> tuple[Process, Callable[[str], str]]:
    """The process as it was last started, else as Git wants it; and where its files are now: in the attic for a removed
    wizard."""
    from reconciler.cli.names import check_planned
    from reconciler.engine.request import Request
    from reconciler.plan.resource import Process

    records = bound.host.ledger.records()
    entry, stored = records.held.get(f"wizard/{wizard}/body"), records.attic.get(wizard)
    if entry and isinstance(entry.resource, Process):
        # without a fleet at hand, its root is not known
        bound.host.files.admit(str(Path(entry.resource.cwd).parent))
        return entry.resource, lambda path: stored.path + path.removeprefix(stored.original) if stored else path
    planned = bound.reconciler.plan(Request())
    check_planned([wizard], planned)
    bodies = (r for r in planned.wanted.desired.resources if isinstance(r, Process) and r.wizard == wizard)
    body = next(bodies, None)
    if body is None:
        raise Terminal(f"wizard {wizard} is no longer in Git and left no log", where=f"host {bound.host.name}")
    return body, lambda path: path


def _follow(path: str, lines: int, shown: Callable[[str], str]) -> int:
    from reconciler.cli.follow import follow

    for text in follow(Path(path), lines):
        out(shown(text))
    return Exit.DONE
