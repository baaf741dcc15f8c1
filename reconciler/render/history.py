"""History as text: the passes of a host, and why one wizard is as it is.

Entries come in newest first, as the ledger hands them out, and are printed newest last, next to the prompt. Times are
text that the caller has put into the reader's zone. Not done here: reading the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from reconciler.plan.change import SIGNS, Action
from reconciler.render.names import commit_name, counted
from reconciler.render.paint import STYLES, Mark, Style, paint
from reconciler.render.safe import plain, shorten

_TEXT_LIMIT = 200
_LONG = 600
_COLLAPSE_FROM = 4
_DONE = "done"
_SEEN = "seen"
_TOLD = "told"
_BODY = frozenset({Action.START.value, Action.RESTART.value})


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One step that was done or seen. `result` is "" while it is open; `fields` are readable (path, before, after)
    with secrets masked, and "" for absent."""

    pass_id: int
    at: str
    wizard: str | None
    key: str
    operation: str
    action: str
    commit: str
    reason: str
    fields: tuple[tuple[str, str, str], ...]
    result: str
    detail: str


@dataclass(frozen=True, slots=True)
class PassLine:
    """One pass. `took` is a readable duration or ""."""

    pass_id: int
    at: str
    took: str
    commit: str
    trigger: str
    result: str
    summary: str


@dataclass(frozen=True, slots=True)
class _Event:
    """All steps of one change in one pass, oldest first."""

    steps: tuple[HistoryLine, ...]

    @property
    def first(self) -> HistoryLine:
        return self.steps[0]

    @property
    def failed(self) -> bool:
        return any(step.result not in (_DONE, "") for step in self.steps)

    @property
    def open(self) -> bool:
        return any(step.result == "" for step in self.steps)

    @property
    def plain_creation(self) -> bool:
        return self.first.action == Action.CREATE.value and all(s.result == _DONE and not s.detail for s in self.steps)


def history_text(passes: Sequence[PassLine], lines: Sequence[HistoryLine], *, colour: bool = False) -> str:
    """Each pass with what it did; entries of passes that are not given are left out."""
    if not passes:
        return "No pass has run on this host yet.\n"
    events = _events(lines)
    out: list[str] = []
    for one in reversed(passes):
        out.append(_pass_line(one, colour))
        out += [f"  {text}" for text in _story([e for e in events if e.first.pass_id == one.pass_id], colour, True)]
    return "\n".join(out) + "\n"


def why_text(wizard: str, lines: Sequence[HistoryLine], *, colour: bool = False) -> str:
    """The story of one wizard, newest last, and what its last start is due to."""
    events = _events(lines)
    if not events:
        return f"Nothing has been done to {plain(wizard)} on this host yet.\n"
    out = [paint(f"What happened to {wizard}, newest last", Style.BOLD, colour), *_story(events, colour, False)]
    starts = [e for e in events if e.first.action in _BODY]
    if starts:
        out += ["", _last_start(starts[-1])]
    return "\n".join(out) + "\n"


def _last_start(event: _Event) -> str:
    end = " It failed." if event.failed else " It has not finished." if event.open else ""
    return f"Last start: {plain(event.first.at)}, because: {_cause(event.first) or 'not known'}.{end}"


def _events(lines: Sequence[HistoryLine]) -> list[_Event]:
    """Steps of one change put together, oldest first; independent wizards run at once, so their steps interleave."""
    found: dict[tuple[int, str, str, str, int], list[HistoryLine]] = {}
    for index, line in enumerate(reversed(lines)):
        apart = index if line.operation in (_SEEN, _TOLD) else -1
        same = (
            line.pass_id,
            line.key,
            line.action,
            line.reason,
            apart,
        )  # a way back in the same pass stands for itself
        found.setdefault(same, []).append(line)
    return [_Event(tuple(steps)) for steps in found.values()]


def _story(events: Sequence[_Event], colour: bool, with_wizard: bool) -> Iterator[str]:
    """Many plain creations in a row are counted in one line."""
    keyed = groupby(events, key=lambda e: (e.plain_creation, e.first.pass_id, e.first.wizard))
    for (creation, _, _), grouped in keyed:
        run = list(grouped)
        if creation and len(run) >= _COLLAPSE_FROM:
            yield _creations(run, colour, with_wizard)
        else:
            for event in run:
                yield from _event_lines(event, colour, with_wizard)


def _creations(run: Sequence[_Event], colour: bool, with_wizard: bool) -> str:
    first = run[0].first
    owner = f" of {plain(first.wizard or 'all wizards')}" if with_wizard else ""
    text = paint(f"+ {counted(len(run), 'resource')}{owner} made", Style.ADD, colour)
    return f"{plain(first.at)}  {text}  {paint(_because(first), Style.DIM, colour)}"


def _event_lines(event: _Event, colour: bool, with_wizard: bool) -> Iterator[str]:
    first = event.first
    if first.operation == _SEEN:
        yield f"{plain(first.at)}  saw: {shorten(plain(first.detail or first.reason), _TEXT_LIMIT)}"
        return
    if first.operation == _TOLD:
        name = f"{plain(first.wizard)} " if first.wizard and with_wizard else ""
        yield f"{plain(first.at)}  {name}{shorten(plain(first.reason), _LONG)}"
        return
    mark = _mark(first)
    text = paint(f"{mark.value} {first.action or first.operation} {first.key}", STYLES[mark], colour)
    yield f"{plain(first.at)}  {text}  {paint(_because(first), Style.DIM, colour)}".rstrip()
    indent = " " * 6
    for path, before, after in first.fields:
        yield indent + _field(path, before, after)
    for step in event.steps:
        if step.detail or step.result != _DONE:
            style = Style.ALERT if event.failed else Style.NONE
            detail = f": {shorten(plain(step.detail), _TEXT_LIMIT)}" if step.detail else ""
            yield indent + paint(f"{step.operation} {step.result or 'not finished'}{detail}", style, colour)


def _mark(line: HistoryLine) -> Mark:
    signs = {action.value: SIGNS[action] for action in Action}
    return Mark(signs.get(line.action, Mark.NONE.value))


def _because(line: HistoryLine) -> str:
    text = _cause(line)
    return f"({text})" if text else ""


def _cause(line: HistoryLine) -> str:
    """The reason, and the commit where the reason names none."""
    reason, commit = _reason(line), commit_name(line.commit) if line.commit else ""
    return ", ".join(part for part in (reason, "" if "commit " in reason else commit) if part)


def _reason(line: HistoryLine) -> str:
    return shorten(plain(line.reason), _TEXT_LIMIT)


def _field(path: str, before: str, after: str) -> str:
    old, new = (shorten(plain(side), 80) for side in (before, after))
    if not before or not after:
        return f"{'+' if not before else '-'} {plain(path)}: {new or old}"
    return f"{plain(path)}: {new}" if old == new else f"{plain(path)}: {old} -> {new}"


def _pass_line(one: PassLine, colour: bool) -> str:
    took = f" in {plain(one.took)}" if one.took else ""
    head = paint(f"{one.at}  pass {one.pass_id}", Style.BOLD, colour)
    commit = f", {commit_name(one.commit)}" if one.commit else ""
    result = paint(one.result or "not finished", Style.NONE if one.result == _DONE else Style.ALERT, colour)
    summary = f": {shorten(plain(one.summary), _TEXT_LIMIT)}" if one.summary else ""
    return f"{head} ({plain(one.trigger)}{commit}) {result}{took}{summary}"
