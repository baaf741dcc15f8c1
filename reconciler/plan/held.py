"""The inventory as the plan sees it: what we manage on this host, and the values we last applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from reconciler.plan.resource import Resource
from reconciler.plan.value import Fields, SecretRef

SecretTexts = tuple[tuple[SecretRef, str], ...]
"""Secret -> digest of its text at one time."""


class Origin(Enum):
    """created: we made it; claimed: it was there before us, and only our keys are ours."""

    CREATED = "created"
    CLAIMED = "claimed"


@dataclass(frozen=True, slots=True)
class Held:
    """One entry of the inventory with its last applied fields (shape as in fact.Present; for a process the inputs).

    `resource` is the desired resource as last applied. `commit` is the revision that it was applied from. `left` is
    of a process: path of the codebase version that it moved away from, until it has held on the new one.
    """

    resource: Resource
    origin: Origin
    fields: Fields
    commit: str
    left: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """A removed wizard's folder in the attic: `path` now, `original` before."""

    wizard: str
    path: str
    original: str


@dataclass(frozen=True, slots=True)
class Renaming:
    """A wizard that this host knows as `old` and that Git calls `new`. `stored` says where its folder is and where it
    belongs; None where the new name is taken here. `obstacle` says why it can't be renamed, and the mend."""

    old: str
    new: str
    stored: Stored | None
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    wizard: str
    reason: str
    since: str


@dataclass(frozen=True, slots=True)
class Generation:
    """What a healthy wizard ran on: its resources and codebase version, with secrets pinned to their versions.

    `number` counts up for each wizard from 1. `at` is ISO 8601 in UTC. `expansion` and `secrets` say what it was
    expanded from. `rejected`: a person has rolled back from it, and no way back leads there until a retry.
    """

    wizard: str
    number: int
    commit: str
    at: str
    expansion: str
    resources: tuple[Resource, ...]
    secrets: SecretTexts = ()
    rejected: bool = False


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Exactly this expansion of a wizard is not applied here: it failed its gate, or a person rolled it back. `secrets`
    are the texts that it had.

    `ring`: the wizards that went back with it, because they exchanged ports. `follows`: those of the ring that failed,
    or that the person named, where it is none of them; it stands while one of theirs does. `canary`: it failed as the
    first that moved to its codebase version. `fell`: of one by hand, that it had failed before the person said so.
    `beside`: of one by hand, the expansion that the branch's tip had then, where that was refused and another one is in
    force; "" where there is none.
    """

    wizard: str
    expansion: str
    commit: str
    reason: str
    since: str
    by_hand: bool = False
    secrets: SecretTexts = ()
    ring: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    canary: bool = False
    fell: bool = False
    beside: str = ""

    @property
    def failed(self) -> bool:
        """Whether the wizard itself has failed, and not only gone back by a person's word or with another one."""
        return (self.fell or not self.by_hand) and not self.follows


@dataclass(frozen=True, slots=True)
class Start:
    """The last start of a process that we made or looked at: `started` is seconds since the epoch, as the kernel tells;
    `proven` once it has passed its gate; `soaks` while it owes a soak as the canary. `log` is how long its log was
    before, in bytes."""

    started: float
    proven: bool
    soaks: bool = False
    log: int = 0

    @property
    def trusted(self) -> bool:
        """Whether it has passed all that it had to pass."""
        return self.proven and not self.soaks


@dataclass(frozen=True, slots=True)
class Repeat:
    """How many passes in a row have done this very change of a resource. `digest` is of the change."""

    digest: str
    count: int


@dataclass(frozen=True, slots=True)
class Records:
    """What the ledger knows. Entries of a wizard in the attic are in `held` all the same. `held` is in the order in
    which entries were last written; a codebase version also moves to its end when a process on it starts or stops."""

    held: Mapping[str, Held] = field(default_factory=dict)
    attic: Mapping[str, Stored] = field(default_factory=dict)
    pauses: Mapping[str, Pause] = field(default_factory=dict)
    generations: Mapping[str, tuple[Generation, ...]] = field(default_factory=dict)
    """Wizard -> its generations, the one that it was last healthy on first."""
    quarantines: Mapping[str, Quarantine] = field(default_factory=dict)
    repeats: Mapping[str, Repeat] = field(default_factory=dict)
    """Resource key -> how often its change has come back."""
    renamings: tuple[Renaming, ...] = ()
    """Wizards that are about to get another name; only in what `formerly.renamed` gives."""
    starts: Mapping[str, Start] = field(default_factory=dict)
    """Resource key of a process -> its last start."""
