"""What wakes the daemon when nobody does: the poll of the remote, the look for drift, the look at pull requests.

A scheduler of our own; its jobs only add keys, because a job that raises would come again at each tick. It counts in
local time, so when the clock was set back its jobs are made anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schedule import Scheduler

Job = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two of a kind; none may be zero."""

    poll: float
    drift: float
    pulls: float = 300.0


class Timers:
    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._closed = Event()

    def run(self, wake: Job, refresh: Job) -> None:
        """Until `close`, in a thread of its own. `wake` hears "poll" and "drift", `refresh` hears "poll"."""
        from schedule import Scheduler

        jobs = ((self._pace.poll, wake, "poll"), (self._pace.drift, wake, "drift"), (self._pace.pulls, refresh, "poll"))
        scheduler = Scheduler()
        _fill(scheduler, jobs)
        longest = min(seconds for seconds, _, _ in jobs)
        idle = scheduler.idle_seconds
        while not self._closed.wait(min(longest, max(0.0, idle or 0.0))):
            scheduler.run_pending()
            idle = scheduler.idle_seconds
            if idle is None or idle > longest + 1:
                _fill(scheduler, jobs)

    def close(self) -> None:
        self._closed.set()


def _fill(scheduler: Scheduler, jobs: tuple[tuple[float, Job, str], ...]) -> None:
    scheduler.clear()
    for seconds, job, word in jobs:
        # it counts with timedelta, which takes fractions of a second
        scheduler.every(seconds).seconds.do(job, word)  # type: ignore[arg-type]
