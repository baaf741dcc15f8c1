"""Our refs in the mirror of the watched branch, and how its commits stand to each other.

Not done here: moving them (git_mirror.py).
"""

from __future__ import annotations

from pathlib import Path

from reconciler.adapters.git_names import is_commit
from reconciler.adapters.git_repo import Damaged, GitRepo, open_repo
from reconciler.adapters.git_words import last_words

INCOMING = "refs/reconciler/incoming"
TIP = "refs/reconciler/tip"
SIGNED = "refs/reconciler/signed"
LAST_GOOD = "refs/reconciler/last-good"


def refs_of(repo: GitRepo) -> dict[str, str]:
    """Our refs by name."""
    answer = repo.ask("for-each-ref", "--format=%(refname) %(objectname)", "refs/reconciler")
    if answer.code != 0 or answer.err:
        raise Damaged(f"{repo.path}: {last_words(answer.err)}")
    lines = (line.split() for line in answer.out.decode().splitlines())
    return {name: commit for name, commit in lines if is_commit(commit)}


def descends(repo: GitRepo, old: str, new: str) -> bool:
    """Whether `new` is `old` or stands on it. Raises Damaged when one of them is missing."""
    answer = repo.ask("merge-base", "--is-ancestor", old, new)
    if answer.code not in {0, 1}:
        raise Damaged(f"{repo.path}: {last_words(answer.err)}")
    return answer.code == 0


def recall(path: Path) -> dict[str, str]:
    """Our refs in a damaged repository, as far as they can be read."""
    try:
        with open_repo(path) as repo:
            out = repo.ask("for-each-ref", "--format=%(refname) %(objectname)", "refs/reconciler").out.decode()
    except Damaged:
        return {}
    lines = (line.split() for line in out.splitlines())
    return {name: commit for name, commit in lines if is_commit(commit)}
