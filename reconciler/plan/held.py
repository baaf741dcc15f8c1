"""The inventory as the plan sees it: what we manage on this host, and the values we last applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from reconciler.plan.resource import Resource
from reconciler.plan.value import Fields


class Origin(Enum):
    """created: we made it; claimed: it was there before us, and only our keys are ours."""

    CREATED = "created"
    CLAIMED = "claimed"


@dataclass(frozen=True, slots=True)
class Held:
    """One entry of the inventory with its last applied fields (shape as in fact.Present; for a process the inputs).

    `resource` is the desired resource as last applied. `commit` is the revision that it was applied from.
    """

    resource: Resource
    origin: Origin
    fields: Fields
    commit: str


@dataclass(frozen=True, slots=True)
class Stored:
    """A removed wizard's folder in the attic: `path` now, `original` before."""

    wizard: str
    path: str
    original: str


@dataclass(frozen=True, slots=True)
class Pause:
    wizard: str
    reason: str
    since: str


@dataclass(frozen=True, slots=True)
class Records:
    """What the ledger knows. Entries of a wizard in the attic are in `held` all the same."""

    held: Mapping[str, Held] = field(default_factory=dict)
    attic: Mapping[str, Stored] = field(default_factory=dict)
    pauses: Mapping[str, Pause] = field(default_factory=dict)
