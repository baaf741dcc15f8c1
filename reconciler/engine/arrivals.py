"""Looks in Git's history for where the wizards that begin here were before. Only when one begins here.

Not done here: what is said about it (plan/arrive.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.engine.desired import Wanted
from reconciler.engine.host import Host
from reconciler.plan.arrive import Whereabouts, arrivals, newcomers
from reconciler.plan.expand import Desired
from reconciler.plan.fact import Observed
from reconciler.plan.held import Records
from reconciler.spec.read import Memo
from reconciler.spec.whereabouts import whereabouts

COMMITS = 20
"""Changes of the fleet that are looked back upon."""

Told = tuple[tuple[str, str], ...]
"""(wizard, what a person has to know)."""


class Arrivals:
    def __init__(self, host: Host) -> None:
        self._host = host
        self._memo = Memo()
        self._last: tuple[Desired, tuple[str, ...], Told] | None = None

    def told(self, wanted: Wanted, observed: Observed, records: Records) -> Told:
        names = newcomers(wanted.desired, observed.facts, records)
        if not names:
            return ()
        if self._last is None or self._last[0] is not wanted.desired or self._last[1] != names:
            found = arrivals(names, wanted.desired, records, wanted.fleet, self._earlier(wanted))
            self._last = (wanted.desired, names, found)
        return self._last[2]

    def _earlier(self, wanted: Wanted) -> Iterator[Whereabouts]:
        """Newest first. What is not committed yet comes after what was good last."""
        source = self._host.source
        commit = wanted.desired.commit if wanted.revision else source.last_good()
        for before in source.history(commit, COMMITS) if commit else ():
            yield whereabouts(source.read(before), self._host.folder, self._memo)
