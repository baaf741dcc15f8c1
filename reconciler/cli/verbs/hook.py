"""`reconciler hook`: what the scripts in hooks/ call. For Git, not for people, and so in no list of verbs.

Git writes a line `old new ref` for each ref of a push to our stdin.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
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
    """Refuse a push that brings a secret in plain text, or after which the fleet on the branch would not be valid."""
    updates = [update for update in _updates() if not update.deletes]
    try:
        found = _secrets(session, [update.new for update in updates], folder)
        _show_secrets(found)
        told = [problem for _, problem in found]
        watched = [update.new for update in updates if update.ref == _HEADS + branch]
        valid = all([_is_valid(session, commit, branch, folder, told) for commit in watched])
    except ReconcilerError as error:
        _show_trouble(error)
        return Exit.ERROR
    return Exit.DONE if valid and not found else Exit.ERROR


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
    """Names of refs are bytes: whatever they are, none of them may keep us from judging the others."""
    text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    lines = (line.split(" ", 2) for line in text.split("\n"))
    return [Update(*parts) for parts in lines if len(parts) == 3]


def _secrets(session: Session, tips: Sequence[str], folder: str) -> list[tuple[str, Problem]]:
    """(commit, problem) of each secret in any commit that the push brings, whatever branch or tag it is for."""
    from reconciler.compose.set_up import read_brought
    from reconciler.spec.file_secrets import file_secrets

    if not tips:
        return []
    files = read_brought(_git_dir(session), tips, folder, session.environ)
    return [(f.commit, problem) for f in files for problem in file_secrets(f.path, f.data, folder.strip("/"))]


def _is_valid(session: Session, commit: str, branch: str, folder: str, told: Sequence[Problem]) -> bool:
    """Whether hosts could use the commit; says what is wrong with it, but for what was `told` before."""
    from reconciler.cli.folders import load
    from reconciler.compose.set_up import read_revision

    loaded = load(read_revision(_git_dir(session), commit, folder, session.environ), folder.strip("/"))
    _show(tuple(problem for problem in loaded.problems if problem not in told))
    if loaded.errors:
        say(f"reconciler refuses this push: the fleet at {commit[:7]} is not valid. {branch} stays as it is.")
        say("Mend what is above, commit, and push again; `reconciler validate` checks it before that.")
    return not loaded.errors


def _git_dir(session: Session) -> Path:
    return Path(session.environ.get("GIT_DIR", "."))


def _show_secrets(found: Sequence[tuple[str, Problem]]) -> None:
    from reconciler.render.pushed import pushed_secrets

    if found:
        sys.stderr.write(f"\n{pushed_secrets(found)}")


def _show_trouble(error: ReconcilerError) -> None:
    where = f"{error.where}: " if error.where not in ("", "source.folder") else ""
    mend = error.mend.replace("source.folder", "`git config reconciler.folder` in that repository")
    say(f"\nreconciler refuses this push: {where}{error.what}.\nNothing of it was taken.")
    if mend:
        say(f"Mend: {mend}")


def _show(problems: tuple[Problem, ...]) -> None:
    from reconciler.render.problems import problems_text

    if problems:
        sys.stderr.write(f"\n{problems_text(problems)}")
