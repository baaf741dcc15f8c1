"""What is to be said of one pull request: merged, planned against the live host, and put into words.

The merge result is planned like an uncommitted fleet; nothing that it brings is run. Not done here: merging
(protocols/proposals.py), saying it (previews.py), the words of a plan (render/comment.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from reconciler.engine.allow import allowances
from reconciler.engine.desired import InvalidFleet, wizards_of
from reconciler.engine.report import Planned
from reconciler.engine.saved import fingerprint
from reconciler.errors import ReconcilerError, Refused, Retryable
from reconciler.plan.build import Rules
from reconciler.plan.change import Plan
from reconciler.plan.concerns import concerns, lifted, signing_files
from reconciler.plan.fact import Unknown
from reconciler.plan.held import Records
from reconciler.plan.sealed import sealed
from reconciler.protocols.forge import CommitState, PullRequest
from reconciler.protocols.proposals import Merge, Proposals
from reconciler.render.comment import (
    Pace,
    Proposed,
    Stamp,
    conflict_comment,
    invalid_comment,
    plan_comment,
    status_words,
    trouble_comment,
)
from reconciler.spec.load import load_fleet

CONTEXT = "reconciler/plan"
Look = Callable[[Mapping[str, bytes], Rules], Planned]


@dataclass(frozen=True, slots=True)
class Scene:
    """Whose previews they are: this host, and the branch and folder that it follows. `signed`: only signed commits are
    used here. `context` is that of the commit status; hosts that share a fleet need one each."""

    host: str
    branch: str
    folder: str
    pace: Pace = Pace()  # noqa: RUF009 - frozen
    signed: bool = False
    context: str = CONTEXT


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a comment and a status will say. `retry` is what has to be tried again."""

    stamp: Stamp
    state: CommitState
    words: str
    body: str
    retry: Retryable | None = None


class Judge:
    """`look` plans files against the live host, with the limits that trailers lift."""

    def __init__(self, proposals: Proposals, look: Look, scene: Scene) -> None:
        self._proposals = proposals
        self._look = look
        self._scene = scene

    def judge(self, pull: PullRequest, merge: Merge | None) -> tuple[Merge | None, Verdict]:
        """Merges, unless that was done before, and plans."""
        try:
            merge = merge or self._proposals.merge(pull.number)
        except ReconcilerError as error:
            return None, self._troubled(self._about(pull, pull.head, pull.tip), error)
        if pull.head and merge.head != pull.head:
            what = f"Git has {merge.head[:7]} as the head of pull request {pull.number}, the forge {pull.head[:7]}"
            raise Retryable(what, where=pull.url, mend="one of them is about to follow; it is tried again")
        about = self._about(pull, merge.head, merge.base, self._notices(merge))
        if merge.conflicts:
            return merge, _failure(about, "in conflict", conflict_comment(about, merge.conflicts), merge.conflicts[0])
        try:
            planned = self._look(merge.files, self._allowed(merge))
        except ReconcilerError as error:
            return merge, self._troubled(about, error)
        return merge, self._planned(about, merge, planned)

    def _allowed(self, merge: Merge) -> Rules:
        """What the trailers of its commits lift, as the pass after the merge will count them."""
        declared = {
            commit: wizards_of(files, self._scene.folder, self._scene.host) for commit, files in merge.trees.items()
        }
        return allowances(Rules(), merge.commits, {}, lambda commit, name: name in declared[commit])

    def _about(self, pull: PullRequest, head: str, base: str, notices: tuple[str, ...] = ()) -> Proposed:
        if pull.fork:
            notices = ("It comes from a fork. It was planned from its files alone; nothing in it was run", *notices)
        return Proposed(self._scene.host, self._scene.branch, head, base, notices)

    def _notices(self, merge: Merge) -> tuple[str, ...]:
        """What can be said before it is planned."""
        found = [*signing_files(merge.before, merge.files)] if not merge.conflicts else []
        found += lifted(trailer for commit in merge.commits for trailer in commit.trailers)
        if self._scene.signed:
            found.append("This host uses signed commits only: the merge must be signed by an allowed key")
        return tuple(found)

    def _planned(self, about: Proposed, merge: Merge, planned: Planned) -> Verdict:
        before = load_fleet(merge.before, self._scene.folder).fleet
        notices = (*about.notices, *concerns(before, planned.wanted.fleet, self._scene.host))
        unknown = {key: fact.reason for key, fact in planned.observed.facts.items() if isinstance(fact, Unknown)}
        if unknown:
            notices = (*notices, f"{len(unknown)} resources of the host could not be observed; the plan is not whole")
        about, plan = replace(about, notices=notices), sealed(planned.plan, planned.records.held)
        body = plan_comment(about, plan, self._scene.pace)
        stamp = Stamp(about.head, about.base, _digest(plan, planned.records, notices))
        if unknown:
            key, reason = next(iter(sorted(unknown.items())))
            return Verdict(stamp, CommitState.ERROR, f"the host could not be observed: {key}: {reason}", body)
        if plan.refusals:
            return Verdict(stamp, CommitState.FAILURE, f"refused: {plan.refusals[0].what}", body)
        return Verdict(stamp, CommitState.SUCCESS, status_words(plan), body)

    def _troubled(self, about: Proposed, error: ReconcilerError) -> Verdict:
        lines = [error.what, *([f"  in: {error.where}"] if error.where else [])]
        lines += [f"  to mend it: {error.mend}"] if error.mend else []
        match error:
            case InvalidFleet(problems=problems):
                return _failure(about, "not valid", invalid_comment(about, problems), str(problems[0]))
            case Retryable():
                body = trouble_comment(about, "It could not be planned now. It is tried again.", lines)
                return Verdict(_stamp(about, body), CommitState.ERROR, f"not planned: {error.what}", body, error)
            case Refused():
                return _failure(about, "refused", trouble_comment(about, "It is refused.", lines), error.what)
            case _:
                return _failure(about, "failed", trouble_comment(about, "It can't be planned.", lines), error.what)


def _failure(about: Proposed, what: str, body: str, first: str) -> Verdict:
    words = first if what == "not valid" else f"{what}: {first}"
    return Verdict(_stamp(about, body), CommitState.FAILURE, words, body)


def _stamp(about: Proposed, body: str) -> Stamp:
    return Stamp(about.head, about.base, _short_digest(body))


def _digest(plan: Plan, records: Records, notices: tuple[str, ...]) -> str:
    """Of all that the comment depends on besides the two commits. The plan is the sealed one: a digest of a value that
    nobody is to see would let them try guesses."""
    bound = sorted(fingerprint(plan, records).items())
    refusals = [refusal.what for refusal in plan.refusals]
    waiting = [(change.key, change.obstacle) for change in plan.waiting]
    return _short_digest(json.dumps([bound, refusals, waiting, plan.warnings, plan.quarantined, notices]))


def _short_digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
