"""Secrets that a push brings, for whoever pushes: in which commits, where, and how to be rid of them.

No line repeats one. Not done here: finding them (spec/file_secrets.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.render.names import counted
from reconciler.render.safe import plain
from reconciler.spec.position import Problem

MOST = 30
"""Lines that name one; the others are counted."""


def pushed_secrets(found: Sequence[tuple[str, Problem]]) -> str:
    """`commit 1a2b3c4: file:line:column: message (mend)` lines in the order given, then what to do."""
    lines = [f"commit {commit[:7]}: {plain(str(problem))}" for commit, problem in found[:MOST]]
    if len(found) > MOST:
        lines.append(f"and {len(found) - MOST} more")
    commits = list(dict.fromkeys(commit[:7] for commit, _ in found))
    where = f"commit {commits[0]}" if len(commits) == 1 else f"{len(commits)} commits from {commits[0]} on"
    return "\n".join(
        [
            *lines,
            f"reconciler refuses this push: it brings {counted(len(found), 'secret')} in plain text, in {where}. Git "
            "keeps each for ever, also where a later commit takes it out.",
            f"Mend: rewrite so that no commit ever held one (`git rebase -i {commits[0]}^`, or --root where that is "
            "the first; edit, `git commit --amend`), and push again. Revoke each: it has left your machine.",
            "",
        ]
    )
