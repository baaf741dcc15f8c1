"""A fleet that is being checked: typed documents by kind and name, and where each of them stands.

Documents with errors of their own are missing in the typed mappings, but their names count as declared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from reconciler.spec.document import YamlDocument
from reconciler.spec.kinds import Codebase, Cron, Fleet, Model, Record, Service, Task, Wizard
from reconciler.spec.position import Position, Problem, Severity
from reconciler.spec.read import ReadDocument, ReadFile

R_co = TypeVar("R_co", bound=Record, covariant=True)


@dataclass(frozen=True, slots=True)
class Entry(Generic[R_co]):
    """A typed document and where its fields stand."""

    record: R_co
    document: YamlDocument

    def at(self, *path: str | int) -> Position:
        """Position of the value at the path; of the document where the path is not written."""
        return self.document.at(*path)

    def error(self, rule: str, path: tuple[str | int, ...], message: str, mend: str) -> Problem:
        return Problem(self.at(*path), message, mend, rule=rule)

    def key_error(self, rule: str, path: tuple[str | int, ...], message: str, mend: str) -> Problem:
        return Problem(self.document.key(*path), message, mend, rule=rule)

    def warning(self, rule: str, path: tuple[str | int, ...], message: str, mend: str) -> Problem:
        return Problem(self.at(*path), message, mend, Severity.WARNING, rule)


@dataclass(frozen=True, slots=True)
class Draft:
    """All typed documents. `fleet` is the first Fleet document that is typed; `whole` is False when something could not
    be read, so that what seems to be missing may be declared there."""

    documents: tuple[ReadDocument, ...]
    whole: bool
    fleet: Entry[Fleet] | None
    wizards: Mapping[str, Entry[Wizard]] = field(default_factory=dict)
    services: Mapping[str, Entry[Service]] = field(default_factory=dict)
    codebases: Mapping[str, Entry[Codebase]] = field(default_factory=dict)
    models: Mapping[str, Entry[Model]] = field(default_factory=dict)
    crons: Mapping[str, Entry[Cron]] = field(default_factory=dict)
    tasks: Mapping[str, Entry[Task]] = field(default_factory=dict)
    declared: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Kind -> names of its documents, those with errors too."""

    def host_of(self, wizard: Wizard) -> str | None:
        """The wizard's host; None where it can't be told."""
        if wizard.host or self.fleet is None:
            return wizard.host
        hosts = self.fleet.record.hosts
        return next(iter(hosts)) if len(hosts) == 1 else None


def draft(files: Iterable[ReadFile]) -> Draft:
    """Sorts documents by kind. Of two with one kind and name, the first counts."""
    read = list(files)
    documents = tuple(document for file in read for document in file.documents)
    fleets = list(_entries(documents, Fleet).values())
    return Draft(
        documents,
        all(file.whole for file in read) and all(d.kind and d.name for d in documents),
        fleets[0] if fleets else None,
        _entries(documents, Wizard),
        _entries(documents, Service),
        _entries(documents, Codebase),
        _entries(documents, Model),
        _entries(documents, Cron),
        _entries(documents, Task),
        _declared(documents),
    )


S = TypeVar("S", Fleet, Wizard, Service, Codebase, Model, Cron, Task)


def _entries(documents: Iterable[ReadDocument], kind: type[S]) -> dict[str, Entry[S]]:
    found: dict[str, Entry[S]] = {}
    for read in documents:
        if isinstance(read.record, kind):
            found.setdefault(read.record.name, Entry(read.record, read.document))
    return found


def _declared(documents: Iterable[ReadDocument]) -> dict[str, frozenset[str]]:
    names: dict[str, set[str]] = {}
    for read in documents:
        if read.kind and read.name:
            names.setdefault(read.kind, set()).add(read.name)
    return {kind: frozenset(of_kind) for kind, of_kind in names.items()}
