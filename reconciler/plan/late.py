"""Which of those who move to another codebase version come late: they take a port that another one of them leaves.

All others move one at a time before them. Who exchanges ports with another one moves together with it. Those who are
late have one order on the whole host, so that lineages which pass ports to each other never wait in a circle. Pure. Not
done here: the order of those who are not late (canary.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from reconciler.plan.rings import reach, rings
from reconciler.spec.words import listed

Waits = Mapping[str, Set[str]]
"""Process -> the processes that it waits for because of ports."""


class Late:
    """`movers`: keys of the processes that move."""

    def __init__(self, movers: Iterable[str], waits: Waits) -> None:
        self._waits = waits
        every = frozenset(movers)
        self._reach = {key: reach(key, waits) for key in every if key in waits}
        self._rings = rings(waits)
        self._late = frozenset(key for key, found in self._reach.items() if every.intersection(found) - {key})

    def is_late(self, key: str) -> bool:
        return key in self._late

    def place(self, key: str) -> tuple[int, str]:
        """Its place among those who are late; the same for all of a ring. Who waits for another one comes after it."""
        return len(self._reach.get(key, ())), min(self._rings.get(key, (key,)))

    def why(self, key: str) -> str:
        """In words, why the wizard can't go first."""
        ring = self._rings.get(key, frozenset()) - {key}
        if ring:
            return f"exchanges ports with {_names(ring)}"
        return f"takes the port of {_names(self._waits[key])}"


def _names(keys: Iterable[str]) -> str:
    return listed(key.split("/")[1] for key in keys)
