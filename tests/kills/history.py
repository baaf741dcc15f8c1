"""What the journal of a site says, and what it should say of a kill and does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from reconciler.adapters.clock import SystemClock
from reconciler.adapters.sqlite import SqliteLedger
from reconciler.plan.change import Operation
from reconciler.plan.retire import body_key
from reconciler.protocols.ledger import Entry, Result
from tests.kills.look import pids
from tests.kills.site import Site

_GATES = frozenset({Operation.GATE.value, Operation.SOAK.value})
_ONCE = frozenset({"install", "make directory", "write", "edit", "link", "remove", "store", "return", "rename"})
"""Operations of which history must not say oftener that they were done than where nobody was killed."""


class History:
    """Entries after the one with the id `after` only: those before are of what led to the scene."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.after = 0

    def begin(self) -> None:
        """A scene begins now."""
        self.after = 0
        self.after = max((entry.id for entry in self.entries()), default=0)

    def broken(self) -> tuple[list[int], list[int]]:
        """Ids of the passes and entries that the killed process left open."""
        if not (self._site.state / "ledger.db").exists():
            return [], []
        ledger = self._ledger()
        try:
            passes = [one.id for one in ledger.passes(1000) if one.result is None]
            return passes, [intent.id for intent in ledger.open_intents()]
        finally:
            ledger.close()

    def untold(self, broken: tuple[list[int], list[int]]) -> Iterator[str]:
        """What history does not say about the interruption."""
        ledger = self._ledger()
        try:
            passes = {one.id: one for one in ledger.passes(1000)}
        finally:
            ledger.close()
        entries = {entry.id: entry for entry in self.entries()}
        for number in broken[0]:
            if passes[number].result is not Result.INTERRUPTED:
                yield f"history says of the killed pass: {passes[number].result}"
        for number in broken[1]:
            if "interrupt" not in entries[number].detail:
                yield f"history says of the killed {entries[number].operation}: {entries[number].detail!r}"

    def unwatched(self) -> Iterator[str]:
        """Live gateways that were started in this scene, and of which no gate says that they held afterwards."""
        entries = self.entries()
        for key in map(body_key, pids(self._site)):
            started = max((e.id for e in entries if e.key == key and e.operation == Operation.START.value), default=0)
            held = (e.id for e in entries if e.key == key and e.operation in _GATES and e.result is Result.DONE)
            if started > max(held, default=0):
                yield f"{key} was started, and history knows of no gate that it passed"

    def told_twice(self, once: Counter[str]) -> Iterator[str]:
        for what, count in (done(self.entries()) - once).items():
            yield f"history says {count} times too often: {what} was done"

    def entries(self) -> tuple[Entry, ...]:
        if not (self._site.state / "ledger.db").exists():
            return ()
        ledger = self._ledger()
        try:
            return tuple(entry for entry in ledger.entries(None, 10_000) if entry.id > self.after)
        finally:
            ledger.close()

    def _ledger(self) -> SqliteLedger:
        return SqliteLedger(self._site.state / "ledger.db", SystemClock(), readonly=True)


def done(entries: tuple[Entry, ...]) -> Counter[str]:
    return Counter(f"{e.key} {e.operation}" for e in entries if e.result is Result.DONE and e.operation in _ONCE)
