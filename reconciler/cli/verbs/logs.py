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
    from reconciler.engine.log_secrets import LogPlace


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
        place = _place(wizard, bound)
        path, mask = place.log, masking(bound.host, place.home)
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


def _place(wizard: str, bound: Bound) -> LogPlace:
    from reconciler.cli.names import check_planned
    from reconciler.engine.log_secrets import log_place
    from reconciler.engine.request import Request
    from reconciler.plan.resource import Process
    from reconciler.plan.retire import body_key

    records = bound.host.ledger.records()
    entry = records.held.get(body_key(wizard))
    if entry and isinstance(entry.resource, Process):
        # without a fleet at hand, its root is not known
        bound.host.files.admit(str(Path(entry.resource.cwd).parent))
    found = log_place(records, (), wizard)
    if found is None:
        planned = bound.reconciler.plan(Request())
        check_planned([wizard], planned)
        found = log_place(records, planned.wanted.desired.resources, wizard)
    if found is None:
        raise Terminal(f"wizard {wizard} is no longer in Git and left no log", where=f"host {bound.host.name}")
    return found


def _follow(path: str, lines: int, shown: Callable[[str], str]) -> int:
    from reconciler.cli.follow import follow

    for text in follow(Path(path), lines):
        out(shown(text))
    return Exit.DONE
