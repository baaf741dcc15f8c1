"""`reconciler apply`: exactly a saved plan, or a plan that is shown and agreed to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.names import names_a_file
from reconciler.cli.session import Session, out, pass_session, say, verb, verbose_option
from reconciler.cli.verbs.plan import allowances
from reconciler.errors import Terminal

if TYPE_CHECKING:
    from reconciler.engine.report import Planned
    from reconciler.engine.saved import SavedPlan


@verb(
    "reconciler apply",
    "reconciler apply ezra allegro -y",
    "reconciler apply next.plan             exactly what `plan --out next.plan` showed",
)
@click.argument("words", nargs=-1, metavar="[WIZARD...|FILE]")
@allowances
@click.option("-y", "--yes", is_flag=True, help="Apply without a question.")
@verbose_option
@pass_session
def apply(
    session: Session,
    words: tuple[str, ...],
    deletions: tuple[str, ...],
    restarts: int,
    yes: bool,
    verbose: bool,
) -> int:
    """Bring this host to what Git declares.

    All wizards, or the named ones. Shows the plan and asks first. With the FILE of a saved plan, applies exactly
    that plan, or refuses when it is
    stale.
    """
    from reconciler.cli.passes import Manner, plan_and_run
    from reconciler.engine.request import Request
    from reconciler.plan.build import Rules

    files = [word for word in words if names_a_file(word)]
    if files:
        if len(words) > 1 or deletions or restarts:
            raise click.UsageError(
                "a saved plan is applied alone: it already says for which wizards, and what it may do"
            )
        return _apply_saved(session, files[0], verbose)
    rules = Rules(frozenset(words), frozenset(), frozenset(deletions), restarts)
    request = Request("applied by hand", rules, bound=True)
    return plan_and_run(session, request, Manner(yes, verbose), lambda planned: _check(words, planned))


def _check(words: tuple[str, ...], planned: Planned) -> None:
    """Raises Terminal for what is no wizard, and says how a file of that name is applied."""
    from reconciler.cli.names import check_planned, word_for

    for word in words:
        try:
            check_planned([word], planned)
        except Terminal as error:
            if not Path(word).is_file():
                raise
            mend = f"the plan in the file of that name is applied with `reconciler apply {word_for(word)}`"
            raise Terminal(error.what, where=error.where, mend=mend) from error


def _apply_saved(session: Session, file: str, verbose: bool) -> int:
    from reconciler.cli.outcome import exit_code, report_text
    from reconciler.cli.passes import carry_out
    from reconciler.engine.request import Request

    saved = _read(file)
    settings = session.settings()
    if saved.host != settings.host:
        raise Terminal(f"this plan was made for host {saved.host}, and this is {settings.host}", where=file)
    say(f"applying {file}, made at commit {saved.commit[:7]}")
    request = Request("saved plan applied by hand", saved.rules, saved=saved)
    report = carry_out(session, settings, request, verbose=verbose)
    out(report_text(report, colour=session.colours()))
    return exit_code(report)


def _read(file: str) -> SavedPlan:
    from reconciler.engine.saved import load

    mend = "write one with `reconciler plan --out FILE`"
    try:
        text = Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise Terminal(f"the saved plan can't be read ({error.strerror})", where=file, mend=mend) from error
    except UnicodeDecodeError as error:
        raise Terminal("this is not a saved plan", where=file, mend=mend) from error
    return load(text, file)
