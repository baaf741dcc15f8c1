"""`reconciler plan`: what a pass would change, of the commit or of a folder that is not committed yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reconciler.cli.exits import Exit
from reconciler.cli.session import Session, json_option, out, pass_session, say, verb, verbose_option

if TYPE_CHECKING:
    from reconciler.compose import Bound
    from reconciler.engine.report import Planned
    from reconciler.plan.build import Rules
    from reconciler.plan.change import Plan
    from reconciler.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])


def allowances(command: F) -> F:
    """Options that lift the fleet's policy for one plan."""
    delete = click.option(
        "--allow-delete", "deletions", metavar="NAME", multiple=True, help="Let it remove this wizard; may be repeated."
    )
    restarts = click.option(
        "--allow-restarts",
        "restarts",
        metavar="N",
        type=click.IntRange(min=0),
        default=0,
        help="Let it restart or stop so many running wizards.",
    )
    return delete(restarts(command))


@verb(
    "reconciler plan",
    "reconciler plan ezra -v",
    "reconciler plan --fleet ./fleet        what a commit of this folder would do",
    "reconciler plan --fleet ./fleet --against ../main/fleet --markdown   without a host, for a review",
    "reconciler plan --out next.plan && reconciler apply next.plan",
)
@click.argument("wizards", nargs=-1, metavar="[WIZARD]...")
@click.option("--fleet", metavar="DIR", type=click.Path(), help="Plan the uncommitted fleet in this folder.")
@click.option("--against", metavar="DIR", type=click.Path(), help="With --fleet: from this fleet, on no host at all.")
@click.option("--host", metavar="NAME", help="With --against: which host; needed when the fleet has several.")
@click.option("--out", "target", metavar="FILE", type=click.Path(), help="Save the plan for `reconciler apply FILE`.")
@allowances
@click.option("--reread", is_flag=True, help="Read every file again, whatever its time stamps say.")
@click.option("--markdown", is_flag=True, help="Print Markdown, for a comment on a pull request.")
@verbose_option
@json_option
@pass_session
def plan(session: Session, /, wizards: tuple[str, ...], target: str | None, **options: Any) -> int:
    """Show what a pass would change on this host.

    For all wizards, or the named ones. Changes nothing. Exit code 0: nothing to change; 2: there are changes; 3:
    policy refuses the plan.
    """
    from reconciler.cli.names import check_planned
    from reconciler.cli.passes import look
    from reconciler.engine.request import Request
    from reconciler.plan.build import Rules

    if target and options["fleet"]:
        raise click.UsageError("--out and --fleet don't go together: a saved plan is bound to a commit")
    if options["markdown"] and options["as_json"]:
        raise click.UsageError("--markdown and --json don't go together")
    rules = Rules(frozenset(wizards), frozenset(), frozenset(options["deletions"]), options["restarts"])
    if options["against"] or options["host"]:
        shown = _between(options, rules)
        _show(session, shown, options)
        return exit_code(shown)
    settings = session.settings()
    files = _files(settings, options["fleet"])
    request = Request(rules=rules, files=files, reread=options["reread"], bound=True)
    sealed: list[str] = []
    planned = look(session, settings, request, then=lambda bound, plan: sealed.append(_sealed(bound, plan, target)))
    check_planned(wizards, planned)
    _show(session, planned.plan, options)
    if target:
        _save(target, planned, sealed[0])
    return exit_code(planned.plan)


def _between(options: dict[str, Any], rules: Rules) -> Plan:
    from reconciler.cli.preview import between

    if not (options["fleet"] and options["against"]):
        raise click.UsageError("--against needs --fleet, and --host needs both")
    return between(options["against"], options["fleet"], options["host"], rules)


def _files(settings: Settings, fleet: str | None) -> dict[str, bytes] | None:
    from reconciler.cli.folders import load, read_fleet
    from reconciler.engine.desired import UNCOMMITTED, InvalidFleet

    if not fleet:
        return None
    folder = settings.source.folder
    contents = read_fleet(fleet, folder)
    if contents.problems:  # then what seems to be missing may be there
        raise InvalidFleet(UNCOMMITTED, load(contents, folder).errors)
    return dict(contents.files)


def _show(session: Session, plan: Plan, options: dict[str, Any]) -> None:
    from reconciler.render.plan_json import plan_json
    from reconciler.render.plan_markdown import plan_markdown
    from reconciler.render.plan_text import plan_text

    if options["as_json"]:
        out(plan_json(plan))
    elif options["markdown"]:
        out(plan_markdown(plan).rstrip("\n") + "\n")
    else:
        out(plan_text(plan, colour=session.colours(), verbose=options["verbose"]))


def exit_code(plan: Plan) -> int:
    if plan.refusals:
        return Exit.REFUSED
    return Exit.CHANGES if plan.pending else Exit.DONE


def _sealed(bound: Bound, planned: Planned, target: str | None) -> str:
    """The text of the plan file; "" when none is asked for."""
    from reconciler.engine.saved import save

    if not target:
        return ""
    bound.host.secrets.prepare()
    return save(planned.plan, planned.rules, planned.records, bound.host.secrets.digest)


def _save(target: str, planned: Planned, text: str) -> None:
    from reconciler.cli.names import word_for
    from reconciler.cli.private import write_private

    if planned.plan.refusals:
        say(f"{target} was not written: a refused plan can't be applied")
        return
    write_private(target, text)
    say(f"saved to {target}; `reconciler apply {word_for(target)}` applies exactly this plan")
