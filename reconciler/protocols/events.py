"""What travels up while a pass runs: progress for people, never decisions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from reconciler.plan.change import Plan, Step
from reconciler.protocols.ledger import Result


class Level(Enum):
    DETAIL = "detail"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Stage(Enum):
    """Where a pass has come to."""

    FETCHED = "fetched"
    PLANNED = "planned"
    BEGUN = "begun"
    ENDED = "ended"
    RECORDED = "recorded"


@dataclass(frozen=True, slots=True)
class Progress:
    """`commit` belongs to FETCHED, `plan` to PLANNED, `step` to BEGUN and ENDED, `result` to ENDED."""

    stage: Stage
    commit: str = ""
    plan: Plan | None = None
    step: Step | None = None
    result: Result | None = None


@dataclass(frozen=True, slots=True)
class Event:
    level: Level
    text: str
    wizard: str | None = None
    key: str | None = None
    progress: Progress | None = None


class Events(Protocol):
    def emit(self, event: Event) -> None: ...
