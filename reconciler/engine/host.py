"""Everything that a pass works with, bound once by compose."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.protocols.clock import Clock
from reconciler.protocols.codebases import Codebases
from reconciler.protocols.databases import Databases
from reconciler.protocols.events import Event, Events, Level, Progress
from reconciler.protocols.files import Files
from reconciler.protocols.http import Http
from reconciler.protocols.ledger import Ledger
from reconciler.protocols.ports import Ports
from reconciler.protocols.runtime import Runtime
from reconciler.protocols.secrets import Secrets
from reconciler.protocols.source import Source
from reconciler.protocols.store import Store


@dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds. `gate_hold`: how long a started wizard must hold; `gate_limit`: how long it may take to answer;
    `soak`: how long a canary must hold besides;
    `reread`: age after which every file is read again whatever its stat says; `heartbeat`: age after which status is
    published again although nothing changed; `probe`: pace at which
    gateways are asked how they are; `concurrency`: steps at once."""

    concurrency: int = 4
    gate_hold: float = 10.0
    gate_limit: float = 120.0
    soak: float = 30.0
    reread: float = 86_400.0
    heartbeat: float = 3_600.0
    probe: float = 30.0


@dataclass(frozen=True, slots=True)
class Host:
    """One host of the fleet: its name, its folders and its doors to the world. `store` is None when nothing is to be
    published; `folder` is the fleet's folder inside the repository; `root` overrides the fleet's root."""

    name: str
    root: str | None
    folder: str
    source: Source
    store: Store | None
    files: Files
    secrets: Secrets
    codebases: Codebases
    databases: Databases
    runtime: Runtime
    http: Http
    ports: Ports
    clock: Clock
    events: Events
    ledger: Ledger
    limits: Limits = Limits()

    def say(self, text: str, wizard: str | None = None, key: str | None = None, level: Level = Level.INFO) -> None:
        self.events.emit(Event(level, text, wizard, key))

    def progress(self, progress: Progress, text: str, level: Level = Level.DETAIL) -> None:
        """Tells where the pass has come to."""
        step = progress.step
        self.events.emit(Event(level, text, step.wizard if step else None, step.key if step else None, progress))
