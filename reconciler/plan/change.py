"""The Plan: one immutable value that the command line, a preview, a dashboard and apply all share.

A plan is complete: apply executes its steps in order and never chooses. Reasons are for display and never steer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from reconciler.plan.held import Origin, Renaming, Stored
from reconciler.plan.resource import Resource
from reconciler.plan.value import FieldPath, Value


class Action(Enum):
    """What a change does to its resource; the sign is what `plan` prints.

    claim: it is there as Git wants it, and becomes ours. release: it stays, and is ours no longer; with fields, those
    keys of ours are taken out of it. store and return: a wizard's folder goes into the attic and comes back. rename: a
    wizard goes on under another name, with its folder and all that is remembered of it.
    """

    CREATE = "create"
    UPDATE = "update"
    CLAIM = "claim"
    DELETE = "delete"
    RELEASE = "release"
    START = "start"
    STOP = "stop"
    RESTART = "restart"
    PROVE = "prove"
    STORE = "store"
    RETURN = "return"
    RENAME = "rename"


SIGNS = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.CLAIM: "+",
    Action.DELETE: "-",
    Action.RELEASE: "-",
    Action.START: "!",
    Action.STOP: "!",
    Action.RESTART: "!",
    Action.PROVE: "!",
    Action.STORE: "-",
    Action.RETURN: "+",
    Action.RENAME: "~",
}


class Cause(Enum):
    """Why a change is planned."""

    DECLARED = "declared"
    """Git declares it and we have never applied it."""
    CHANGED = "changed"
    """Git declares another value than the one we last applied."""
    REMOVED = "removed"
    """Git no longer declares it."""
    DRIFT = "drift"
    """The host differs from what we last applied."""
    EXISTS = "exists"
    """It was there before us: a first meeting."""
    NEEDS = "needs"
    """Something it reads only at start has changed."""
    ENDED = "ended"
    """The process is not running although it should."""
    ORPHAN = "orphan"
    """The process lives outside its supervisor."""
    REQUESTED = "requested"
    """A person asked for it."""
    BACK = "back"
    """It goes back to what it was healthy on, because what Git declares is quarantined."""
    TURN = "turn"
    """Its place among the wizards that a codebase moves under one after the other, or that exchange ports."""


@dataclass(frozen=True, slots=True)
class Reason:
    cause: Cause
    text: str


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field before and after; None means absent."""

    path: FieldPath
    before: Value | None
    after: Value | None
    cause: Cause


class Disposition(Enum):
    """apply: will be done; held: not done because of a pause; blocked: something outside is in the way."""

    APPLY = "apply"
    HELD = "held"
    BLOCKED = "blocked"


class Copies(Enum):
    """What becomes of a stopped wizard's databases when its codebase version moves: copied before the new version
    touches them, or put back because it goes back to the version that it left, and never held on the new one."""

    NONE = "none"
    MADE = "made"
    PUT_BACK = "put back"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `resource` is the desired one, or the held one where it goes away. `obstacle`
    says why it is held or blocked, and the mend. `origin` is what the inventory will say. `renaming`: it is part of
    giving the wizard another name, and what it is about is still known under the old one. `soaks`: it is the canary,
    and owes its soak once it has passed its gate. `halts`: a start of what its supervisor may start any moment, in the
    old way, so that is stopped first. `as_before`: a start of what was started last, whatever else of it waits."""

    key: str
    wizard: str | None
    action: Action
    resource: Resource
    reasons: tuple[Reason, ...]
    fields: tuple[FieldChange, ...] = ()
    origin: Origin = Origin.CREATED
    disposition: Disposition = Disposition.APPLY
    obstacle: str = ""
    stored: Stored | None = None
    renaming: Renaming | None = None
    databases: Copies = Copies.NONE
    soaks: bool = False
    halts: bool = False
    as_before: bool = False

    @property
    def stops(self) -> bool:
        """Whether it ends the process that it finds, or the supervisor's tries to start it."""
        return self.halts or self.action in (Action.STOP, Action.RESTART)


class Operation(Enum):
    """What apply can do; a closed set."""

    INSTALL = "install"
    MAKE_DIRECTORY = "make directory"
    WRITE_TEXT = "write"
    EDIT_KEYS = "edit"
    LINK = "link"
    REMOVE = "remove"
    RECORD = "record"
    STOP = "stop"
    START = "start"
    GATE = "gate"
    SOAK = "soak"
    COPY_DATABASES = "copy databases"
    PUT_BACK_DATABASES = "put databases back"
    STORE = "store"
    RETURN = "return"
    RENAME = "rename"


@dataclass(frozen=True, slots=True)
class Step:
    """One effect of a change. `id` is unique in the plan; it runs when all of `needs` are done, and is skipped when
    one of them failed."""

    id: str
    operation: Operation
    key: str
    wizard: str | None
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """The whole plan may not be applied: `what`, and the trailer or flag that lifts it."""

    what: str
    mend: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What one pass would do. `changes` are in the order people read, `steps` in an order that can be run."""

    host: str
    commit: str
    changes: tuple[Change, ...]
    steps: tuple[Step, ...]
    refusals: tuple[Refusal, ...] = ()
    warnings: tuple[str, ...] = ()
    undeclared: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(resource key, readable paths of the keys in it that belong to the agent)."""
    quarantined: tuple[tuple[str, str], ...] = ()
    """(wizard, why its declaration is not applied here, what is wanted instead, and the mend)."""
    unenforced: tuple[str, ...] = ()
    """What the fleet declares and this version does not do yet."""
    wizards: tuple[str, ...] = ()
    """The wizards that this plan looked at, changed or not."""
    rings: tuple[tuple[str, ...], ...] = ()
    """Wizards that exchange ports in this plan: they stop together, start together, and go back together."""

    @property
    def pending(self) -> tuple[Change, ...]:
        """Changes that apply would make."""
        return tuple(c for c in self.changes if c.disposition is Disposition.APPLY)

    @property
    def waiting(self) -> tuple[Change, ...]:
        """Changes that are held or blocked."""
        return tuple(c for c in self.changes if c.disposition is not Disposition.APPLY)

    def change(self, key: str) -> Change:
        return next(c for c in self.changes if c.key == key)
