"""Remembers after each pass who was up, so that uptime can be told.

Not done here: what counts as up (plan/presence.py), how it is kept (the ledger).
"""

from __future__ import annotations

from reconciler.engine.host import Host
from reconciler.engine.outcome import Outcome
from reconciler.engine.report import Report
from reconciler.errors import ReconcilerError
from reconciler.plan.presence import presence
from reconciler.plan.status import HostStatus
from reconciler.protocols.events import Level

_LOOKED = frozenset({Outcome.DONE, Outcome.INCOMPLETE, Outcome.INVALID})
"""Passes that looked at the host to their end; after a commit that can't be used, for the one in force."""


class Attendance:
    def __init__(self, host: Host) -> None:
        self._host = host
        self._last = ""
        self._trouble = ""

    def tell(self, outcome: Outcome, status: HostStatus | None, trouble: str, report: Report | None = None) -> None:  # noqa: ARG002 - as the daemon tells everybody
        """A pass has ended; `status` is what was seen last. A ledger that can't be written is said once, and fails
        nothing: that time counts as unwatched."""
        if status is None or (outcome not in _LOOKED and status.at == self._last):
            return
        self._last = status.at
        try:
            self._host.ledger.presence(self._host.clock.now(), presence(status))
        except ReconcilerError as error:
            if str(error) != self._trouble:
                self._host.say(f"uptime is not remembered: {error}", level=Level.WARNING)
            self._trouble = str(error)
        else:
            self._trouble = ""
