"""`reconciler validate`: every problem of a fleet folder, without settings and without a host."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.exits import Exit
from reconciler.cli.session import Session, json_option, out, pass_session, verb
from reconciler.errors import Terminal

if TYPE_CHECKING:
    from reconciler.spec.contents import Contents
    from reconciler.spec.desired import DesiredFleet
    from reconciler.spec.position import Problem


@verb(
    "reconciler validate",
    "reconciler validate path/to/fleet --json",
    "reconciler validate --format sarif >fleet.sarif",
    "reconciler validate --commit main --git-dir /srv/git/fleet.git",
    "reconciler validate --staged         what the next commit will hold",
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
@click.option("--staged", is_flag=True, help="Check what is staged, and PATH inside the repository, in place of files.")
@click.option("--git-dir", metavar="DIR", type=click.Path(), help="Of --commit and --staged: where; default: here.")
@json_option
@pass_session
def validate(session: Session, /, path: str, style: str, as_json: bool, **where: Any) -> int:
    """Check a fleet folder.

    PATH is the folder that holds the fleet files (default: fleet). Prints every problem as file:line:column:
    message (how to mend it). Needs no settings and changes nothing.
    """
    from reconciler.cli.folders import load

    style = "json" if as_json else style
    place = _place(path, style, **where)
    try:
        contents = _contents(session, path, place)
    except Terminal as raised:
        error = _in_words(raised, path)
        if style == "text":
            raise error from raised
        out(_shown((_told(error, place.folder),), style, session))
        return Exit.ERROR
    loaded = load(contents, place.folder)
    out(_shown(loaded.problems, style, session))
    if loaded.fleet is not None and style in ("text", "gitea"):
        out(f"{place.folder or 'fleet'} is valid: {_counts(loaded.fleet)}.\n")
    return Exit.ERROR if loaded.errors else Exit.DONE


@dataclass(frozen=True, slots=True)
class _Place:
    """The folder as messages name it, and the repository it is read from; neither revision nor index: from files."""

    folder: str
    commit: str | None
    staged: bool
    git_dir: str | None


def _place(path: str, style: str, commit: str | None, git_dir: str | None, *, staged: bool) -> _Place:
    from reconciler.cli.folders import folder_in_repository, shown_folder

    if commit is not None and staged:
        raise click.UsageError("--commit and --staged don't go together")
    if commit is not None or staged:
        return _Place(posixpath.normpath(path).strip("/"), commit, staged, git_dir)
    if git_dir is not None:
        raise click.UsageError("--git-dir counts only with --commit or --staged")
    # Forges resolve paths at the top of a repository, editors and people where they are.
    folder = folder_in_repository(path) if style in ("sarif", "gitea") else shown_folder(path)
    return _Place(folder, None, False, None)


def _contents(session: Session, path: str, place: _Place) -> Contents:
    from reconciler.cli.folders import read_fleet
    from reconciler.compose.set_up import git_dir as find
    from reconciler.compose.set_up import read_revision, read_staged

    environ = session.environ
    if place.staged:
        # Where Git calls a hook, it says which repository that is about.
        return read_staged(find(Path(place.git_dir or environ.get("GIT_DIR") or ".")), place.folder, environ)
    if place.commit is not None:
        return read_revision(find(Path(place.git_dir or ".")), place.commit, place.folder, environ)
    return read_fleet(path, place.folder)


def _in_words(error: Terminal, path: str) -> Terminal:
    """With what was given here in place of a setting that nobody gave."""
    if error.where != "source.folder":
        return error
    return Terminal(error.what, where=path, mend=error.mend.replace("set source.folder to", "name"))


def _told(error: Terminal, folder: str) -> Problem:
    """What keeps us from reading anything, for machines, which read nothing but problems."""
    from reconciler.spec.position import Position, Problem

    where = f": {error.where}" if error.where not in ("", folder) else ""
    return Problem(Position(folder or ".", 1, 1), f"{error.what}{where}", error.mend, rule="file/unreadable")


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
