"""Observes everything that a plan needs, in batches: one call for all files, one for all processes, one for codebases.

Remembers the queries and the last mappings, so that a pass with nothing to do makes no new objects. Not done here:
comparing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from reconciler.engine.host import Host
from reconciler.errors import Retryable
from reconciler.plan.diff import LIVE
from reconciler.plan.expand import Desired
from reconciler.plan.fact import Fact, Observed, ProcessFact, SecretFact, Unknown
from reconciler.plan.fields import KEY, inputs_digest, secret_refs, wanted_fields
from reconciler.plan.formerly import borrowed
from reconciler.plan.held import Held, Records
from reconciler.plan.resource import CodebaseVersion, Directory, FileResource, KeyedFile, Process, Resource
from reconciler.plan.retire import folder_key
from reconciler.plan.value import FieldPath, Known, SecretRef
from reconciler.protocols.files import FileQuery


def program_name(key: str) -> str:
    """`wizard/ezra/body` -> `ezra-body`: how a runtime calls the process."""
    return "-".join(key.split("/")[1:])


def look_at(host: Host, process: Process) -> ProcessFact:
    """What is seen of one process now. Raises Retryable when its supervisor does not answer."""
    name = program_name(process.key)
    return host.runtime.observe([name], {name: process.home})[name]


@dataclass(frozen=True, slots=True)
class _Questions:
    """What to look at for one desired state and one set of records."""

    desired: Desired
    records: Records
    files: tuple[FileQuery, ...]
    processes: tuple[Process, ...]
    codebases: tuple[CodebaseVersion, ...]
    refs: tuple[SecretRef, ...]
    borrowed: Mapping[SecretRef, SecretRef]


class Observer:
    """Looks at one host. Keep one for the life of a daemon."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._questions: _Questions | None = None
        self._secrets: Mapping[SecretRef, SecretFact] = {}
        self._digests: dict[str, tuple[Process, Mapping[SecretRef, SecretFact], str]] = {}
        self._read_at: float | None = None

    def observe(self, desired: Desired, records: Records, *, reread: bool = False) -> Observed:
        """Facts for every desired and held resource."""
        questions = self._ask(desired, records)
        facts: dict[str, Fact] = dict(self._host.files.observe(questions.files, reread=reread or self._stale()))
        facts.update(self._try(questions.codebases, lambda: self._host.codebases.observe(questions.codebases)))
        facts.update(self.processes(questions.processes))
        secrets = self._host.secrets.observe(questions.refs)
        if questions.borrowed:
            old = self._host.secrets.observe(questions.borrowed.values())
            secrets = {**secrets, **{ref: old[made] for ref, made in questions.borrowed.items()}}
        if secrets != self._secrets:
            self._secrets = secrets
        listeners = self._host.ports.listeners(self._ports(questions.processes, facts))
        return Observed(facts, self._secrets, listeners, exposed=self._host.secrets.exposed(questions.refs))

    def _stale(self) -> bool:
        """Whether the full re-read is due; a stat signature is trusted for that long at most."""
        now = self._host.clock.monotonic()
        due = self._read_at is not None and now - self._read_at >= self._host.limits.reread
        if self._read_at is None or due:
            self._read_at = now
        return due

    def _ask(self, desired: Desired, records: Records) -> _Questions:
        old = self._questions
        if old is None or old.desired is not desired or old.records is not records:
            self._questions = old = _questions(desired, records)
        return old

    def processes(self, processes: tuple[Process, ...]) -> Mapping[str, Fact]:
        """Key -> what is seen of the process now."""
        names = {program_name(p.key): p.key for p in processes}
        homes = {program_name(p.key): p.home for p in processes}
        found = self._try(processes, lambda: self._host.runtime.observe(tuple(names), homes))
        return {names.get(name, name): fact for name, fact in found.items()}

    def _try(self, resources: Iterable[Resource], look: Callable[[], Mapping[str, Fact]]) -> Mapping[str, Fact]:
        """What could not be looked at is unknown, which is not absent."""
        try:
            return look()
        except Retryable as error:
            return {r.key: Unknown(str(error)) for r in resources}

    def _ports(self, processes: tuple[Process, ...], facts: Mapping[str, Fact]) -> set[int]:
        """Ports of the processes that may have to start."""
        return {p.port for p in processes if p.run and not self._as_wanted(p, facts.get(p.key))}

    def _as_wanted(self, process: Process, fact: Fact | None) -> bool:
        if not isinstance(fact, ProcessFact) or fact.state not in LIVE:
            return False
        old = self._digests.get(process.key)
        if old is None or old[0] is not process or old[1] is not self._secrets:
            digest = inputs_digest(wanted_fields(process, self._secrets))
            self._digests[process.key] = old = (process, self._secrets, digest)
        return fact.inputs == old[2]


def _questions(desired: Desired, records: Records) -> _Questions:
    wanted = {r.key: r for r in desired.resources}
    gone = [
        entry.resource
        for key, entry in records.held.items()
        if key not in wanted and entry.resource.wizard not in records.attic
    ]
    resources = [*desired.resources, *gone]
    files = [_query(r, records) for r in resources if not isinstance(r, Process | CodebaseVersion)]
    originals = [
        FileQuery(Directory(f"{r.key}/original", r.wizard, r.path, r.mode), r.path, frozenset())
        for r in desired.resources
        if isinstance(r, Directory)
        and r.wizard is not None
        and r.wizard in records.attic
        and r.key == folder_key(r.wizard)
    ]
    refs = tuple(sorted({ref for r in resources for ref in secret_refs(r)}))
    return _Questions(
        desired,
        records,
        (*files, *originals),
        tuple(r for r in resources if isinstance(r, Process)),
        tuple(r for r in resources if isinstance(r, CodebaseVersion)),
        refs,
        borrowed(refs, records),
    )


def _query(resource: FileResource, records: Records) -> FileQuery:
    held = records.held.get(resource.key)
    stored = records.attic.get(resource.wizard) if resource.wizard else None
    path = resource.path
    if stored and (path == stored.original or path.startswith(stored.original + "/")):
        path = stored.path + path[len(stored.original) :]
    return FileQuery(resource, path, _open_keys(resource, held))


def _open_keys(resource: FileResource, held: Held | None) -> frozenset[FieldPath]:
    """Keys whose values Git or we have declared in the open."""
    if not isinstance(resource, KeyedFile):
        return frozenset()
    declared = {key.path for key in resource.keys if isinstance(key.value, Known)}
    applied = {path[1:]: value for path, value in (held.fields if held else ()) if path[0] == KEY}
    was_open = {path for path, value in applied.items() if isinstance(value, Known)}
    # What was a secret when we last wrote it stays one in the fact, though Git declares another value openly now.
    was_secret = applied.keys() - was_open
    return frozenset((declared - was_secret) | was_open)
