"""What the API tells of one wizard: state, timeline, restarts, resources, keys, generations, the end of its log."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, assert_never

from reconciler.engine.log_secrets import log_place, masking
from reconciler.errors import Terminal
from reconciler.plan.fact import Absent, Fact, InTheWay, Present, ProcessFact, Unknown
from reconciler.plan.resource import KeyedFile, Process
from reconciler.plan.resource import Resource as Wanted
from reconciler.plan.value import SecretRef
from reconciler.render.names import field_name
from reconciler.render.safe import plain
from reconciler.spec.words import listed, mend_name, shown
from reconciler.web.api_history import Entry, TimelineAnswer, entry, page
from reconciler.web.api_host import one_status, with_uptime
from reconciler.web.api_plan import Unmanaged, plan_answer
from reconciler.web.api_problem import ApiProblem, not_yet
from reconciler.web.api_shape import FORMAT
from reconciler.web.api_status import FleetWizard, Generation, LogAnswer, OwnedKey, Resource, WizardAnswer

if TYPE_CHECKING:
    from reconciler.engine.daemon import Daemon
    from reconciler.engine.report import Planned
    from reconciler.plan.expand import Desired
    from reconciler.plan.held import Records
    from reconciler.web.api_operation import Asked

STEPS = 50
"""Steps of its story that a wizard's own answer holds."""
LOOKED_AT = 500
"""Steps that are looked through for starts."""
STARTS = 20
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[@-Z\\^_])")


def wizard(daemon: Daemon, asked: Asked) -> WizardAnswer:
    name = asked.names["name"]
    seen, found = _seen(daemon), _found(daemon, name)
    timeline, following = page(daemon, name, STEPS, 0)
    left = daemon.board.view.left
    changes = plan_answer(left).changes if left else ()
    return WizardAnswer(
        format=FORMAT,
        wizard=found,
        changes=tuple(change for change in changes if change.wizard == name),
        timeline=timeline,
        next=following,
        restarts=_starts(daemon, name),
        resources=tuple(_resource(r, seen) for r in seen.desired.resources if r.wizard == name),
        owned=tuple(
            OwnedKey(resource=r.key, name=field_name(key.path), secret=isinstance(key.value, SecretRef))
            for r in seen.desired.resources
            if r.wizard == name and isinstance(r, KeyedFile)
            for key in r.keys
        ),
        unmanaged=tuple(
            Unmanaged(key=key, paths=paths) for key, paths in seen.plan.undeclared if key.startswith(f"wizard/{name}/")
        ),
        generations=tuple(
            Generation(number=one.number, commit=one.commit, at=one.at)
            for one in seen.records.generations.get(name, ())
        ),
    )


def timeline(daemon: Daemon, asked: Asked) -> TimelineAnswer:
    name = _known(daemon, asked.names["name"])
    entries, following = page(daemon, name, asked.numbers["limit"], asked.numbers["before"])
    return TimelineAnswer(format=FORMAT, wizard=name, entries=entries, next=following)


def log(daemon: Daemon, asked: Asked) -> LogAnswer:
    """As it was started last, else as Git wants it; secrets are masked while the text is still whole."""
    name = _known(daemon, asked.names["name"])
    host, seen = daemon.host, _seen(daemon)
    place = log_place(seen.records, seen.desired.resources, name)
    text = masking(host, place.home)(host.files.tail(place.log, asked.numbers["lines"])) if place else ""
    lines = tuple(plain(_ESCAPE.sub("", line).expandtabs()) for line in text.splitlines())
    return LogAnswer(format=FORMAT, wizard=name, path=place.log if place else "", lines=lines)


def _seen(daemon: Daemon) -> Planned:
    seen = daemon.board.view.seen
    if seen is None:
        raise not_yet()
    return seen


def _found(daemon: Daemon, name: str) -> FleetWizard:
    status = daemon.board.view.status
    if status is None:
        raise not_yet()
    for one in status.wizards:
        if one.name == name:
            return with_uptime(daemon, one_status(status, one))
    raise unknown(name, frozenset(one.name for one in status.wizards), status.host)


def _known(daemon: Daemon, name: str) -> str:
    """The name, when Git or this host's records know it. Raises ApiProblem, 404."""
    seen = _seen(daemon)
    known = names(seen.wanted.desired, seen.records)
    if name not in known:
        raise unknown(name, known, daemon.host.name)
    return name


def names(desired: Desired, records: Records) -> frozenset[str]:
    """Wizards that Git or the host's own records know, removed ones too."""
    held = {one.resource.wizard for one in records.held.values() if one.resource.wizard}
    return frozenset(held | set(records.attic) | set(records.pauses) | set(desired.wizards))


def unknown(name: str, known: frozenset[str], host: str) -> ApiProblem:
    there = f"there are {listed(known)}" if known else "there are none"
    words = Terminal(f"there is no wizard {shown(name)}", where=f"host {host}", mend=mend_name(name, known, there))
    return ApiProblem.of(words, 404)


def _starts(daemon: Daemon, name: str) -> tuple[Entry, ...]:
    found = daemon.host.ledger.entries(name, LOOKED_AT)
    told = [one for one in found if one.operation == "start" or (one.operation == "seen" and "started" in one.reason)]
    return tuple(map(entry, told[:STARTS]))


def _resource(resource: Wanted, seen: Planned) -> Resource:
    held = seen.records.held.get(resource.key)
    return Resource(
        key=resource.key,
        type=resource.type,
        path=resource.home if isinstance(resource, Process) else resource.path,
        state=_state(seen.observed.facts.get(resource.key)),
        origin=held.origin.value if held else None,
        commit=held.commit if held else None,
    )


def _state(fact: Fact | None) -> str:
    match fact:
        case None:
            return "not looked at"
        case Absent():
            return "absent"
        case Unknown(reason=reason):
            return f"unknown: {reason}"
        case InTheWay(what=what):
            return f"in the way: {what}"
        case Present():
            return "present"
        case ProcessFact(state=state):
            return state.value
        case _ as never:
            assert_never(never)
