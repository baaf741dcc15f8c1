"""Which commits' trailers lift the blast radius: those of commits that have not been applied wholly, and no others.

A deletion counts until it is done, a number of restarts less those that were made since its commit came. Not done here:
how trailers read (plan/trailers.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from reconciler.engine.host import Host
from reconciler.engine.report import Planned
from reconciler.plan.build import Rules
from reconciler.plan.change import Operation
from reconciler.plan.policy import interrupted
from reconciler.plan.trailers import DELETION_TRAILER, RESTART_TRAILER, Slip, deletions_allowed, restarts_allowed, slips
from reconciler.protocols.ledger import Ledger, Result
from reconciler.protocols.source import Revision

APPLIED = "applied-commit"
"""Name in the ledger: the last commit of which nothing was left to do."""
MADE = "restarts-made"
"""Name in the ledger, as JSON: restarts that were made since each commit came, and the pass and its wizards that are to
be added."""
_STOP = Operation.STOP.value


def allowances(
    rules: Rules, unapplied: Sequence[Revision], made: Mapping[str, int], declares: Callable[[str, str], bool]
) -> Rules:
    """The rules with what the trailers of the commits that are not applied wholly yet add; newest first.

    A deletion does not count for a wizard that the commit itself, or one that builds on it, declares for this host
    (`declares(commit, wizard)`). What others pushed meanwhile, beside it, may still declare the wizard: the merge
    counts. `made` are the restarts that were made since a commit came.
    """
    deletions, restarts, seen = set(rules.deletions), rules.restarts, list(rules.slips)
    for place, revision in enumerate(unapplied):
        commit = revision.commit
        seen += slips(commit, revision.trailers, revision.stray)
        for name in deletions_allowed(revision.trailers):
            if not any(declares(one, name) for one in _onwards(unapplied, place)):
                deletions.add(name)
            else:
                words = f"commit {commit[:7]} allows to remove {name}, and declares it, or a later one does"
                seen.append(Slip(DELETION_TRAILER, frozenset({name}), words))
        allowed, used = restarts_allowed(revision.trailers), made.get(commit, 0)
        restarts = max(restarts, allowed - used)
        if allowed and used:
            words = f"commit {commit[:7]} allows {allowed}, and {used} were made since"
            seen.append(Slip(RESTART_TRAILER, frozenset(), words))
    return replace(rules, deletions=frozenset(deletions), restarts=restarts, slips=tuple(seen))


def _onwards(revisions: Sequence[Revision], place: int) -> Iterator[str]:
    """The commit at the place, and those that build on it. Children stand before their parents."""
    found = {revisions[place].commit}
    yield from found
    for revision in reversed(revisions[:place]):
        if found & set(revision.parents):
            found.add(revision.commit)
            yield revision.commit


class Allowances:
    """What one host's commits allow it. `declares(commit, wizard)`: whether the fleet at the commit has it here."""

    def __init__(self, host: Host, declares: Callable[[str, str], bool]) -> None:
        self._host = host
        self._declares = declares

    def add(self, rules: Rules, commit: str) -> Rules:
        """The rules of a pass for the commit: what the caller allows, and what trailers do."""
        unapplied = self._unapplied(commit)
        return allowances(rules, unapplied, restarts_made(self._host.ledger), self._declares) if unapplied else rules

    def spend(self, planned: Planned) -> None:
        """Remembers whom the pass that is about to begin interrupts, where a trailer that counts allows it. How many
        of them it really stopped is what its journal says, also when it was killed."""
        plan, ledger = planned.plan, self._host.ledger
        stops = interrupted(plan.changes, planned.records, plan.commit)
        commits = [r.commit for r in self._unapplied(plan.commit) if restarts_allowed(r.trailers)] if stops else []
        if commits:
            before, newest = restarts_made(ledger), ledger.passes(1)
            made = {commit: before.get(commit, 0) for commit in commits}
            pass_id = newest[0].id + 1 if newest else 1
            ledger.put(MADE, json.dumps({"made": made, "pass": pass_id, "stops": stops}, sort_keys=True))

    def _unapplied(self, commit: str) -> tuple[Revision, ...]:
        """The commit and those before it that have not been applied wholly, newest first."""
        applied = self._host.ledger.get(APPLIED)
        return () if applied == commit else self._host.source.since(applied or "", commit)


def restarts_made(ledger: Ledger) -> Mapping[str, int]:
    """Commit -> restarts that were made since it came, for commits that allow some."""
    text = ledger.get(MADE)
    if text is None:
        return {}
    kept = json.loads(text)
    done = (e for e in ledger.entries_of(kept["pass"]) if e.result is Result.DONE and e.operation == _STOP)
    stopped = len({entry.wizard for entry in done} & set(kept["stops"]))
    return {str(commit): int(count) + stopped for commit, count in kept["made"].items()}
