"""Values of announcements: what a pass saw, how people want to be told, and what they are told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from reconciler.plan.change import Change
from reconciler.plan.status import HostStatus


class Kind(Enum):
    """What an announcement is about."""

    FAILED = "failed"
    QUARANTINED = "quarantined"
    STUCK = "stuck"
    """A change that came back pass after pass is not made any more."""
    TROUBLE = "trouble"
    """No pass does what Git wants."""
    RECOVERED = "recovered"
    CORRECTED = "corrected"
    """Drift was corrected."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """One message. `wizard` is None when it is about the host or about several. `topic`: a later announcement with the
    same one says all that this one would, so that this one need not be sent any more."""

    kind: Kind
    wizard: str | None
    title: str
    body: str
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Manner:
    """`repeat`: seconds between two messages at least about a trouble that goes on. `link`: where people see more."""

    repeat: float = 3600.0
    link: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """What a pass came to. `status` is None while nothing was ever seen. `stuck`: wizards and resources that only a
    commit or a person can free, None when the pass did not get that far; `looked`: the wizards that it looked at.
    `corrected`: changes that were made because the host had drifted. `trouble`: why the pass could not do what Git
    wants, "" when nothing was in the way; `passing`: it may go by itself."""

    at: float
    host: str
    status: HostStatus | None
    stuck: tuple[str, ...] | None = None
    looked: frozenset[str] = frozenset()
    corrected: tuple[Change, ...] = ()
    trouble: str = ""
    passing: bool = False
