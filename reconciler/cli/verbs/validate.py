"""`reconciler validate`: every problem of a fleet folder, without settings and without a host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.exits import Exit
from reconciler.cli.session import Session, json_option, out, pass_session, verb

if TYPE_CHECKING:
    from reconciler.spec.desired import DesiredFleet


@verb("reconciler validate", "reconciler validate path/to/fleet --json")
@click.argument("path", default="fleet", type=click.Path())
@json_option
@pass_session
def validate(session: Session, path: str, as_json: bool) -> int:
    """Check a fleet folder.

    PATH is the folder that holds the fleet files (default: fleet). Prints every problem as file:line:column:
    message (how to mend it). Needs no settings and changes nothing.
    """
    from reconciler.cli.folders import read_fleet, shown_folder
    from reconciler.render.problems import problems_json, problems_text
    from reconciler.spec.load import load_fleet

    folder = shown_folder(path)
    loaded = load_fleet(read_fleet(path, folder), folder)
    if as_json:
        out(problems_json(loaded.problems))
    else:
        out(problems_text(loaded.problems, colour=session.colours()))
        if loaded.fleet is not None:
            out(f"{folder or 'fleet'} is valid: {_counts(loaded.fleet)}.\n")
    return Exit.ERROR if loaded.errors else Exit.DONE


def _counts(fleet: DesiredFleet) -> str:
    from reconciler.render.names import counted

    parts = (
        (len(fleet.wizards), "wizard"),
        (len(fleet.fleet.hosts), "host"),
        (len(fleet.codebases), "codebase"),
        (len(fleet.models), "model"),
        (len(fleet.services), "service"),
        (len(fleet.crons), "cron line"),
        (len(fleet.tasks), "task"),
    )
    return ", ".join(counted(number, word) for number, word in parts if number)
