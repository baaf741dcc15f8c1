"""What a pass saw, as a value: the status table, STATUS.md, status.json and pages are all rendered from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class WizardState(Enum):
    """Observed state. unknown: could not be observed."""

    ROBED = "robed"
    UNROBED = "unrobed"
    LOBSTER = "lobster"
    DEAD = "dead"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing seen about a wizard: `source` ("process", "/health", "heartbeat"), what it said, and its age in seconds
    (None when there is none)."""

    source: str
    text: str
    age: float | None


@dataclass(frozen=True, slots=True)
class WizardStatus:
    """Desired beside observed for one wizard. `differences` are the plan's lines for it that are not applied yet;
    `since` is when the process started (ISO 8601, UTC) or ""; `why` traces the last change or restart. `quarantined` is
    why what Git declares is not applied here, what is wanted instead and the mend; "" when it is applied. `generation`
    is the number of the one that is wanted, or was healthy last. `port` and `codebase` are those that it runs with, or
    those that are wanted where it does not run; a version that waits stands behind an arrow."""

    name: str
    role: str
    desired: str
    observed: WizardState
    healthy: bool
    port: int
    model: str
    codebase: str
    revision: str
    since: str
    why: str
    pid: int | None
    paused: str
    evidence: tuple[Evidence, ...]
    differences: tuple[str, ...]
    unmanaged: tuple[str, ...]
    quarantined: str = ""
    generation: int | None = None

    @property
    def settled(self) -> bool:
        """Observed is what is desired, and nothing is pending."""
        return self.healthy and not self.differences and not self.quarantined


@dataclass(frozen=True, slots=True)
class HostStatus:
    """One host at one moment. `at` is ISO 8601 in UTC. `commit` is what the host is kept like; "" while no commit may
    be used, and then the wizards are told as they were left. `result` is the last pass's result in words, `notices`
    what a person should know (remote away, unenforced declarations, refusals). `unused` is that one of them which says
    why the branch's head is not what is in force, and `unsigned` that head where it is for its signature."""

    host: str
    at: str
    commit: str
    subject: str
    result: str
    notices: tuple[str, ...]
    wizards: tuple[WizardStatus, ...]
    unused: str = ""
    unsigned: str = ""

    @property
    def settled(self) -> bool:
        """The branch's head is in force, and every wizard is as it wants."""
        return not self.unused and all(wizard.settled for wizard in self.wizards)
