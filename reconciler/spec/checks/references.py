"""Every name that a document points at is declared somewhere, and lineage never comes back to itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from reconciler.spec.document import Path
from reconciler.spec.draft import Draft, Entry
from reconciler.spec.kinds import Codebase, Cron, Record, Task, Wizard
from reconciler.spec.position import Problem
from reconciler.spec.words import listed, mend_name, shown


def check_references(draft: Draft) -> Iterator[Problem]:
    """Nothing is said about missing names while a part of the fleet could not be read: they may stand there."""
    if draft.whole:
        for entry in draft.wizards.values():
            yield from _wizard(draft, entry)
        for work in chain[Entry[Cron] | Entry[Task]](draft.crons.values(), draft.tasks.values()):
            yield from _known(draft, "Wizard", work, ("wizard",), work.record.wizard)
        for codebase in draft.codebases.values():
            yield from _canary(draft, codebase)
    if draft.fleet is not None:
        yield from _hosts(draft, list(draft.fleet.record.hosts))
    yield from _lineage(draft)


def _wizard(draft: Draft, entry: Entry[Wizard]) -> Iterator[Problem]:
    wizard = entry.record
    yield from _known(draft, "Codebase", entry, ("codebase",), wizard.codebase)
    yield from _known(draft, "Model", entry, ("model",), wizard.model)
    if wizard.father:
        yield from _known(draft, "Wizard", entry, ("father",), wizard.father)
    if wizard.robe and wizard.robe.codebase:
        yield from _known(draft, "Codebase", entry, ("robe", "codebase"), wizard.robe.codebase)


def _canary(draft: Draft, entry: Entry[Codebase]) -> Iterator[Problem]:
    """A canary that does not run the codebase would never go first, and nobody would notice."""
    codebase = entry.record
    if codebase.canary is None:
        return
    yield from _known(draft, "Wizard", entry, ("canary",), codebase.canary)
    canary = draft.wizards.get(codebase.canary)
    if canary is not None and codebase.name not in _runs(canary.record):
        what = f"the canary {codebase.canary} runs {canary.record.codebase}, not {codebase.name}"
        users = [name for name, one in draft.wizards.items() if codebase.name in _runs(one.record)]
        mend = f"name one that does: {listed(users)}" if users else "leave it out"
        yield entry.error("reference/canary", ("canary",), what, mend)


def _runs(wizard: Wizard) -> tuple[str | None, ...]:
    return wizard.codebase, wizard.robe.codebase if wizard.robe else None


def _known(draft: Draft, kind: str, entry: Entry[Record], path: Path, name: str) -> Iterator[Problem]:
    known = draft.declared.get(kind, frozenset())
    if name not in known:
        yield _unknown(kind.lower(), entry, path, name, known)


def _unknown(what: str, entry: Entry[Record], path: Path, name: str, known: Iterable[str]) -> Problem:
    names = listed(known)
    mend = mend_name(name, known, f"declared are: {names}" if names else f"no {what} is declared")
    return entry.error(f"reference/{what}", path, f"{what} {shown(name)} is not declared", mend)


def _hosts(draft: Draft, hosts: list[str]) -> Iterator[Problem]:
    for entry in draft.wizards.values():
        host = entry.record.host
        if host is not None and host not in hosts:
            yield _unknown("host", entry, ("host",), host, hosts)
        elif host is None and len(hosts) > 1:
            what = f"host is missing for wizard {entry.record.name}: the fleet has {len(hosts)} hosts"
            yield entry.error("host/missing", (), what, f"add host: and one of {listed(hosts)}")
    for service in draft.services.values():
        if service.record.host is not None and service.record.host not in hosts:
            yield _unknown("host", service, ("host",), service.record.host, hosts)


def _lineage(draft: Draft) -> Iterator[Problem]:
    """Follows each wizard to its oldest ancestor, once; each loop is told once."""
    settled: set[str] = set()
    for name in draft.wizards:
        line: list[str] = []
        here: str | None = name
        while here is not None and here in draft.wizards and here not in settled and here not in line:
            line.append(here)
            here = draft.wizards[here].record.father
        if here in line:
            yield _loop(draft, line[line.index(here) :])
        settled.update(line)


def _loop(draft: Draft, loop: list[str]) -> Problem:
    start = loop.index(min(loop))
    names = [*loop[start:], *loop[:start]]
    what = f"the lineage comes back to itself: {' -> '.join([*names, names[0]])}"
    return draft.wizards[names[0]].error("lineage/loop", ("father",), what, "take one father out")
