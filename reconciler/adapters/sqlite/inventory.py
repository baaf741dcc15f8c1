"""The inventory in SQLite: what is held, what is in the attic, who is paused.

Reading is incremental: an unchanged row is decoded once in the life of a process and stays the same `Held` object, and
`records` stays the same object while nothing changed, so that a pass can compare by identity.
"""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from reconciler.adapters.sqlite import presence
from reconciler.adapters.sqlite.trust import (
    Trust,
    add_generation,
    add_start,
    quarantines,
    rename,
    repeats,
    starts,
)
from reconciler.errors import Terminal
from reconciler.plan.codec import HELD
from reconciler.plan.held import Held, Pause, Records, Stored
from reconciler.protocols.ledger import Update

MANY = 500
"""Rows from which on the garbage collector would cost more than the decoding."""


class Inventory:
    """What was read so far. Not safe for threads by itself: its database's lock guards it."""

    def __init__(self) -> None:
        self._rows: dict[int, tuple[str, Held]] = {}
        self._newest = 0
        self._stamp: tuple[int, int] | None = None
        self._dirty = True
        self._records = Records()
        self._trust = Trust()

    def touch(self) -> None:
        """Something was written through our own connection, which `data_version` does not tell."""
        self._dirty = True

    def read(self, connection: sqlite3.Connection, opened: int) -> Records:
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        stamp = (opened, version)
        if stamp == self._stamp and not self._dirty:
            return self._records
        if self._stamp is None or self._stamp[0] != opened:
            self._rows, self._newest = {}, 0
        held = self._held(connection)
        attic = {w: Stored(w, path, original) for w, path, original in connection.execute("SELECT * FROM attic")}
        pauses = {w: Pause(w, reason, since) for w, reason, since in connection.execute("SELECT * FROM pause")}
        old = self._records
        new = Records(
            old.held if held is None else held,
            attic,
            pauses,
            self._trust.generations(connection),
            quarantines(connection),
            repeats(connection),
            starts=starts(connection),
        )
        if held is not None or _rest(new) != _rest(old):
            self._records = new
        self._stamp, self._dirty = stamp, False
        return self._records

    def _held(self, connection: sqlite3.Connection) -> dict[str, Held] | None:
        """The held entries, or None when they are as they were."""
        fresh = connection.execute(
            "SELECT seq, key, body FROM held WHERE seq > ? ORDER BY seq", (self._newest,)
        ).fetchall()
        (count,) = connection.execute("SELECT count(*) FROM held").fetchone()
        if not fresh and count == len(self._rows) == len(self._records.held):
            return None
        with _no_collection(len(fresh)):
            decoded = {seq: (key, _decoded(key, body)) for seq, key, body in fresh}
        self._rows |= decoded
        self._newest = max(decoded, default=self._newest)
        if count != len(self._rows):
            there = {seq for (seq,) in connection.execute("SELECT seq FROM held")}
            self._rows = {seq: row for seq, row in self._rows.items() if seq in there}
        return dict(self._rows.values())


def _rest(records: Records) -> tuple[object, ...]:
    """All but the held entries, which tell for themselves whether they changed."""
    return records.attic, records.pauses, records.generations, records.quarantines, records.repeats, records.starts


def record(connection: sqlite3.Connection, update: Update) -> None:
    """Writes what a step changed, inside the caller's transaction. An entry that is as it was keeps its row."""
    for key, held in update.hold:
        body = HELD.encode(held)
        connection.execute(
            "INSERT OR REPLACE INTO held (key, body) "
            "SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM held WHERE key = ?1 AND body = ?2)",
            (key, body),
        )
    connection.executemany(
        "INSERT OR REPLACE INTO held (key, body) SELECT key, body FROM held WHERE key = ?",
        [(key,) for key in update.used],
    )
    connection.executemany("DELETE FROM held WHERE key = ?", [(key,) for key in update.drop])
    connection.executemany(
        "INSERT OR REPLACE INTO attic (wizard, path, original) VALUES (?, ?, ?)",
        [(stored.wizard, stored.path, stored.original) for stored in update.stored],
    )
    connection.executemany("DELETE FROM attic WHERE wizard = ?", [(wizard,) for wizard in update.returned])
    for old, new in update.renamed:
        rename(connection, old, new)
        presence.rename(connection, old, new)
    for generation in reversed(update.generations):
        add_generation(connection, generation)
    for key, start in update.starts:
        add_start(connection, key, start)


def _decoded(key: str, body: str) -> Held:
    try:
        return HELD.decode(body)
    except Terminal as error:
        raise Terminal(f"{key}: {error.what}") from error


@contextmanager
def _no_collection(count: int) -> Iterator[None]:
    """No garbage collection while many long-lived objects are made: it triples the time and finds nothing."""
    if count < MANY or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
