"""Speaks with the forge, in a thread of its own: previews of pull requests, and what became of a commit.

A forge that is away or slow delays nobody: its keys come again after a backoff. Not done here: what a preview says.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

from reconciler.engine.queue import Key, Kind, Taken, WorkQueue
from reconciler.errors import ReconcilerError, Retryable
from reconciler.protocols.clock import Clock
from reconciler.protocols.events import Event, Events, Level

IDLE_SECONDS = 5.0
COMMITS = 50
"""Commits whose fate is remembered."""
REFRESH = Key(Kind.REFRESH)


class Previewing(Protocol):
    """The pull requests; each call may raise ReconcilerError."""

    def preview(self, number: int) -> None: ...

    def stale(self, number: int, why: str) -> None: ...

    def forget(self, number: int) -> None: ...

    def refresh(self) -> None: ...


class Reporting(Protocol):
    """What became of a commit; may raise ReconcilerError."""

    def report(self, commit: str, outcome: str, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Fate:
    """What is to be said of a commit: an outcome of the daemon's, or "" while its pass runs."""

    outcome: str
    text: str


class Desk:
    """`previews` and `reports` are None when the settings name no forge: everything is a no-op then. `leave` is called
    at the end, so that nobody asks the forge for anything more."""

    def __init__(
        self,
        clock: Clock,
        events: Events,
        previews: Previewing | None = None,
        reports: Reporting | None = None,
        leave: Callable[[], None] = lambda: None,
    ) -> None:
        self.queue = WorkQueue(clock, first=5.0)
        self._events = events
        self._previews = previews
        self._reports = reports
        self._leave = leave
        self._lock = Lock()
        self._fates: OrderedDict[str, Fate] = OrderedDict()
        self._stale: dict[int, str] = {}

    # Asked from any thread

    def preview(self, number: int, trigger: str, stale: str = "") -> None:
        """Previews the pull request, soon; `stale` says why what its comment tells now is not so any more."""
        if self._previews is not None:
            if stale:
                with self._lock:
                    self._stale[number] = stale
            self.queue.add(Key(Kind.PREVIEW, str(number)), trigger)

    def closed(self, number: int) -> None:
        """The pull request is merged or closed."""
        if self._previews is not None:
            self.queue.forget(Key(Kind.PREVIEW, str(number)))
            self.queue.add(REFRESH, f"pull request {number} was closed")

    def refresh(self, trigger: str) -> None:
        """Looks at all open pull requests, soon: the host or the branch may have moved."""
        if self._previews is not None:
            self.queue.add(REFRESH, trigger)

    def begun(self, commit: str) -> None:
        """A pass works from this commit; said once a commit, and not after its end."""
        with self._lock:
            known = commit in self._fates
        if not known:
            self._report(commit, Fate("", "a pass is under way"))

    def ended(self, commit: str, outcome: str, text: str) -> None:
        """The pass has ended; told again only when it ended otherwise than before."""
        if commit:
            self._report(commit, Fate(outcome, text))

    def close(self) -> None:
        self.queue.close()
        self._leave()

    # In a thread of its own

    def run(self) -> None:
        """Until `close`."""
        self.refresh("start")
        while not self.queue.closed:
            taken = self.queue.take(IDLE_SECONDS)
            if taken is not None:
                self._work(taken)

    def _report(self, commit: str, fate: Fate) -> None:
        if self._reports is None:
            return
        with self._lock:
            if self._fates.get(commit) == fate:
                return
            self._fates[commit] = fate
            self._fates.move_to_end(commit)
            while len(self._fates) > COMMITS:
                self._fates.popitem(last=False)
        self.queue.add(Key(Kind.REPORT, commit), fate.outcome or "begun")

    def _work(self, taken: Taken) -> None:
        try:
            self._do(taken.key)
        except Retryable as error:
            if self.queue.closed:
                return  # what it waited for was cut short, and the next daemon looks at everything again
            seconds = self.queue.failed(taken.key, taken.trigger)
            self._say(taken.key, f"{error}; tried again in {seconds:g} s", Level.WARNING)
        except ReconcilerError as error:
            self.queue.done(taken.key)
            self._say(taken.key, str(error), Level.ERROR)
        except Exception as bug:  # noqa: BLE001 - previews must not end with one that meets a bug
            self.queue.failed(taken.key, taken.trigger)
            self._say(taken.key, f"bug: {type(bug).__name__}: {bug}", Level.ERROR)
        else:
            self.queue.done(taken.key)

    def _do(self, key: Key) -> None:
        if key.kind is Kind.REPORT and self._reports is not None:
            with self._lock:
                fate = self._fates.get(key.name)
            if fate is not None:
                self._reports.report(key.name, fate.outcome, fate.text)
        elif self._previews is not None and key.kind is Kind.REFRESH:
            self._previews.refresh()
        elif self._previews is not None and key.kind is Kind.PREVIEW:
            number = int(key.name)
            with self._lock:
                why = self._stale.pop(number, "")
            if why:
                self._previews.stale(number, why)
            self._previews.preview(number)

    def _say(self, key: Key, text: str, level: Level) -> None:
        self._events.emit(Event(level, f"{_place(key)}: {text}"))


def _place(key: Key) -> str:
    match key.kind:
        case Kind.PREVIEW:
            return f"preview of pull request {key.name}"
        case Kind.REPORT:
            return f"status of commit {key.name[:7]}"
        case _:
            return "previews"
