"""Generations, quarantines and counts of changes that came back, in SQLite.

Rows of generations never change, so each is decoded once in the life of a process.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from reconciler.plan.codec import GENERATION
from reconciler.plan.held import Generation, Quarantine, Repeat, Start

KEPT = 5
"""Generations of a wizard that a pass looks at; older ones stay in the file."""


class Trust:
    """What was read so far; guarded by its database's lock."""

    def __init__(self) -> None:
        self._decoded: dict[tuple[str, int], Generation] = {}

    def generations(self, connection: sqlite3.Connection) -> dict[str, tuple[Generation, ...]]:
        rows = connection.execute(
            "SELECT wizard, number FROM (SELECT wizard, number, row_number() OVER "
            "(PARTITION BY wizard ORDER BY number DESC) AS place FROM generation) WHERE place <= ? "
            "ORDER BY wizard, number DESC",
            (KEPT,),
        ).fetchall()
        self._decoded = {row: self._decoded[row] for row in rows if row in self._decoded}  # a name may be used anew
        found: dict[str, tuple[Generation, ...]] = {}
        for wizard, number in rows:
            found[wizard] = (*found.get(wizard, ()), self._one(connection, wizard, number))
        return found

    def _one(self, connection: sqlite3.Connection, wizard: str, number: int) -> Generation:
        if (wizard, number) not in self._decoded:
            query = "SELECT body FROM generation WHERE wizard = ? AND number = ?"
            (body,) = connection.execute(query, (wizard, number)).fetchone()
            self._decoded[wizard, number] = GENERATION.decode(body)
        return self._decoded[wizard, number]


def quarantines(connection: sqlite3.Connection) -> dict[str, Quarantine]:
    """Names of wizards hold no spaces."""
    query = "SELECT wizard, expansion, revision, reason, since, by_hand, ring, follows FROM quarantine"
    found = {}
    for wizard, expansion, commit, reason, since, by_hand, ring, follows in connection.execute(query):
        ties = tuple(ring.split()), tuple(follows.split())
        found[wizard] = Quarantine(wizard, expansion, commit, reason, since, bool(by_hand), *ties)
    return found


def repeats(connection: sqlite3.Connection) -> dict[str, Repeat]:
    rows = connection.execute("SELECT key, digest, count FROM repeat")
    return {key: Repeat(digest, count) for key, digest, count in rows}


def starts(connection: sqlite3.Connection) -> dict[str, Start]:
    rows = connection.execute("SELECT key, started, proven FROM start")
    return {key: Start(started, bool(proven)) for key, started, proven in rows}


def add_start(connection: sqlite3.Connection, key: str, start: Start) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO start (key, started, proven) VALUES (?, ?, ?)",
        (key, start.started, int(start.proven)),
    )


def add_generation(connection: sqlite3.Connection, generation: Generation) -> None:
    connection.execute(
        "INSERT INTO generation (wizard, number, body) VALUES (?, ?, ?)",
        (generation.wizard, generation.number, GENERATION.encode(generation)),
    )


def add_quarantine(connection: sqlite3.Connection, one: Quarantine) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO quarantine (wizard, expansion, revision, reason, since, by_hand, ring, follows) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (*(one.wizard, one.expansion, one.commit, one.reason, one.since), int(one.by_hand), *_ring(one)),
    )


def _ring(one: Quarantine) -> tuple[str, str]:
    return " ".join(one.ring), " ".join(one.follows)


def release(connection: sqlite3.Connection, wizard: str) -> bool:
    lifted = connection.execute("DELETE FROM quarantine WHERE wizard = ?", (wizard,)).rowcount
    pattern = f"wizard/{wizard}/%"
    return lifted + connection.execute("DELETE FROM repeat WHERE key LIKE ?", (pattern,)).rowcount > 0


def rename(connection: sqlite3.Connection, old: str, new: str) -> None:
    """Forgets what is known under both names, but for a quarantine of the new one: that is about what Git declares."""
    release(connection, old)
    for wizard in (old, new):
        connection.execute("DELETE FROM generation WHERE wizard = ?", (wizard,))
        for table in ("repeat", "start"):
            connection.execute(f"DELETE FROM {table} WHERE key LIKE ?", (f"wizard/{wizard}/%",))  # noqa: S608 - constants


def replace_repeats(connection: sqlite3.Connection, counts: Mapping[str, Repeat]) -> None:
    connection.execute("DELETE FROM repeat")
    rows = [(key, repeat.digest, repeat.count) for key, repeat in counts.items()]
    connection.executemany("INSERT INTO repeat (key, digest, count) VALUES (?, ?, ?)", rows)
