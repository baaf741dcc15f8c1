"""One fast-forward push of one branch, and what became of it. Never forces.

Not done here: what to do after a lost race (git_store.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from reconciler.adapters.git_remote import Remote
from reconciler.adapters.git_repo import GitRepo, Unreachable
from reconciler.adapters.git_words import last_words

_RACE = re.compile(r"cannot lock ref|failed to update ref|incorrect old value|reference already exists|failed to lock")


class Outcome(Enum):
    """pushed; lost: somebody else was faster; declined: the remote does not want it; away: it did not answer."""

    PUSHED = "pushed"
    LOST = "lost"
    DECLINED = "declined"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class Pushed:
    outcome: Outcome
    reason: str = ""


def push(repo: GitRepo, remote: Remote, commit: str, branch: str) -> Pushed:
    """Offers the commit as the remote's `branch` (a full ref name)."""
    options = ("--porcelain", "--no-verify", "--no-follow-tags", "--recurse-submodules=no")
    args = ("push", *options, "--", remote.url, f"{commit}:{branch}")
    try:
        answer = repo.contact(remote, *args, seconds=remote.access.seconds)
    except Unreachable as away:
        return Pushed(Outcome.AWAY, str(away))
    rejection = re.search(r"^!\t[^\t]*\t(.*)$", answer.out.decode("utf-8", "replace"), re.MULTILINE)
    if rejection:
        return _rejected(rejection[1], answer.err)
    if answer.code != 0:
        return Pushed(Outcome.AWAY, last_words(answer.err))
    return Pushed(Outcome.PUSHED)


def _rejected(summary: str, err: str) -> Pushed:
    """`[rejected]` is our git's own verdict: no fast-forward. `[remote rejected]` is the remote's."""
    said = [line.removeprefix("remote:").strip() for line in err.splitlines() if line.startswith("remote:")]
    reason = " ".join([summary, *filter(None, said)])
    lost = summary.startswith("[rejected]") or (_RACE.search(reason) and "exists; cannot create" not in reason)
    return Pushed(Outcome.LOST if lost else Outcome.DECLINED, reason)
