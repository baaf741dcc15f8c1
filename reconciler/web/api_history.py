"""History in the API: passes and their steps, in the shape of `reconciler history --json`, page by page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import Field as Named

from reconciler.engine.status import iso
from reconciler.errors import Terminal
from reconciler.protocols.ledger import Result
from reconciler.spec.words import shown
from reconciler.web.api_problem import ApiProblem
from reconciler.web.api_shape import FORMAT, Commit, Format, Many, Moment, Shape, words_of

if TYPE_CHECKING:
    from reconciler.engine.daemon import Daemon
    from reconciler.protocols.ledger import Entry as Line
    from reconciler.protocols.ledger import Pass as Made
    from reconciler.web.api_operation import Asked


_ID = re.compile(r"[0-9]{1,18}", re.ASCII)


class EntryField(Shape):
    """One value before and after, readable; secrets are masked."""

    path: str
    before: str
    after: str


class Entry(Shape):
    """One step that was done, seen or told. `result` is null while it is under way."""

    id: int
    pass_id: Annotated[int, Named(alias="pass")]
    at: Moment
    ended: Moment | None
    wizard: str | None
    key: str
    operation: str
    action: str
    commit: Commit
    reason: str
    fields: Many[EntryField]
    result: Annotated[str, words_of(Result)] | None
    detail: str


class Pass(Shape):
    """One pass that had something to do. `result` is null while it runs."""

    id: int
    at: Moment
    ended: Moment | None
    commit: Commit
    trigger: str
    result: Annotated[str, words_of(Result)] | None
    summary: str


class TimelineAnswer(Shape):
    """What happened to a wizard, newest first; `next` is the `before` of the next page, null at the end."""

    format: Format
    wizard: str
    entries: Many[Entry]
    next: int | None


class PassesAnswer(Shape):
    """Passes, newest first; `next` is the `before` of the next page, null at the end."""

    format: Format
    passes: Many[Pass]
    next: int | None


class PassAnswer(Shape):
    """One pass with all its steps, oldest first."""

    format: Format
    made: Annotated[Pass, Named(alias="pass")]
    entries: Many[Entry]


def passes(daemon: Daemon, asked: Asked) -> PassesAnswer:
    limit = asked.numbers["limit"]
    found = daemon.host.ledger.passes(limit, asked.numbers["before"] or None)
    following = found[-1].id if len(found) == limit else None
    return PassesAnswer(format=FORMAT, passes=tuple(map(_pass, found)), next=following)


def one_pass(daemon: Daemon, asked: Asked) -> PassAnswer:
    given = asked.names["id"]
    found = daemon.host.ledger.pass_(int(given)) if _ID.fullmatch(given) else None
    if found is None:
        words = Terminal(f"there is no pass {shown(given)}", mend="GET /api/v1/passes lists them")
        raise ApiProblem.of(words, 404)
    entries = daemon.host.ledger.entries_of(found.id)
    return PassAnswer(format=FORMAT, made=_pass(found), entries=tuple(map(entry, entries)))


def page(daemon: Daemon, wizard: str, limit: int, before: int) -> tuple[tuple[Entry, ...], int | None]:
    """One page of a wizard's story, and where the next one begins."""
    found = daemon.host.ledger.entries(wizard, limit, before or None)
    return tuple(map(entry, found)), found[-1].id if len(found) == limit else None


def entry(line: Line) -> Entry:
    return Entry(
        id=line.id,
        pass_id=line.pass_id,
        at=iso(line.at),
        ended=None if line.ended is None else iso(line.ended),
        wizard=line.wizard,
        key=line.key,
        operation=line.operation,
        action=line.action,
        commit=line.commit,
        reason=line.reason,
        fields=tuple(EntryField(path=path, before=before, after=after) for path, before, after in line.fields),
        result=line.result.value if line.result else None,
        detail=line.detail,
    )


def _pass(made: Made) -> Pass:
    return Pass(
        id=made.id,
        at=iso(made.at),
        ended=None if made.ended is None else iso(made.ended),
        commit=made.commit,
        trigger=made.trigger,
        result=made.result.value if made.result else None,
        summary=made.summary,
    )
