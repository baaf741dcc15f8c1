"""Earlier names of wizards: each belongs to one wizard that nobody else is called by now.

An earlier name that no host knows any more does no harm and may stay. Not done here: what a host does with it
(plan/formerly.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.spec.draft import Draft, Entry
from reconciler.spec.kinds import Wizard
from reconciler.spec.position import Position, Problem


def check_formerly(draft: Draft) -> Iterator[Problem]:
    declared = draft.declared.get("Wizard", frozenset())
    claimed: dict[str, tuple[Entry[Wizard], Position]] = {}
    for entry in draft.wizards.values():
        for index, old in enumerate(entry.record.formerly):
            path = ("formerly", index)
            if old == entry.record.name:
                what = f"wizard {old} can't have been called by its own name before"
                yield entry.error("formerly/itself", path, what, "name the earlier one, or take it out")
            elif old in declared:
                what = f"wizard {entry.record.name} was called {old} before, and there is a wizard {old} now"
                mend = f"take {old} out of formerly; two wizards can't have the memories of one"
                yield entry.error("formerly/declared", path, what, mend)
            elif old in claimed:
                other, at = claimed[old]
                who = "itself" if other is entry else f"wizard {other.record.name}"
                what = f"the earlier name {old} is claimed already, by {who} at {at}"
                yield entry.error("formerly/claimed", path, what, "leave it with the one who has its memories")
            else:
                claimed[old] = entry, entry.at(*path)
