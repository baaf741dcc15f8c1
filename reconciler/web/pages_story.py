"""History as pages show it: passes, and the steps of one change put together.

Not done here: reading more than one page of the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from reconciler.plan.change import SIGNS, Action
from reconciler.protocols.ledger import Entry, Ledger, Pass, Result
from reconciler.render.paint import Mark
from reconciler.web.pages_fleet import STEP_SIGNS, Sign
from reconciler.web.pages_plan import KINDS

PAGE = 50
COLLAPSE_FROM = 4
"""So many plain creations in a row are told as one."""
SCANNED = 5000
"""Passes that are looked through for one page at most."""
_CHUNK = 200
_APART = frozenset({"seen", "told"})
_STARTS = frozenset({"start", "restart"})
OPEN = Sign("run", "▶", "not finished")


@dataclass(frozen=True, slots=True)
class Step:
    sign: Sign
    operation: str
    seconds: float | None
    detail: str


@dataclass(frozen=True, slots=True)
class Event:
    """One change with its steps, or something that was seen or told."""

    at: float
    pass_id: int
    wizard: str
    kind: str
    mark: str
    title: str
    reason: str
    commit: str
    sign: Sign
    steps: tuple[Step, ...]
    fields: tuple[tuple[str, str, str], ...]
    made: tuple[Event, ...] = ()
    """Plain creations that this one stands for."""


@dataclass(frozen=True, slots=True)
class PassRow:
    one: Pass
    sign: Sign
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Filter:
    """What of the history is asked for; "" for all."""

    result: str = ""
    wizard: str = ""
    commit: str = ""

    def __bool__(self) -> bool:
        return bool(self.result or self.wizard or self.commit)


def pass_row(one: Pass) -> PassRow:
    sign = STEP_SIGNS[one.result] if one.result is not None else OPEN
    return PassRow(one, sign, None if one.ended is None else one.ended - one.at)


def passes(ledger: Ledger, wanted: Filter, before: int | None) -> tuple[tuple[PassRow, ...], int | None]:
    """One page, newest first, and where the next one begins."""
    found: list[PassRow] = []
    source = _of_wizard(ledger, wanted.wizard, before) if wanted.wizard else _all(ledger, before)
    for scanned, one in enumerate(source):
        if len(found) == PAGE or scanned == SCANNED:
            return tuple(found), one.id + 1
        if _fits(one, wanted):
            found.append(pass_row(one))
    return tuple(found), None


def _fits(one: Pass, wanted: Filter) -> bool:
    result = one.result.value if one.result else "open"
    return (not wanted.result or result == wanted.result) and one.commit.startswith(wanted.commit)


def _all(ledger: Ledger, before: int | None) -> Iterator[Pass]:
    while page := ledger.passes(_CHUNK, before):
        yield from page
        before = page[-1].id


def _of_wizard(ledger: Ledger, wizard: str, before: int | None) -> Iterator[Pass]:
    last, at = None, None
    while page := ledger.entries(wizard, _CHUNK, at):
        for entry in page:
            if entry.pass_id != last and (before is None or entry.pass_id < before):
                one = ledger.pass_(entry.pass_id)
                if one is not None:
                    yield one
            last = entry.pass_id
        at = page[-1].id


def collapsed(found: Iterable[Event]) -> tuple[Event, ...]:
    """Many plain creations in a row as one event that holds them."""
    out: list[Event] = []
    for (creation, _, wizard), run in groupby(found, key=lambda e: (_plain_creation(e), e.pass_id, e.wizard)):
        events_of = tuple(run)
        if creation and len(events_of) >= COLLAPSE_FROM:
            title = f"{len(events_of)} created{'' if wizard else ' for all'}"
            out.append(replace(events_of[0], title=title, fields=(), steps=(), made=events_of))
        else:
            out += events_of
    return tuple(out)


def _plain_creation(event: Event) -> bool:
    return event.title.startswith("create ") and event.sign.words == "done" and not any(s.detail for s in event.steps)


def events(entries: Iterable[Entry], redact: Callable[[str], str]) -> tuple[Event, ...]:
    """Steps of one change put together, in the order that the entries come in."""
    found: dict[tuple[object, ...], list[Entry]] = {}
    for entry in entries:
        apart = entry.id if entry.operation in _APART else -1
        found.setdefault((entry.pass_id, entry.key, entry.action, entry.reason, apart), []).append(entry)
    return tuple(_event(sorted(steps, key=lambda e: e.id), redact) for steps in found.values())


def _event(entries: list[Entry], redact: Callable[[str], str]) -> Event:
    first, last = entries[0], entries[-1]
    signs = {action.value: SIGNS[action] for action in Action}
    mark = Mark(signs.get(first.action, Mark.NONE.value))
    bad = next((e for e in entries if e.result not in (Result.DONE, None)), last)
    sign = STEP_SIGNS[bad.result] if bad.result is not None else OPEN
    apart = first.operation in _APART
    verb = first.operation if apart else first.action
    name = first.key.split("/", 2)[2] if first.wizard and first.key.count("/") > 1 else first.key
    return Event(
        at=first.at,
        pass_id=first.pass_id,
        wizard=first.wizard or "",
        kind=KINDS[mark],
        mark=mark.value.strip(),
        title=f"{verb} {name}",
        reason=redact(first.reason),
        commit=first.commit,
        sign=Sign("off", "·", verb) if apart else sign,
        steps=() if apart else tuple(_step(entry, redact) for entry in entries),
        fields=tuple((path, _side(redact(before)), _side(redact(after))) for path, before, after in first.fields),
    )


def _side(text: str) -> str:
    return "" if text == "(absent)" else text


def _step(entry: Entry, redact: Callable[[str], str]) -> Step:
    sign = STEP_SIGNS[entry.result] if entry.result is not None else OPEN
    return Step(sign, entry.operation, None if entry.ended is None else entry.ended - entry.at, redact(entry.detail))


def restarts(found: Iterable[Event]) -> tuple[Event, ...]:
    """Starts and restarts, with why: the commit, drift, or an exit."""
    return tuple(event for event in found if event.title.split(" ")[0] in _STARTS)
