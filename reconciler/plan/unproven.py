"""Processes that run on what Git wants, as far as their start tells, and still need something.

Dead all the same, because its loop has said nothing for long and /health is silent: a restart. Started by its
supervisor while its files had been changed by hand: a restart, because it runs on what stood there then. Its gate, or
its soak as the canary, was never awaited to the end: the gate again, and then the soak.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from reconciler.plan.change import Action, Cause, Change, Plan, Reason
from reconciler.plan.diff import LIVE
from reconciler.plan.expand import Desired
from reconciler.plan.fact import Observed, ProcessFact
from reconciler.plan.fields import KEY
from reconciler.plan.held import Records, Start
from reconciler.plan.resource import KeyedFile, Process

SAME_START = 1.0
"""Seconds by which two readings of one process's start may differ."""


def extra(changes: Iterable[Change], desired: Desired, observed: Observed, records: Records) -> Iterator[Change]:
    """Further changes, for processes that have none."""
    if not observed.silent and not _suspicious(observed, records):
        return
    known = list(changes)
    busy = {change.key for change in known}
    edited = _edited(known)
    for process in (r for r in desired.resources if isinstance(r, Process) and r.run and r.key not in busy):
        fact = observed.facts.get(process.key)
        if isinstance(fact, ProcessFact) and fact.state in LIVE:
            action, reason = _why(process, fact, observed, records.starts.get(process.key), edited)
            if reason is not None:
                yield Change(process.key, process.wizard, action, process, (reason,))


def _suspicious(observed: Observed, records: Records) -> bool:
    return any(not start.trusted or not same(start, observed.facts.get(key)) for key, start in records.starts.items())


def same(start: Start, fact: object) -> bool:
    """Whether the live process is the one whose start we know; true where no process lives."""
    if not isinstance(fact, ProcessFact) or fact.started is None:
        return True
    return abs(fact.started - start.started) <= SAME_START


def _why(
    process: Process, fact: ProcessFact, observed: Observed, start: Start | None, edited: Mapping[str, frozenset[str]]
) -> tuple[Action, Reason | None]:
    if process.key in observed.silent:
        text = "its loop has said nothing for 180 s and /health is silent"
        return Action.RESTART, Reason(Cause.ENDED, text)
    if start is None:
        return Action.RESTART, None
    read = {"/".join(key.path) for key in process.start_values} & edited.get(process.wizard or "", frozenset())
    if read and not same(start, fact):
        names = ", ".join(sorted(path.rsplit("/", 1)[-1] for path in read))
        return Action.RESTART, Reason(Cause.DRIFT, f"its supervisor started it while {names} was changed by hand")
    if not start.proven:
        return Action.PROVE, Reason(Cause.ENDED, "its gate was not awaited to the end")
    if start.soaks:
        return Action.PROVE, Reason(Cause.ENDED, "its soak as the canary was not awaited to the end")
    return Action.RESTART, None


def _edited(changes: Iterable[Change]) -> Mapping[str, frozenset[str]]:
    """Wizard -> the keys of its files that are to be set, as `config.yaml/platforms/...`."""
    found: dict[str, frozenset[str]] = {}
    for change in changes:
        if isinstance(change.resource, KeyedFile) and change.wizard:
            name = change.resource.path.rsplit("/", 1)[-1]
            keys = {"/".join((name, *field.path[1:])) for field in change.fields if field.path[0] == KEY}
            found[change.wizard] = found.get(change.wizard, frozenset()) | keys
    return found


def moved_starts(plan: Plan, observed: Observed, records: Records) -> Iterator[tuple[str, Start]]:
    """Starts that a supervisor has made since and that need nothing: to be remembered as they are now."""
    changing = {change.wizard for change in plan.changes}
    for key, start in records.starts.items():
        fact = observed.facts.get(key)
        if not isinstance(fact, ProcessFact) or fact.state not in LIVE or fact.started is None:
            continue
        if not same(start, fact) and key.split("/")[1] not in changing:
            yield key, replace(start, started=fact.started)
