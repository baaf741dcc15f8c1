"""record: what was seen goes into the host's history and onto its status ref. A remote that is away never fails a pass.

Status is published when something changed and at a heartbeat; what only ages (pids' evidence, times) is left out of the
comparison. What the remote did not take, or an earlier process was killed before sending, is sent again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from reconciler.engine.apply import Applied
from reconciler.engine.host import Host
from reconciler.engine.status import iso
from reconciler.errors import ReconcilerError
from reconciler.plan.change import Action, Plan
from reconciler.plan.retire import folder_key
from reconciler.plan.status import HostStatus
from reconciler.protocols.events import Level
from reconciler.protocols.ledger import Result
from reconciler.render.status_json import status_json
from reconciler.render.status_markdown import status_markdown

HEARTBEAT = "heartbeat"
"""File on the status ref that holds the time of its last commit, so that silence can be told from peace."""

_AGAIN = 60.0
"""Seconds after which what the remote did not take is sent again."""

_BACK = 20
"""Passes to look back for one that had something to do."""

_WORDS = {
    Action.CREATE: "added",
    Action.UPDATE: "changed",
    Action.CLAIM: "taken over",
    Action.DELETE: "removed",
    Action.RELEASE: "released",
    Action.START: "started",
    Action.STOP: "stopped",
    Action.RESTART: "restarted",
    Action.PROVE: "held at last",
    Action.STORE: "moved into the attic",
    Action.RETURN: "brought back",
    Action.RENAME: "renamed",
}


class Recorder:
    def __init__(self, host: Host) -> None:
        self._host = host
        self._published: tuple[Mapping[str, bytes], float] | None = None
        self._sending: float | None = float("-inf")
        """When sending was last tried (monotonic); None while the remote has all of it."""

    def rejected(self, commit: str, trigger: str, why: str) -> None:
        """A pass that changed nothing because of its input; told once, however often it comes again."""
        newest = self._host.ledger.passes(1)
        if newest and newest[0].commit == commit and newest[0].summary == why:
            return
        pass_id = self._host.ledger.begin(commit, trigger)
        self._host.ledger.finish(pass_id, Result.FAILED, why)

    def tell(self, pass_id: int, commit: str, sentences: Sequence[str]) -> None:
        """History of exits and starts that nobody asked for; each begins with the program's name."""
        for sentence in sentences:
            program = sentence.split(":", 1)[0]
            wizard = program.removesuffix("-body") if program.endswith("-body") else None
            key = f"wizard/{wizard}/body" if wizard else "supervisor"
            self._host.ledger.note(pass_id, commit, wizard, key, sentence)
            self._host.say(sentence, wizard, key, Level.WARNING)

    def arrive(self, pass_id: int, plan: Plan, arrivals: Sequence[tuple[str, str]]) -> None:
        """History of wizards that begin here now and were on another host before."""
        begin = {step.wizard for step in plan.steps}
        for wizard, text in arrivals:
            if wizard in begin:
                self._host.ledger.note(pass_id, plan.commit, wizard, folder_key(wizard), text, told=True)
                self._host.say(text, wizard, folder_key(wizard), Level.WARNING)

    def summary(self, plan: Plan, applied: Applied) -> str:
        """One line: what was done and what was not; what the last pass did when this one had nothing to do."""
        if not applied.outcomes and not plan.waiting:
            return self.last()
        failed = {o.step.key for o in applied.outcomes if o.result is not Result.DONE}
        done = {o.step.key for o in applied.outcomes} - failed
        counts: dict[str, int] = {}
        for change in plan.pending:
            if change.key in done:
                word = _WORDS[change.action]
                counts[word] = counts.get(word, 0) + 1
        parts = [f"{count} {word}" for word, count in counts.items()]
        if failed:
            parts.append(f"{len(failed)} not done: {applied.failures[0].text}" if applied.failures else "stopped early")
        if applied.back:
            parts.append(f"quarantined: {', '.join(sorted(applied.back))}")
        if plan.waiting:
            parts.append(f"{len(plan.waiting)} held or blocked")
        return ", ".join(parts) or "nothing to do"

    def last(self) -> str:
        """What the last pass did that had something to do."""
        return next((one.summary for one in self._host.ledger.passes(_BACK) if one.summary), "nothing to do")

    def due(self) -> bool:
        """Whether the status ref's heartbeat is due, or there is something to send again."""
        now = self._host.clock.now()
        return self._host.store is not None and (self._beats(now) or self._waits())

    def _beats(self, now: float) -> bool:
        return self._published is None or now - self._published[1] >= self._host.limits.heartbeat

    def _waits(self) -> bool:
        return self._sending is not None and self._host.clock.monotonic() - self._sending >= _AGAIN

    def publish(self, status: HostStatus) -> str:
        """Writes the status ref when it differs or its heartbeat is due; returns a notice when it could not."""
        if self._host.store is None:
            return ""
        ref, now = f"status/{status.host}", self._host.clock.now()
        pages = {
            "STATUS.md": status_markdown(status).encode(),
            "status.json": status_json(status, volatile=False).encode(),
        }
        try:
            if self._published is None:
                self._published = self._at_tip(ref)
            if self._published is not None and self._published[0] == pages and not self._beats(now):
                if self._waits():
                    self._sending = self._host.clock.monotonic()
                    self._host.store.flush()
                    self._sending = None
                return ""
            files = {**pages, HEARTBEAT: f"{iso(now)}\n".encode()}
            written = self._host.store.write(ref, files, f"status: {status.result}")
        except ReconcilerError as error:
            return f"status could not be published: {error}"
        self._published = (pages, now)
        self._sending = None if written.pushed else self._host.clock.monotonic()
        return written.notice

    def _at_tip(self, ref: str) -> tuple[Mapping[str, bytes], float] | None:
        """What an earlier process published last, and when; None when there is nothing or somebody else wrote it."""
        files = dict(self._host.store.read(ref)) if self._host.store else {}
        try:
            seconds = datetime.fromisoformat(files.pop(HEARTBEAT, b"").decode().strip()).timestamp()
        except ValueError:
            return None
        return files, seconds
