"""The host's own memory: inventory, last applied values, journal, passes, pauses. Intent is committed before an effect,
and outcome, inventory and last applied values are committed together after it."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from reconciler.plan.change import Change, Step
from reconciler.plan.held import Generation, Held, Pause, Quarantine, Records, Repeat, Start, Stored
from reconciler.plan.presence import Uptime


class Result(Enum):
    """How a step or a pass ended. `interrupted`: killed before it could say; `skipped`: a need of it failed."""

    DONE = "done"
    FAILED = "failed"
    BLOCKED = "blocked"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Update:
    """What a step changes in the inventory: entries to hold, keys to drop, attic entries to add or take out, and keys
    of held entries that were `used` just now, which moves them to the end of `Records.held`. `renamed`, as (old, new):
    `generations` (newest first) and `starts` are then all that is known under the new name, and nothing is under the
    old one."""

    hold: tuple[tuple[str, Held], ...] = ()
    drop: tuple[str, ...] = ()
    stored: tuple[Stored, ...] = ()
    returned: tuple[str, ...] = ()
    used: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    generations: tuple[Generation, ...] = ()
    starts: tuple[tuple[str, Start], ...] = ()


@dataclass(frozen=True, slots=True)
class Intent:
    """An effect that was announced. `update` is what is to be recorded if it turns out to have happened."""

    id: int
    pass_id: int
    step: Step
    change: Change
    update: Update


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of history. Times are seconds since the epoch; `reason` and `detail` are for people, without secrets.
    `fields` are readable (path, before, after), secrets masked. `pid` is the process started, where there is one."""

    id: int
    pass_id: int
    at: float
    ended: float | None
    wizard: str | None
    key: str
    operation: str
    action: str
    commit: str
    reason: str
    fields: tuple[tuple[str, str, str], ...]
    result: Result | None
    detail: str


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass. `trigger` says what woke it; `summary` what it did."""

    id: int
    at: float
    ended: float | None
    commit: str
    trigger: str
    result: Result | None
    summary: str


class Ledger(Protocol):
    """Errors: Terminal when the database is corrupt (naming file and mend); Retryable when the disk is full."""

    def records(self) -> Records: ...

    def begin(self, commit: str, trigger: str) -> int:
        """Opens a pass and returns its id."""
        ...

    def finish(self, pass_id: int, result: Result, summary: str) -> None: ...

    def close_passes(self) -> None:
        """Marks passes that never finished as interrupted. Only the one reconciler of a host may say that."""
        ...

    def intend(self, pass_id: int, commit: str, step: Step, change: Change, update: Update) -> int:
        """Commits the intent before the effect and returns its id."""
        ...

    def settle(self, intent: int, result: Result, detail: str, update: Update) -> None:
        """Commits outcome and inventory together."""
        ...

    def note(self, pass_id: int, commit: str, wizard: str | None, key: str, text: str, *, told: bool = False) -> None:
        """An entry of history about something that was seen, not done (operation "seen"), or that was `told` by a
        person or concluded from what was seen (operation "told")."""
        ...

    def open_intents(self) -> tuple[Intent, ...]: ...

    def entries(self, wizard: str | None, limit: int, before: int | None = None) -> tuple[Entry, ...]:
        """Newest first; with `before`, only those with a smaller id, which is the next page."""
        ...

    def entries_of(self, pass_id: int) -> tuple[Entry, ...]:
        """All of one pass, oldest first."""
        ...

    def passes(self, limit: int, before: int | None = None) -> tuple[Pass, ...]:
        """Newest first; with `before`, only those with a smaller id, which is the next page."""
        ...

    def pass_(self, pass_id: int) -> Pass | None:
        """None when there is no such pass."""
        ...

    def pause(self, pause: Pause) -> None: ...

    def resume(self, wizard: str) -> bool:
        """False when it was not paused."""
        ...

    def add_generation(self, generation: Generation) -> None:
        """The wizard is healthy on it now: it comes first."""
        ...

    def stand(self, wizard: str, number: int) -> None:
        """The wizard is healthy on this one again: it comes first."""
        ...

    def reject(self, wizard: str, numbers: Set[int]) -> None:
        """Exactly these generations of the wizard are those that a person has rolled back from."""
        ...

    def quarantine(self, quarantine: Quarantine) -> None:
        """Replaces the wizard's older one."""
        ...

    def release(self, wizard: str) -> bool:
        """Lifts the wizard's quarantine and forgets how often its changes came back; False when there was neither."""
        ...

    def started(self, key: str, start: Start) -> None:
        """Remembers the last start of a process, and whether it has passed its gate."""
        ...

    def repeat(self, repeats: Mapping[str, Repeat]) -> None:
        """Replaces all counts of changes that came back."""
        ...

    def get(self, name: str) -> str | None:
        """A remembered value, such as the last applied commit."""
        ...

    def put(self, name: str, value: str) -> None: ...

    def presence(self, at: float, states: Mapping[str, str]) -> None:
        """What a look at all wizards of this host saw, in the words of `plan.presence.Presence`. Cheap enough for each
        look: it writes when a state changed, and else at most once a minute. A time without a look that is longer
        than `plan.presence.GAP` counts as unwatched; what is older than 90 days is forgotten."""
        ...

    def uptime(self, wizard: str, since: float) -> Uptime:
        """How it was from `since` (seconds since the epoch) until now."""
        ...

    def close(self) -> None: ...
