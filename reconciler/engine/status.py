"""Desired beside observed for each wizard, as a value. Not done here: probing (health.py), rendering (render/)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from reconciler.engine.desired import Wanted
from reconciler.engine.health import Health
from reconciler.engine.host import Host
from reconciler.engine.report import Planned
from reconciler.plan.change import SIGNS, Change, Disposition, Plan
from reconciler.plan.diff import LIVE
from reconciler.plan.expand import Desired
from reconciler.plan.fact import Fact, Observed, ProcessFact, ProcessState, Unknown
from reconciler.plan.generation import words
from reconciler.plan.held import Generation, Pause, Quarantine, Records
from reconciler.plan.resource import Process
from reconciler.plan.status import Evidence, HostStatus, WizardState, WizardStatus
from reconciler.protocols.ledger import Entry
from reconciler.spec.kinds import DesiredState

REMOVED = "removed"
"""What Git wants of a wizard that it no longer has."""
_RUNS = LIVE | {ProcessState.ORPHAN}


@dataclass(frozen=True, slots=True)
class Left:
    """What tells of a wizard that Git says nothing about: the ledger's `records`, and what was seen, by key."""

    records: Records
    facts: Mapping[str, Fact]
    readings: Mapping[str, Health]


@dataclass(frozen=True, slots=True)
class Seen:
    """All that a status is made from. `desired` is what is really wanted, without what is quarantined."""

    wanted: Wanted
    desired: Desired
    observed: Observed
    records: Records
    plan: Plan
    readings: Mapping[str, Health]
    quarantined: Mapping[str, tuple[Quarantine, Generation | None]]

    def bodies(self) -> Mapping[str, Process]:
        """Wizard -> its Body."""
        return {r.wizard: r for r in self.desired.resources if isinstance(r, Process) and r.wizard}

    def lines(self) -> Mapping[str, tuple[str, ...]]:
        """Wizard -> the plan's differences, one line each."""
        found: dict[str, tuple[str, ...]] = {}
        told: set[tuple[str, str]] = set()
        for change in self.plan.changes:
            if change.wizard:
                again = (change.wizard, change.obstacle) in told  # what stands in the way is told once
                told.add((change.wizard, change.obstacle))
                line = _line(replace(change, obstacle="") if again else change)
                found[change.wizard] = (*found.get(change.wizard, ()), line)
        return found

    def unmanaged(self) -> Mapping[str, tuple[str, ...]]:
        """Wizard -> keys of its files that belong to the agent."""
        found: dict[str, tuple[str, ...]] = {}
        for resource, paths in self.plan.undeclared:
            wizard = resource.split("/")[1]
            found[wizard] = (*found.get(wizard, ()), *paths)
        return found

    def generation(self, wizard: str) -> int | None:
        """Number of the generation that is wanted while the wizard is quarantined, else of its newest one."""
        newest = next(iter(self.records.generations.get(wizard, ())), None)
        wanted = self.quarantined[wizard][1] if wizard in self.quarantined else newest
        return wanted.number if wanted else None


def seen_of(planned: Planned, readings: Mapping[str, Health]) -> Seen:
    """What a look found, with what the gateways said when they were asked last."""
    return Seen(
        planned.wanted,
        planned.desired,
        planned.observed,
        planned.records,
        planned.plan,
        readings,
        planned.quarantined,
    )


def host_status(host: Host, seen: Seen, result: str) -> HostStatus:
    """Desired beside observed; `result` is the last pass's, in words."""
    revision = seen.wanted.revision
    bodies, lines, unmanaged = seen.bodies(), seen.lines(), seen.unmanaged()
    return HostStatus(
        host=host.name,
        at=iso(host.clock.now()),
        commit=seen.plan.commit,
        subject=revision.subject if revision else "",
        result=result,
        notices=(*seen.plan.warnings, *(r.what for r in seen.plan.refusals)),
        wizards=tuple(
            _wizard(host, seen, bodies[name], lines.get(name, ()), unmanaged.get(name, ()))
            for name in seen.wanted.desired.wizards
        )
        + tuple(_leaving(host, seen, name, lines.get(name, ())) for name in sorted(_gone(seen))),
        unsigned=seen.wanted.unsigned,
        unused=seen.wanted.unused,
    )


def _gone(seen: Seen) -> set[str]:
    """Wizards that Git no longer has on this host and that are still here, because of a pause, say."""
    held = {entry.resource.wizard for entry in seen.records.held.values() if entry.resource.wizard}
    return held - set(seen.wanted.desired.wizards) - seen.records.attic.keys()


def _leaving(host: Host, seen: Seen, name: str, differences: tuple[str, ...]) -> WizardStatus:
    left = left_status(host, Left(seen.records, seen.observed.facts, seen.readings), name, REMOVED)
    return replace(left, differences=differences, quarantined="", generation=None)


def left_status(host: Host, left: Left, name: str, desired: str) -> WizardStatus:
    """A wizard as the ledger knows it and as it is seen, where Git does not tell its role and model."""
    key = f"wizard/{name}/body"
    held, fact, pause = left.records.held.get(key), left.facts.get(key), left.records.pauses.get(name)
    body = held.resource if held and isinstance(held.resource, Process) else None
    process = fact if isinstance(fact, ProcessFact) else ProcessFact(ProcessState.STOPPED)
    reading = left.readings.get(key)
    state = _state(process if fact is None else fact, reading, host.clock.now())
    quarantine = left.records.quarantines.get(name)
    return WizardStatus(
        name=name,
        role="",
        desired=desired,
        observed=state,
        healthy=_healthy(desired, state, reading),
        port=body.port if body else 0,
        model="",
        codebase=f"{body.program} {body.version}" if body else "",
        revision=held.commit if held else "",
        since=iso(process.started) if process.started and process.state in _RUNS else "",
        why=_why(host.ledger.entries(name, 20)),
        pid=process.pid,
        paused=_paused(pause),
        evidence=tuple(_evidence(process if fact is None else fact, reading, host.clock.now())),
        differences=(),
        unmanaged=(),
        quarantined=quarantine.reason if quarantine else "",
        generation=next((one.number for one in left.records.generations.get(name, ())), None),
    )


def _paused(pause: Pause | None) -> str:
    return f"since {pause.since} {pause.reason}".strip() if pause else ""


def iso(seconds: float) -> str:
    """ISO 8601 in UTC, whole seconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _wizard(
    host: Host, seen: Seen, body: Process, differences: tuple[str, ...], unmanaged: tuple[str, ...]
) -> WizardStatus:
    name, key = body.wizard or body.identity, body.key  # the way back of a renamed one answers by its old name
    declared = seen.wanted.fleet.wizards[name]
    fact, reading = seen.observed.facts[key], seen.readings.get(key)
    process = fact if isinstance(fact, ProcessFact) else ProcessFact(ProcessState.STOPPED)
    state = _state(fact, reading, host.clock.now())
    held = seen.records.held.get(key)
    pause = seen.records.pauses.get(name)
    runs = held.resource if held and isinstance(held.resource, Process) and process.state in _RUNS else body
    moves = f" -> {body.version}" if runs.version != body.version else ""
    return WizardStatus(
        name=name,
        role=declared.role,
        desired=declared.desired.value,
        observed=state,
        healthy=_healthy(declared.desired.value, state, reading),
        port=runs.port,
        model=declared.model,
        codebase=f"{runs.program} {runs.version}{moves}",
        revision=held.commit if held else "",
        since=iso(process.started) if process.started and process.state in _RUNS else "",
        why=_why(host.ledger.entries(name, 20)),
        pid=process.pid,
        paused=_paused(pause),
        evidence=tuple(_evidence(fact, reading, host.clock.now())),
        differences=differences,
        unmanaged=unmanaged,
        quarantined=words(*seen.quarantined[name]) if name in seen.quarantined else "",
        generation=seen.generation(name),
    )


def _state(fact: Fact, reading: Health | None, now: float) -> WizardState:
    """dead: no process of ours, or one whose loop has said nothing for 180 s while /health is silent."""
    if isinstance(fact, Unknown):
        return WizardState.UNKNOWN
    if not isinstance(fact, ProcessFact) or fact.state not in _RUNS:
        return WizardState.DEAD
    young = fact.started is not None and now - fact.started < 180.0
    return WizardState.UNROBED if reading is None or reading.alive or young else WizardState.DEAD


def _healthy(desired: str, state: WizardState, reading: Health | None) -> bool:
    if desired == REMOVED:
        return False
    if desired in (DesiredState.DEAD.value, DesiredState.LOBSTER.value):
        return state is WizardState.DEAD
    return state is WizardState.UNROBED and reading is not None and not reading.problem


def _evidence(fact: Fact, reading: Health | None, now: float) -> list[Evidence]:
    found = []
    if isinstance(fact, Unknown):
        found.append(Evidence("process", fact.reason, None))
    elif isinstance(fact, ProcessFact):
        pid = f" as pid {fact.pid}" if fact.pid else ""
        found.append(Evidence("process", f"{fact.state.value}{pid}{' ' + fact.note if fact.note else ''}", 0.0))
    if reading:
        found.append(Evidence("/health", reading.problem or "ok", now - reading.at))
        if reading.heartbeat is not None:
            found.append(Evidence("heartbeat", "the gateway's loop is alive", now - reading.heartbeat))
    return found


def _line(change: Change) -> str:
    reasons = "; ".join(reason.text for reason in change.reasons)
    obstacle = ""
    if change.disposition is not Disposition.APPLY:
        obstacle = f" [{change.disposition.value}{': ' if change.obstacle else ''}{change.obstacle}]"
    return f"{SIGNS[change.action]} {change.action.value} {change.key} ({reasons}){obstacle}"


_NOTABLE = ("start", "seen", "told", "store", "return", "rename", "edit", "write")


def _why(entries: tuple[Entry, ...]) -> str:
    """The last thing that happened to the wizard and why, traced to its commit."""
    for entry in entries:
        if entry.operation in _NOTABLE:
            if entry.operation == "told":
                return entry.reason
            commit = f", commit {entry.commit[:7]}" if entry.commit and "commit " not in entry.reason else ""
            return f"{entry.action} {entry.key.split('/', 2)[-1]}: {entry.reason}{commit}"
    return ""
