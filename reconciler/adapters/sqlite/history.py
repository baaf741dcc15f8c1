"""History in SQLite: passes, entries, and the intents that are still open. Nothing is ever deleted from it.

Each function works inside the caller's transaction. Not done here: the inventory.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from reconciler.adapters.sqlite import readable
from reconciler.errors import Terminal
from reconciler.plan.change import Change, Step
from reconciler.plan.codec import Codec
from reconciler.protocols.ledger import Entry, Intent, Pass, Result, Update

STEP: Codec[Step] = Codec(Step, "step")
CHANGE: Codec[Change] = Codec(Change, "change")
UPDATE: Codec[Update] = Codec(Update, "inventory update")
SHOWN: Codec[tuple[tuple[str, str, str], ...]] = Codec(tuple[tuple[str, str, str], ...], "list of fields")

_ENTRY_COLUMNS = "id, pass_id, at, ended, wizard, key, operation, action, revision, reason, fields, result, detail"
_RUN_COLUMNS = "id, at, ended, revision, woken_by, result, summary"
_LARGEST = 2**63 - 1


def add_pass(connection: sqlite3.Connection, at: float, commit: str, trigger: str) -> int:
    """Opens a pass. An earlier one that is still open was killed: there is one reconciler a host."""
    close_passes(connection)
    cursor = connection.execute(
        "INSERT INTO pass (at, revision, woken_by, summary) VALUES (?, ?, ?, '')", (at, commit, trigger)
    )
    return _new_id(cursor)


def has_open_pass(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM pass WHERE result IS NULL LIMIT 1").fetchone() is not None


def close_passes(connection: sqlite3.Connection) -> None:
    connection.execute(
        "UPDATE pass SET result = ?, summary = 'interrupted' WHERE result IS NULL", (Result.INTERRUPTED.value,)
    )


def end_pass(connection: sqlite3.Connection, pass_id: int, at: float, result: Result, summary: str) -> None:
    cursor = connection.execute(
        "UPDATE pass SET ended = ?, result = ?, summary = ? WHERE id = ?", (at, result.value, summary, pass_id)
    )
    _one(cursor, f"pass {pass_id}")


def add_intent(connection: sqlite3.Connection, intent: Intent, at: float, commit: str) -> int:
    """Writes the intent and its open entry; `intent.id` is not used. Returns the id."""
    step, change = intent.step, intent.change
    entry = Entry(
        id=0,
        pass_id=intent.pass_id,
        at=at,
        ended=None,
        wizard=step.wizard,
        key=step.key,
        operation=step.operation.value,
        action=change.action.value,
        commit=commit,
        reason=readable.reason(change),
        fields=readable.fields(change),
        result=None,
        detail="",
    )
    identity = add_entry(connection, entry)
    connection.execute(
        "INSERT INTO intent (entry_id, step, change, inventory) VALUES (?, ?, ?, ?)",
        (identity, STEP.encode(step), CHANGE.encode(change), UPDATE.encode(intent.update)),
    )
    return identity


def add_entry(connection: sqlite3.Connection, entry: Entry) -> int:
    """Writes the entry; `entry.id` is not used. Returns the id."""
    cursor = connection.execute(
        f"INSERT INTO entry ({_ENTRY_COLUMNS}) VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constant names
        (
            entry.pass_id,
            entry.at,
            entry.ended,
            entry.wizard,
            entry.key,
            entry.operation,
            entry.action,
            entry.commit,
            entry.reason,
            SHOWN.encode(entry.fields),
            entry.result.value if entry.result else None,
            entry.detail,
        ),
    )
    return _new_id(cursor)


def end_intent(connection: sqlite3.Connection, intent: int, at: float, result: Result, detail: str) -> None:
    cursor = connection.execute(
        "UPDATE entry SET ended = ?, result = ?, detail = ? WHERE id = ?", (at, result.value, detail, intent)
    )
    _one(cursor, f"intent {intent}")


def open_intents(connection: sqlite3.Connection) -> tuple[Intent, ...]:
    rows = connection.execute(
        "SELECT entry.id, pass_id, step, change, inventory FROM entry JOIN intent ON entry_id = entry.id "
        "WHERE result IS NULL ORDER BY entry.id"
    )
    return tuple(
        Intent(identity, pass_id, STEP.decode(step), CHANGE.decode(change), UPDATE.decode(update))
        for identity, pass_id, step, change, update in rows
    )


def entries(
    connection: sqlite3.Connection, wizard: str | None, limit: int, before: int | None = None
) -> tuple[Entry, ...]:
    """Newest first; `before`: only those with a smaller id."""
    chosen, values = ("", ()) if wizard is None else ("wizard = ? AND ", (wizard,))
    rows = connection.execute(
        f"SELECT {_ENTRY_COLUMNS} FROM entry WHERE {chosen}id < ? ORDER BY id DESC LIMIT ?",  # noqa: S608 - constant names
        (*values, _below(before), limit),
    )
    return tuple(_entry(row) for row in rows)


def entries_of(connection: sqlite3.Connection, pass_id: int) -> tuple[Entry, ...]:
    """Oldest first."""
    rows = connection.execute(
        f"SELECT {_ENTRY_COLUMNS} FROM entry WHERE pass_id = ? ORDER BY id",  # noqa: S608 - constant names
        (_fitting(pass_id),),
    )
    return tuple(_entry(row) for row in rows)


def passes(connection: sqlite3.Connection, limit: int, before: int | None = None) -> tuple[Pass, ...]:
    """Newest first; `before`: only those with a smaller id."""
    rows = connection.execute(
        f"SELECT {_RUN_COLUMNS} FROM pass WHERE id < ? ORDER BY id DESC LIMIT ?",  # noqa: S608 - constant names
        (_below(before), limit),
    )
    return tuple(_pass(row) for row in rows)


def pass_(connection: sqlite3.Connection, pass_id: int) -> Pass | None:
    query = f"SELECT {_RUN_COLUMNS} FROM pass WHERE id = ?"  # noqa: S608 - constant names
    row = connection.execute(query, (_fitting(pass_id),)).fetchone()
    return _pass(row) if row else None


def _below(before: int | None) -> int:
    return _LARGEST if before is None else _fitting(before)


def _fitting(number: int) -> int:
    """A number that SQLite can hold: ids come from addresses that people type."""
    return max(-1, min(number, _LARGEST))


def _pass(row: tuple[Any, ...]) -> Pass:
    identity, at, ended, commit, trigger, result, summary = row
    return Pass(identity, at, ended, commit, trigger, _result(result), summary)


def _entry(row: tuple[Any, ...]) -> Entry:  # the columns of an entry; STRICT tables hold to their types
    identity, pass_id, at, ended, wizard, key, operation, action, commit, reason, shown, result, detail = row
    return Entry(
        identity,
        pass_id,
        at,
        ended,
        wizard,
        key,
        operation,
        action,
        commit,
        reason,
        SHOWN.decode(shown),
        _result(result),
        detail,
    )


def _result(text: str | None) -> Result | None:
    try:
        return None if text is None else Result(text)
    except ValueError as error:
        raise Terminal(f"{text!r} is no result of a step") from error


def _new_id(cursor: sqlite3.Cursor) -> int:
    if cursor.lastrowid is None:
        raise RuntimeError("SQLite told no row id")
    return cursor.lastrowid


def _one(cursor: sqlite3.Cursor, what: str) -> None:
    if cursor.rowcount != 1:
        raise Terminal(f"{what} is not in it; was the file replaced while reconciler was running?")
