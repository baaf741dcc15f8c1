"""How a pass ended, in the words of the board, the metrics and the log; and how the daemon's run did.

Not done here: passes.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from reconciler.engine.report import Report
from reconciler.plan.change import Disposition
from reconciler.plan.status import HostStatus


class Ending(Enum):
    """Why the daemon's run ended."""

    STOP = "stop"
    RELOAD = "reload"


class Outcome(Enum):
    """How a pass ended, on the board and in the metrics."""

    DONE = "done"
    INCOMPLETE = "incomplete"
    INVALID = "invalid"
    REFUSED = "refused"
    FAILED = "failed"
    ABANDONED = "abandoned"
    INTERRUPTED = "interrupted"
    BUG = "bug"


After = Callable[[Outcome, HostStatus | None, str, Report | None], None]
"""Hears of each pass: how it ended, what was seen last, what a person has to know, and what it reported if it did."""


def judged(report: Report) -> tuple[Outcome, str]:
    """Done, or what is left and why."""
    if report.done and not report.left.pending and not report.stuck and not report.unsigned:
        blocked = [change for change in report.left.waiting if change.disposition is Disposition.BLOCKED]
        return (Outcome.INCOMPLETE, f"blocked: {blocked[0].obstacle}") if blocked else (Outcome.DONE, "")
    words = [outcome.text for outcome in report.applied.failures[:1]]
    words += [f"quarantined: {name}" for name, _ in report.left.quarantined]
    words += ["the newest commit is not signed"] if report.unsigned else []
    return Outcome.INCOMPLETE, "; ".join(words) or "something is still different"
