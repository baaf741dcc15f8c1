"""`reconciler validate`: every problem of a fleet folder, without settings and without a host."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.exits import Exit
from reconciler.cli.session import Session, json_option, out, pass_session, verb

if TYPE_CHECKING:
    from reconciler.spec.desired import DesiredFleet
    from reconciler.spec.position import Problem


@verb(
    "reconciler validate",
    "reconciler validate path/to/fleet --json",
    "reconciler validate --format sarif >fleet.sarif",
    "reconciler validate --commit main --git-dir /srv/git/fleet.git",
)
@click.argument("path", default="fleet", type=click.Path())
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "sarif", "gitea"]),
    default="text",
    help="gitea: lines that Gitea and GitHub Actions understand.",
)
@click.option("--commit", metavar="REV", help="Check this commit, and PATH inside it, in place of files.")
@click.option("--git-dir", metavar="DIR", type=click.Path(), help="With --commit: the repository; default: here.")
@json_option
@pass_session
def validate(session: Session, /, path: str, style: str, as_json: bool, **where: str | None) -> int:
    """Check a fleet folder.

    PATH is the folder that holds the fleet files (default: fleet). Prints every problem as file:line:column:
    message (how to mend it). Needs no settings and changes nothing.
    """
    from reconciler.spec.load import load_fleet

    folder, files = _files(session, path, where["commit"], where["git_dir"])
    loaded = load_fleet(files, folder)
    style = "json" if as_json else style
    out(_shown(loaded.problems, style, session))
    if loaded.fleet is not None and style in ("text", "gitea"):
        out(f"{folder or 'fleet'} is valid: {_counts(loaded.fleet)}.\n")
    return Exit.ERROR if loaded.errors else Exit.DONE


def _files(session: Session, path: str, commit: str | None, git_dir: str | None) -> tuple[str, Mapping[str, bytes]]:
    """The folder as messages name it, and the files below it."""
    from reconciler.cli.folders import read_fleet, shown_folder

    if commit is not None:
        from reconciler.compose.set_up import git_dir as find
        from reconciler.compose.set_up import read_revision

        return path.strip("/"), read_revision(find(Path(git_dir or ".")), commit, path, session.environ)
    if git_dir is not None:
        raise click.UsageError("--git-dir counts only with --commit")
    folder = shown_folder(path)
    return folder, read_fleet(path, folder)


def _shown(problems: tuple[Problem, ...], style: str, session: Session) -> str:
    from reconciler import __version__
    from reconciler.render.annotations import problems_annotations
    from reconciler.render.problems import problems_json, problems_text
    from reconciler.render.sarif import problems_sarif

    match style:
        case "json":
            return problems_json(problems)
        case "sarif":
            return problems_sarif(problems, __version__)
        case "gitea":
            return problems_annotations(problems)
        case _:
            return problems_text(problems, colour=session.colours())


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
