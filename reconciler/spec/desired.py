"""A loaded and checked fleet: the typed documents with the places they were declared at.

Made by `load.load_fleet`; read by `plan.expand`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.spec.kinds import Codebase, Cron, Fleet, Model, Service, Task, Wizard
from reconciler.spec.position import Position, Problem, Severity


@dataclass(frozen=True, slots=True)
class DesiredFleet:
    """All that Git declares at one commit. Mappings are by name and are not to be changed."""

    fleet: Fleet
    wizards: Mapping[str, Wizard]
    services: Mapping[str, Service]
    codebases: Mapping[str, Codebase]
    models: Mapping[str, Model]
    crons: Mapping[str, Cron]
    tasks: Mapping[str, Task]
    positions: Mapping[tuple[str, str], Position]
    """(kind, name) -> where the document starts."""
    souls: Mapping[str, str]
    """Soul file (path relative to the fleet folder, as written in `soul.file`) -> its text."""

    def host_of(self, wizard: Wizard) -> str:
        """Name of the host that runs the wizard; the fleet's only host when the wizard names none."""
        return wizard.host or next(iter(self.fleet.hosts))


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of reading a fleet: `fleet` is None when any problem is an error."""

    fleet: DesiredFleet | None
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(p for p in self.problems if p.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(p for p in self.problems if p.severity is Severity.WARNING)
