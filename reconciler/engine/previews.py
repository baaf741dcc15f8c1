"""Previews: what merging a pull request would do to this host, as one comment and one commit status on it.

What a comment was made for stands in the comment itself, so a new process knows it again. Not done here: what it says
(verdict.py, render/comment.py), when to look (desk.py). For one thread at a time.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

from reconciler.engine.verdict import Judge, Look, Scene, Verdict
from reconciler.errors import ReconcilerError, Retryable
from reconciler.protocols.events import Event, Events, Level
from reconciler.protocols.forge import CommitState, Forge, PullRequest
from reconciler.protocols.proposals import Merge, Proposals
from reconciler.render.comment import STALE, Stamp, mark, read_body, read_stamp, stale_comment, whole

KEPT = 32
"""Pull requests whose merge result stays in memory, so that a moved host is planned again without asking the remote."""
SMALL = 1024 * 1024
"""Bytes of a merge result that may stay in memory."""


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
        self._judge = Judge(proposals, look, scene)
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
        merge, verdict = self._judge.judge(pull, None)
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
        merge, verdict = self._judge.judge(pull, kept)
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

    def _tell(self, pull: PullRequest, merge: Merge | None, verdict: Verdict) -> None:
        """The comment first: a status that says success is one whose plan can be read."""
        self._forge.say(pull.number, self._mark, whole(self._scene.host, verdict.stamp, verdict.body))
        self._set_status(pull, verdict.stamp.head, verdict.state, verdict.words)
        self._remember(pull.number, _Told(verdict.stamp, verdict.body, merge))
        self._say(f"preview of pull request {pull.number}: {verdict.words}")
        if verdict.retry is not None:
            raise verdict.retry

    def _remember(self, number: int, told: _Told) -> None:
        small = told.merge is None or _size(told.merge) < SMALL
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


def _size(merge: Merge) -> int:
    """Bytes of the files that it holds."""
    return sum(len(data) for files in (merge.files, merge.before, *merge.trees.values()) for data in files.values())
