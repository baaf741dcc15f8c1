"""One wizard as its page shows it: resources desired beside observed, and the keys of its files. Secrets are masked.

Not done here: HTML, its log (pages_log.py), its story (pages_story.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

from reconciler.engine.board import View
from reconciler.plan.fact import Absent, Fact, InTheWay, Present, ProcessFact, Unknown
from reconciler.plan.fields import KEY, MODE, wanted_fields
from reconciler.plan.resource import KeyedFile, Process, Resource
from reconciler.plan.value import FieldPath, Hidden, Known, Value
from reconciler.render.names import counted, decode, field_name, resource_name, value_text
from reconciler.web.pages_fleet import SIGNS, Sign


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key of a file. `live` is "" where it is as wanted."""

    path: str
    wanted: str
    live: str
    sign: Sign


@dataclass(frozen=True, slots=True)
class ResourceView:
    name: str
    key: str
    wanted: str
    live: str
    sign: Sign
    owned: tuple[KeyRow, ...]
    unmanaged: tuple[str, ...]


def resources(view: View, wizard: str) -> tuple[ResourceView, ...]:
    if view.seen is None:
        return ()
    seen = view.seen
    mine = [r for r in seen.desired.resources if r.wizard == wizard]
    known = {r.key for r in mine}
    leaving = [e.resource for k, e in seen.records.held.items() if e.resource.wizard == wizard and k not in known]
    undeclared = dict(view.left.undeclared) if view.left else {}
    pending = frozenset(change.key for change in view.left.changes) if view.left else frozenset[str]()
    found = [_resource(r, view, undeclared, pending) for r in mine]
    return (*found, *(_leaving(r) for r in leaving))


def _leaving(resource: Resource) -> ResourceView:
    sign = Sign("held", "‖", "no longer declared")
    return ResourceView(resource_name(resource), resource.key, "not declared", "still here", sign, (), ())


def _resource(
    resource: Resource, view: View, undeclared: Mapping[str, tuple[str, ...]], pending: frozenset[str]
) -> ResourceView:
    seen = view.seen
    fact = seen.observed.facts.get(resource.key) if seen else None
    owned: tuple[KeyRow, ...] = ()
    if isinstance(resource, KeyedFile) and seen is not None:
        wanted = {path: value for path, value in wanted_fields(resource, seen.observed.secrets) if path != MODE}
        owned = tuple(_keys(wanted, _fields(fact)))
    off = sum(row.sign.tone != "good" for row in owned)
    text = counted(len(owned), "key") if owned else _wanted(resource)
    live = f"{off} {'differs' if off == 1 else 'differ'}" if off and isinstance(fact, Present) else _live(fact)
    return ResourceView(
        resource_name(resource),
        resource.key,
        text,
        live,
        _sign(fact, resource.key in pending),
        owned,
        undeclared.get(resource.key, ()),
    )


def _wanted(resource: Resource) -> str:
    match resource:
        case Process(run=run):
            return "running" if run else "stopped"
        case _:
            return "present"


def _sign(fact: Fact | None, pending: bool) -> Sign:
    if fact is None or isinstance(fact, Unknown):
        return SIGNS["unknown"]
    return Sign("warn", "◆", "differs") if pending else SIGNS["good"]


def _live(fact: Fact | None) -> str:
    match fact:
        case None:
            return "not looked at"
        case Absent():
            return "absent"
        case Unknown(reason=reason):
            return f"could not be observed: {reason}"
        case InTheWay(what=what):
            return f"{what} is in the way"
        case Present():
            return "present"
        case ProcessFact(state=state, pid=pid):
            return f"{state.value}{f' as pid {pid}' if pid else ''}"
        case _ as never:
            assert_never(never)


def _fields(fact: Fact | None) -> Mapping[FieldPath, Value]:
    return dict(fact.fields) if isinstance(fact, Present) else {}


def _keys(wanted: Mapping[FieldPath, Value], live: Mapping[FieldPath, Value]) -> Iterator[KeyRow]:
    for path, value in wanted.items():
        found = live.get(path)
        same = found == value
        sign = SIGNS["good"] if same else Sign("warn", "◆", "absent" if found is None else "differs")
        yield KeyRow(field_name(path if path[:1] != (KEY,) else path[1:]), _text(value), _text(found), sign)


def _text(value: Value | None) -> str:
    match value:
        case None:
            return "absent"
        case Hidden():
            return "(secret)"
        case Known():
            return value_text(decode(value))
        case _ as never:
            assert_never(never)
