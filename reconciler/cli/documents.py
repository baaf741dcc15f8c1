"""History and logs as JSON documents with stable keys, and as the lines that render/ puts on a page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconciler.render.document import Document, Json
from reconciler.render.history import HistoryLine, PassLine

if TYPE_CHECKING:
    from reconciler.protocols.ledger import Entry, Pass

FORMAT = 1


def local(seconds: float) -> str:
    """ISO 8601 in the reader's zone, whole seconds."""
    return datetime.fromtimestamp(seconds, UTC).astimezone().isoformat(timespec="seconds")


def _utc(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def history_line(entry: Entry) -> HistoryLine:
    return HistoryLine(
        entry.pass_id,
        local(entry.at),
        entry.wizard,
        entry.key,
        entry.operation,
        entry.action,
        entry.commit,
        entry.reason,
        entry.fields,
        entry.result.value if entry.result else "",
        entry.detail,
    )


def pass_line(one: Pass) -> PassLine:
    took = "" if one.ended is None else f"{max(one.ended - one.at, 0.0):.1f} s"
    result = one.result.value if one.result else ""
    return PassLine(one.id, local(one.at), took, one.commit, one.trigger, result, one.summary)


def why_document(wizard: str, entries: Sequence[Entry]) -> Document:
    return {"format": FORMAT, "wizard": wizard, "entries": [_entry(entry) for entry in entries]}


def history_document(wizard: str | None, passes: Sequence[Pass], entries: Sequence[Entry]) -> Document:
    """Passes newest first, each with its entries, newest first; `wizard` is null for all."""
    return {
        "format": FORMAT,
        "wizard": wizard,
        "passes": [_pass(one, [entry for entry in entries if entry.pass_id == one.id]) for one in passes],
    }


def logs_document(wizard: str, path: str, lines: Sequence[str]) -> Document:
    return {"format": FORMAT, "wizard": wizard, "path": path, "lines": list(lines)}


def _pass(one: Pass, entries: Sequence[Entry]) -> Json:
    return {
        "id": one.id,
        "at": _utc(one.at),
        "ended": _utc(one.ended),
        "commit": one.commit,
        "trigger": one.trigger,
        "result": one.result.value if one.result else None,
        "summary": one.summary,
        "entries": [_entry(entry) for entry in entries],
    }


def _entry(entry: Entry) -> Json:
    return {
        "id": entry.id,
        "pass": entry.pass_id,
        "at": _utc(entry.at),
        "ended": _utc(entry.ended),
        "wizard": entry.wizard,
        "key": entry.key,
        "operation": entry.operation,
        "action": entry.action,
        "commit": entry.commit,
        "reason": entry.reason,
        "fields": [{"path": path, "before": before, "after": after} for path, before, after in entry.fields],
        "result": entry.result.value if entry.result else None,
        "detail": entry.detail,
    }
