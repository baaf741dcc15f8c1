"""Previews: what merging a pull request would do to this host, as one comment and one commit status on it.

The merge result is planned like an uncommitted fleet; nothing that it brings is run. What a comment was made for stands
in the comment itself, so a new process knows it again. Not done here: merging (protocols/proposals.py), words
(render/comment.py), when to look (desk.py). For one thread at a time.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from reconciler.engine.allow import allowances
from reconciler.engine.desired import InvalidFleet
from reconciler.engine.reconcile import Planned
from reconciler.engine.saved import fingerprint
from reconciler.errors import ReconcilerError, Refused, Retryable
from reconciler.plan.build import Rules
from reconciler.plan.concerns import concerns, lifted, signing_files
from reconciler.plan.fact import Unknown
from reconciler.protocols.events import Event, Events, Level
from reconciler.protocols.forge import CommitState, Forge, PullRequest
from reconciler.protocols.proposals import Merge, Proposals
from reconciler.render.comment import (
    STALE,
    Pace,
    Proposed,
    Stamp,
    conflict_comment,
    invalid_comment,
    mark,
    plan_comment,
    read_body,
    read_stamp,
    stale_comment,
    status_words,
    trouble_comment,
    whole,
)
from reconciler.spec.load import load_fleet

CONTEXT = "reconciler/plan"
KEPT = 32
"""Pull requests whose merge result stays in memory, so that a moved host is planned again without asking the remote."""
SMALL = 1024 * 1024
"""Bytes of a merge result that may stay in memory."""
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
class _Verdict:
    """What a comment and a status will say. `retry` is what has to be tried again."""

    stamp: Stamp
    state: CommitState
    words: str
    body: str
    retry: Retryable | None = None


@dataclass(frozen=True, slots=True)
class _Told:
    """What a comment says now, and the merge that it was made for while that is in memory."""

    stamp: Stamp
    body: str
    merge: Merge | None = None
    status_known: bool = True


class Previews:
    """`look` plans files against the live host, with the limits that trailers lift."""

    def __init__(self, forge: Forge, proposals: Proposals, look: Look, scene: Scene, events: Events) -> None:
        self._forge = forge
        self._proposals = proposals
        self._look = look
        self._scene = scene
        self._events = events
        self._mark = mark(scene.host)
        self._told: OrderedDict[int, _Told] = OrderedDict()
        self._statuses: dict[int, tuple[str, CommitState, str]] = {}

    def preview(self, number: int) -> None:
        """Plans the pull request anew. Raises what the forge raises, and Retryable once the comment says what is in
        the way."""
        pull = self._forge.pull(number)
        why = self._unasked(pull)
        if why:
            self._say(f"pull request {number} is not previewed: {why}")
            self.forget(number)
            return
        self._set_pending(pull)
        merge, verdict = self._judge(pull, None)
        self._tell(pull, merge, verdict)

    def stale(self, number: int, why: str) -> None:
        """Says on top of the comment that it is out of date, at once; nothing when there is no comment."""
        text = self._forge.comment(number, self._mark)
        if text is None:
            return
        marked = stale_comment(self._scene.host, text, why)
        self._forge.say(number, self._mark, marked)
        told = self._told.get(number)
        stamp = read_stamp(marked) or Stamp("", "", STALE)
        self._remember(number, _Told(stamp, read_body(marked), told.merge if told else None))

    def forget(self, number: int) -> None:
        """It is closed; a comment that is there stays as it is."""
        self._told.pop(number, None)
        self._statuses.pop(number, None)

    def refresh(self) -> None:
        """Plans those again whose head, base or host have moved, and says something only where it says something new.

        One that can't be looked at does not keep the others waiting; its trouble is raised at the end.
        """
        pulls = self._forge.open_pulls()
        for number in self._told.keys() - {pull.number for pull in pulls}:
            self.forget(number)
        trouble: ReconcilerError | None = None
        for pull in pulls:
            if self._unasked(pull):
                continue
            try:
                self._again(pull)
            except ReconcilerError as error:
                trouble = error if trouble is None or isinstance(error, Retryable) else trouble
        if trouble is not None:
            raise trouble

    def _unasked(self, pull: PullRequest) -> str:
        """Why there is nothing to preview; "" when there is."""
        if not pull.open:
            return "it is merged" if pull.merged else "it is closed"
        if pull.base != self._scene.branch:
            return f"it asks to be merged into {pull.base}, and this host follows {self._scene.branch}"
        return ""

    def _again(self, pull: PullRequest) -> None:
        told = self._told.get(pull.number) or self._recall(pull.number)
        if told is None or (pull.head and told.stamp.head != pull.head):
            self.preview(pull.number)
            return
        kept = told.merge if told.merge is not None and pull.tip == told.merge.base else None
        merge, verdict = self._judge(pull, kept)
        same = verdict.stamp.plan == told.stamp.plan or verdict.body == told.body
        if same and told.stamp.plan != STALE and verdict.stamp.base == told.stamp.base:
            if not told.status_known:
                self._set_status(pull, verdict.stamp.head, verdict.state, verdict.words)
            self._remember(pull.number, _Told(verdict.stamp, verdict.body, merge))
            return
        self._tell(pull, merge, verdict)

    def _recall(self, number: int) -> _Told | None:
        """What an earlier process said; whether it came to setting the status is not known."""
        text = self._forge.comment(number, self._mark)
        stamp = read_stamp(text) if text else None
        return _Told(stamp, read_body(text), status_known=False) if text and stamp else None

    def _tell(self, pull: PullRequest, merge: Merge | None, verdict: _Verdict) -> None:
        """The comment first: a status that says success is one whose plan can be read."""
        self._forge.say(pull.number, self._mark, whole(self._scene.host, verdict.stamp, verdict.body))
        self._set_status(pull, verdict.stamp.head, verdict.state, verdict.words)
        self._remember(pull.number, _Told(verdict.stamp, verdict.body, merge))
        self._say(f"preview of pull request {pull.number}: {verdict.words}")
        if verdict.retry is not None:
            raise verdict.retry

    def _remember(self, number: int, told: _Told) -> None:
        small = told.merge is None or sum(map(len, (*told.merge.files.values(), *told.merge.before.values()))) < SMALL
        self._told[number] = told if small else replace(told, merge=None)
        self._told.move_to_end(number)
        holding = [n for n, one in self._told.items() if one.merge is not None]
        for n in holding[:-KEPT]:
            self._told[n] = replace(self._told[n], merge=None)

    def _set_pending(self, pull: PullRequest) -> None:
        """Not while it is tried again: that would only flicker."""
        head, state, _ = self._statuses.get(pull.number, ("", None, ""))
        if pull.head and not (head == pull.head and state is CommitState.ERROR):
            self._set_status(pull, pull.head, CommitState.PENDING, "planning")

    def _set_status(self, pull: PullRequest, head: str, state: CommitState, words: str) -> None:
        said = (head, state, words)
        if head and self._statuses.get(pull.number) != said:
            self._forge.set_status(head, self._scene.context, state, words, pull.url)
            self._statuses[pull.number] = said

    def _say(self, text: str) -> None:
        self._events.emit(Event(Level.INFO, text))

    # What to say

    def _judge(self, pull: PullRequest, merge: Merge | None) -> tuple[Merge | None, _Verdict]:
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
            planned = self._look(merge.files, allowances(Rules(), merge.commits, merge.commits, _nobody))
        except ReconcilerError as error:
            return merge, self._troubled(about, error)
        return merge, self._planned(about, merge, planned)

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

    def _planned(self, about: Proposed, merge: Merge, planned: Planned) -> _Verdict:
        before = load_fleet(merge.before, self._scene.folder).fleet
        notices = (*about.notices, *concerns(before, planned.wanted.fleet, self._scene.host))
        unknown = {key: fact.reason for key, fact in planned.observed.facts.items() if isinstance(fact, Unknown)}
        if unknown:
            notices = (*notices, f"{len(unknown)} resources of the host could not be observed; the plan is not whole")
        about, plan = replace(about, notices=notices), planned.plan
        body = plan_comment(about, plan, self._scene.pace)
        stamp = Stamp(about.head, about.base, _digest(planned, notices))
        if unknown:
            key, reason = next(iter(sorted(unknown.items())))
            return _Verdict(stamp, CommitState.ERROR, f"the host could not be observed: {key}: {reason}", body)
        if plan.refusals:
            return _Verdict(stamp, CommitState.FAILURE, f"refused: {plan.refusals[0].what}", body)
        return _Verdict(stamp, CommitState.SUCCESS, status_words(plan), body)

    def _troubled(self, about: Proposed, error: ReconcilerError) -> _Verdict:
        lines = [error.what, *([f"  in: {error.where}"] if error.where else [])]
        lines += [f"  to mend it: {error.mend}"] if error.mend else []
        match error:
            case InvalidFleet(problems=problems):
                return _failure(about, "not valid", invalid_comment(about, problems), str(problems[0]))
            case Retryable():
                body = trouble_comment(about, "It could not be planned now. It is tried again.", lines)
                return _Verdict(_stamp(about, body), CommitState.ERROR, f"not planned: {error.what}", body, error)
            case Refused():
                return _failure(about, "refused", trouble_comment(about, "It is refused.", lines), error.what)
            case _:
                return _failure(about, "failed", trouble_comment(about, "It can't be planned.", lines), error.what)


def _failure(about: Proposed, what: str, body: str, first: str) -> _Verdict:
    words = first if what == "not valid" else f"{what}: {first}"
    return _Verdict(_stamp(about, body), CommitState.FAILURE, words, body)


def _stamp(about: Proposed, body: str) -> Stamp:
    return Stamp(about.head, about.base, _short_digest(body))


def _digest(planned: Planned, notices: tuple[str, ...]) -> str:
    """Of all that the comment depends on besides the two commits."""
    plan = planned.plan
    bound = sorted(fingerprint(plan, planned.records).items())
    refusals = [refusal.what for refusal in plan.refusals]
    waiting = [(change.key, change.obstacle) for change in plan.waiting]
    return _short_digest(json.dumps([bound, refusals, waiting, plan.warnings, plan.quarantined, notices]))


def _short_digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _nobody(commit: str, wizard: str) -> bool:  # noqa: ARG001 - the shape that allowances asks for
    """Whether a newer commit declares the wizard again is left to the plan: what is declared is not removed."""
    return False
