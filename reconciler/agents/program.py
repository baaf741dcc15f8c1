"""What the rest of the house needs to know about a program that a wizard runs: a protocol, one pure room a program.

Values only: keys of its own files, argv by version, what it reads only at start, how its replies read.
Not done here: files, processes, requests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from reconciler.spec.kinds import EnvValue, Model, Wizard

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a wizard lives on its host: absolute folders."""

    folder: str
    home: str
    workspace: str
    codebase: str


@dataclass(frozen=True, slots=True)
class HealthReading:
    """What a health reply says: `pid` of the gateway that answered, version, and whether it can take work.
    `busy` is the number of runs in flight, None where this version does not tell."""

    ok: bool
    pid: int | None
    version: str
    busy: int | None
    problem: str


class RunState(Enum):
    WORKING = "working"
    COMPLETED = "completed"
    FAILED = "failed"
    WAITING = "waiting for approval"


@dataclass(frozen=True, slots=True)
class RunReading:
    state: RunState
    text: str


class Agent(Protocol):
    """One program. `version` is a release such as 0.18.2, or the first digits of a commit, of which nobody knows the
    release: what is no release that this room knows is treated as the newest.

    `config_keys` and `env_keys` are what Git owns in its files, before the wizard's own additions; `heartbeat_file`,
    `state_file` and `databases` are names, the last also patterns, below its home. `exclusive` are variables whose
    value no two wizards may share. `home_variable` tells a live process its home.
    """

    quiet_exits: tuple[int, ...]
    heartbeat_file: str
    state_file: str
    databases: tuple[str, ...]
    exclusive: tuple[str, ...]
    home_variable: str
    stop_signal: str
    stop_seconds: int

    def config_keys(self, wizard: Wizard, model: Model, place: Place) -> Mapping[Path, object]: ...

    def env_keys(self, wizard: Wizard, model: Model) -> Mapping[str, EnvValue]: ...

    def argv(self, version: str, place: Place) -> tuple[str, ...]: ...

    def environment(self, version: str, place: Place) -> Mapping[str, str]: ...

    def gateway(self, argv: Sequence[str]) -> bool:
        """Whether a live process with this argv is a gateway of this program: not a chat, and no command that only asks
        or tells one."""
        ...

    def read_at_start(self, file: str, path: Path) -> bool:
        """Whether a change of this key in `config.yaml` or `.env` takes effect only after a restart."""
        ...

    def health(self, body: str) -> HealthReading: ...

    def identity(self, body: str) -> str | None: ...

    def run_started(self, body: str) -> str | None: ...

    def run(self, body: str) -> RunReading: ...

    def heartbeat(self, text: str) -> float | None:
        """When the program's loop last said that it is alive, in seconds since the epoch; reads its heartbeat file."""
        ...

    def exit(self, code: int) -> str:
        """What an exit code means, in words that follow "it"; negative codes are signals."""
        ...

    def port_taken(self, text: str, since: float) -> bool:
        """Whether the program says that it found its port taken, at `since` (seconds since the epoch) or later; reads
        its state file. An exit code alone does not tell that from an invalid configuration."""
        ...
