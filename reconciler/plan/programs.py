"""What a process that moves to another codebase version gets beside another version: another package, other packages
beside it. A process knows its version by the path alone; the sources of both are in the inventory and in Git.

For display; it never steers. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from reconciler.plan.canary import moves, version_left
from reconciler.plan.change import Cause, Change, FieldChange
from reconciler.plan.codebases import BESIDE, PACKAGE
from reconciler.plan.expand import Desired
from reconciler.plan.fields import source_value
from reconciler.plan.held import Records
from reconciler.plan.needs import needs
from reconciler.plan.resource import CodebaseVersion, Install, Process, Resource
from reconciler.plan.value import known


def with_programs(changes: list[Change], desired: Desired, records: Records) -> list[Change]:
    """The changes, each move with what differs between the sources of both versions."""
    if not any(moves(change) for change in changes):
        return changes
    sources = {r.path: r.source for r in _known(desired, records) if isinstance(r, CodebaseVersion)}
    return [_told(change, sources) if moves(change) else change for change in changes]


def _known(desired: Desired, records: Records) -> Iterable[Resource]:
    for generations in records.generations.values():
        for generation in generations:
            yield from generation.resources
    yield from (entry.resource for entry in records.held.values())
    yield from desired.resources


def _told(change: Change, sources: Mapping[str, Install]) -> Change:
    process = change.resource
    old = sources.get(version_left(change))
    new = sources.get(process.codebase) if isinstance(process, Process) else None
    apart = tuple(_differences(old, new)) if old and new else ()
    if not apart:
        return change
    fields, before = (*change.fields, *apart), needs(change.fields)
    rest = (reason for reason in change.reasons if reason not in before)
    return replace(change, fields=fields, reasons=(*rest, *needs(fields)))


def _differences(old: Install, new: Install) -> Iterator[FieldChange]:
    before, after = (json.loads(source_value(source).text) for source in (old, new))
    for path in (PACKAGE, BESIDE):
        name = path[0]
        if name in before and name in after and before[name] != after[name]:
            yield FieldChange(path, known(before[name]), known(after[name]), Cause.CHANGED)
