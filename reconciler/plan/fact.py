"""Facts: what was seen on the host. "Absent" and "could not be observed" are different types.

A fact is cheap to compare by identity: an observer hands out the same object while nothing has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from reconciler.plan.value import Fields, SecretRef


@dataclass(frozen=True, slots=True)
class Absent:
    """It was looked for, and it is not there."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """It could not be observed; nothing may be created, deleted or pruned because of it."""

    reason: str


@dataclass(frozen=True, slots=True)
class InTheWay:
    """Something of another type stands at the path ("a folder", "a link to /etc")."""

    what: str


@dataclass(frozen=True, slots=True)
class Present:
    """It is there, with these fields.

    Directory: ("mode",). TextFile: ("mode",), ("text",). Symlink: ("target",).
    KeyedFile: ("mode",) and ("key", *path) for EVERY leaf, ours or not; values that neither Git nor we declared in
    the open are Hidden. CodebaseVersion: ("source",).
    """

    fields: Fields


class ProcessState(Enum):
    """running: as we started it; starting: not settled yet; stopped: not running, on purpose or never started;
    exited: ended by itself; backoff: the supervisor gave up or waits; orphan: lives outside its supervisor."""

    RUNNING = "running"
    STARTING = "starting"
    STOPPED = "stopped"
    EXITED = "exited"
    BACKOFF = "backoff"
    ORPHAN = "orphan"


@dataclass(frozen=True, slots=True)
class ProcessFact:
    """A process of ours. `started` is seconds since the epoch, as the kernel tells; `inputs` is the digest the live
    process was started with (read from its own environment), None when there is no process or it has none.
    `exit_code` is negative for a signal, as in subprocess. `by_hand`: an orphan that no supervisor of ours has started,
    a gateway on the program's home. `beside`: pids of further live processes of the same program."""

    state: ProcessState
    pid: int | None = None
    started: float | None = None
    inputs: str | None = None
    exit_code: int | None = None
    note: str = ""
    by_hand: bool = False
    beside: tuple[int, ...] = ()


FileFact = Absent | Unknown | InTheWay | Present
Fact = Absent | Unknown | InTheWay | Present | ProcessFact


@dataclass(frozen=True, slots=True)
class Listener:
    """Who listens on a TCP port; `pid` is None when the kernel would not tell."""

    port: int
    pid: int | None
    command: str


@dataclass(frozen=True, slots=True)
class SecretFact:
    """Digest of a secret (hex HMAC under the host's key); "" when it will be generated; `missing` says why there is
    none and what to do."""

    digest: str
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Observed:
    """All that one pass saw. Every desired and every held resource has an entry in `facts`."""

    facts: Mapping[str, Fact]
    secrets: Mapping[SecretRef, SecretFact]
    listeners: Mapping[int, Listener]
    silent: frozenset[str] = frozenset()
    """Keys of processes that run and are dead all the same: no answer and no heartbeat for 180 s."""
    unsteady: frozenset[str] = frozenset()
    """Keys of processes that say nothing for what they run on: not up for as long as a soak takes, started anew by
    their supervisor since the last pass, or not healthy now."""
    resting: Mapping[str, str] = field(default_factory=dict)
    """Key -> when it is tried again: what could not be done lately, for reasons outside."""
    exposed: tuple[str, ...] = ()
    """Sentences about secret files that everybody on the host can read."""
