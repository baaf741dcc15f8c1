"""What travels up while a pass runs: progress for people, never decisions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Level(Enum):
    DETAIL = "detail"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Event:
    level: Level
    text: str
    wizard: str | None = None
    key: str | None = None


class Events(Protocol):
    def emit(self, event: Event) -> None: ...
