"""`reconciler hook`: what the scripts in hooks/ call. For Git, not for people, and so in no list of verbs.

Git writes a line `old new ref` for each ref of a push to our stdin.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.exits import Exit
from reconciler.cli.session import Session, pass_session, say, verb
from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from reconciler.spec.position import Problem

_HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True)
class Update:
    """One ref of a push; commits of zeros alone stand for none."""

    old: str
    new: str
    ref: str

    @property
    def deletes(self) -> bool:
        return not self.new.strip("0")


@click.group("hook", hidden=True)
def hook() -> None:
    """Called by Git hooks (hooks/, installed by `reconciler init --hooks`)."""


@verb(name="pre-receive")
@click.option("--branch", default="main", metavar="NAME", help="Branch that hosts follow.")
@click.option("--folder", default="fleet", metavar="PATH", help="Folder that holds the fleet.")
@pass_session
def pre_receive(session: Session, branch: str, folder: str) -> int:
    """Refuse a push after which the fleet on the branch would not be valid."""
    for update in _updates():
        if update.ref == _HEADS + branch and not update.deletes:
            return _judge(session, update.new, branch, folder)
    return Exit.DONE


@verb(name="post-receive")
@pass_session
def post_receive(session: Session) -> int:
    """Wake the daemon of this host after a push. Never fails it."""
    from reconciler import compose
    from reconciler.compose.set_up import wake

    try:
        settings = compose.load(session.config, session.environ)
        watched = _HEADS + settings.source.branch
        for update in _updates():
            if update.ref == watched:
                failed = wake(settings, session.environ, (update.ref, update.old, update.new))
                poll = f"it looks by itself every {settings.source.poll:g} s"
                say(f"reconciler: {f'not woken: {failed}; {poll}' if failed else 'woken, and looks at this push now'}")
    except ReconcilerError as error:
        where = f" ({error.where})" if error.where else ""
        say(f"reconciler: not woken: {error.what}{where}")
    return Exit.DONE


hook.add_command(pre_receive)
hook.add_command(post_receive)


def _updates() -> list[Update]:
    lines = (line.split() for line in sys.stdin.read().splitlines())
    return [Update(*parts) for parts in lines if len(parts) == 3]


def _judge(session: Session, commit: str, branch: str, folder: str) -> int:
    from reconciler.cli.folders import load
    from reconciler.compose.set_up import read_revision

    environ = dict(session.environ)
    try:
        files = read_revision(Path(environ.get("GIT_DIR", ".")), commit, folder, environ)
    except ReconcilerError as error:
        where = f"{error.where}: " if error.where not in ("", "source.folder") else ""
        mend = error.mend.replace("source.folder", "`git config reconciler.folder` in that repository")
        say(f"\nreconciler refuses this push: {where}{error.what}.\n{branch} stays as it is.")
        if mend:
            say(f"Mend: {mend}")
        return Exit.ERROR
    loaded = load(files, folder.strip("/"))
    _show(loaded.problems)
    if loaded.errors:
        say(f"reconciler refuses this push: the fleet at {commit[:7]} is not valid. {branch} stays as it is.")
        say("Mend what is above, commit, and push again; `reconciler validate` checks it before that.")
        return Exit.ERROR
    return Exit.DONE


def _show(problems: tuple[Problem, ...]) -> None:
    from reconciler.render.problems import problems_text

    if problems:
        sys.stderr.write(f"\n{problems_text(problems)}")
