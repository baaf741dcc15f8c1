"""Commit trailers that lift the blast radius: `Allow-Delete: allegro, ezra` and `Allow-Restarts: 12`.

They count on the commits that have not been applied yet, and never later: a deletion until it is done, a number of
restarts for one pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from reconciler.plan.build import Rules
from reconciler.plan.policy import deletions_allowed, restarts_allowed
from reconciler.protocols.source import Revision


def allowances(
    rules: Rules,
    unapplied: Sequence[Revision],
    fresh: Iterable[Revision],
    declares: Callable[[str, str], bool],
) -> Rules:
    """The rules with what the commits' trailers add.

    `unapplied`: commits not wholly applied yet, newest first: their deletions count, but for a wizard that the commit
    itself, or one that builds on it, declares for this host (`declares(commit, wizard)`). What others pushed meanwhile,
    beside it, may still declare the wizard: the merge counts.
    `fresh`: commits that no pass has been made for: their restarts count.
    """
    deletions, restarts = set(rules.deletions), rules.restarts
    for place, revision in enumerate(unapplied):
        for name in deletions_allowed(revision.trailers):
            if not any(declares(commit, name) for commit in _onwards(unapplied, place)):
                deletions.add(name)
    for revision in fresh:
        restarts = max(restarts, restarts_allowed(revision.trailers))
    return replace(rules, deletions=frozenset(deletions), restarts=restarts)


def _onwards(revisions: Sequence[Revision], place: int) -> Iterator[str]:
    """The commit at the place, and those that build on it. Children stand before their parents."""
    found = {revisions[place].commit}
    yield from found
    for revision in reversed(revisions[:place]):
        if found & set(revision.parents):
            found.add(revision.commit)
            yield revision.commit
