"""`reconciler rollback` and `retry`: what a person says about what this host has learnt from gates that failed.

Both show the plan that follows before anything is said for good.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from reconciler.cli.exits import Exit
from reconciler.cli.session import Session, out, pass_session, say, verb, verbose_option

if TYPE_CHECKING:
    from reconciler.engine.report import Planned
    from reconciler.plan.held import Records


@verb("reconciler rollback ezra", "reconciler rollback ezra -y")
@click.argument("wizard")
@click.option("-y", "--yes", is_flag=True, help="Roll back without a question.")
@verbose_option
@pass_session
def rollback(session: Session, wizard: str, yes: bool, verbose: bool) -> int:
    """Put a wizard back to its last generation.

    A generation is what it was healthy on before: owned values, codebase version, secrets. Shows what that restores,
    field by field, and asks first. What Git declares now is not applied here until a commit changes it, or until
    `reconciler retry`. What the agent wrote stays. Of a wizard that has gone back already, it is the generation before.
    """
    from reconciler.cli.passes import Manner, plan_and_run
    from reconciler.engine.request import rollback as request

    return plan_and_run(session, request(wizard), Manner(yes, verbose), lambda planned: _introduce(wizard, planned))


def _introduce(wizard: str, planned: Planned) -> None:
    from reconciler.render.safe import plain
    from reconciler.render.status_words import minute
    from reconciler.spec.words import listed

    one = planned.quarantined[wizard][0]
    for name in (wizard, *one.ring):
        generation = planned.quarantined[name][1] if name in planned.quarantined else None
        if generation is not None:
            healthy = f"healthy on commit {generation.commit[:7]} since {minute(generation.at)} UTC"
            out(plain(f"Back to generation {generation.number} of {name} ({healthy}):") + "\n")
    if one.ring:
        out(plain(f"{wizard} exchanges ports with {listed(one.ring)}, so they go back together.") + "\n")
    out("\n")


@verb("reconciler retry ezra", "reconciler retry --all -y")
@click.argument("wizards", nargs=-1, metavar="[WIZARD]...")
@click.option("--all", "everything", is_flag=True, help="All that is quarantined or stopped on this host.")
@click.option(
    "--allow-restarts",
    "restarts",
    metavar="N",
    type=click.IntRange(min=0),
    default=0,
    help="With --all: let it restart so many running wizards. Those that are named may restart anyway.",
)
@click.option("-y", "--yes", is_flag=True, help="Try again without a question.")
@verbose_option
@pass_session
def retry(session: Session, wizards: tuple[str, ...], everything: bool, restarts: int, yes: bool, verbose: bool) -> int:
    """Try again what failed here.

    Lifts the quarantine of wizards whose gate failed or that were rolled back, and lets changes go on that were stopped
    because they came back too often. Shows the plan that follows and asks first.
    """
    from reconciler.cli.passes import Manner, plan_and_run
    from reconciler.engine.request import retry as request

    if everything == bool(wizards):
        raise click.UsageError("name the wizards, or say --all")
    asked = request(frozenset(wizards), restarts)
    if not _told(session, wizards):
        return Exit.DONE
    return plan_and_run(session, asked, Manner(yes, verbose), lambda _: None)


def _told(session: Session, wizards: tuple[str, ...]) -> bool:
    """Says what stands against the wizards; False when nothing does."""
    from reconciler import compose
    from reconciler.cli.names import check_recorded
    from reconciler.cli.progress import Lines

    settings = session.settings()
    events = Lines(colour=session.paints(sys.stderr), verbose=False)
    with compose.open_host(settings, events, session.environ, change=False) as bound:
        records = bound.host.ledger.records()
    for name in wizards:
        check_recorded(name, records, settings.host)
    lines = _against(wizards, records)
    for name in wizards:
        if name not in lines:
            say(f"{name} is neither quarantined nor stopped")
    for name, text in lines.items():
        out(f"{name}: {text}\n")
    if not lines and not wizards:
        out("Nothing is quarantined or stopped on this host.\n")
    return bool(lines)


def _against(wizards: tuple[str, ...], records: Records) -> dict[str, str]:
    """Wizard, or "shared", -> what failed or came back."""
    from reconciler.plan.repeat import LIMIT, owner
    from reconciler.plan.rings import whole_rings
    from reconciler.render.names import counted
    from reconciler.render.safe import plain

    found = {name: plain(f"commit {q.commit[:7]}: {q.reason}") for name, q in records.quarantines.items()}
    for key, repeat in records.repeats.items():
        if repeat.count >= LIMIT:
            found.setdefault(owner(key) or "shared", plain(f"{key} came back {counted(repeat.count, 'time')}"))
    asked = whole_rings(wizards, records.quarantines)
    return {name: text for name, text in sorted(found.items()) if not wizards or name in asked}
