"""Generations, quarantines and counts of changes that came back, in SQLite.

What a generation is never changes, so each is decoded once in the life of a process; what changes is which of them its
wizard was last healthy on, and which a person has rolled back from.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Set
from dataclasses import replace

from reconciler.plan.codec import GENERATION, SECRET_TEXTS
from reconciler.plan.held import Generation, Quarantine, Repeat, Start

KEPT = 5
"""Generations of a wizard that a pass looks at; older ones stay in the file."""


class Trust:
    """What was read so far; guarded by its database's lock."""

    def __init__(self) -> None:
        self._decoded: dict[tuple[str, int], Generation] = {}

    def generations(self, connection: sqlite3.Connection) -> dict[str, tuple[Generation, ...]]:
        rows = connection.execute(
            "SELECT wizard, number, rejected FROM (SELECT wizard, number, rejected, stood, row_number() OVER "
            "(PARTITION BY wizard ORDER BY stood DESC, number DESC) AS place FROM generation) WHERE place <= ? "
            "ORDER BY wizard, place",
            (KEPT,),
        ).fetchall()
        known = {row[:2] for row in rows}
        self._decoded = {key: one for key, one in self._decoded.items() if key in known}  # a name may be used anew
        found: dict[str, tuple[Generation, ...]] = {}
        for wizard, number, rejected in rows:
            found[wizard] = (*found.get(wizard, ()), self._one(connection, wizard, number, rejected=bool(rejected)))
        return found

    def _one(self, connection: sqlite3.Connection, wizard: str, number: int, *, rejected: bool) -> Generation:
        one = self._decoded.get((wizard, number))
        if one is None:
            query = "SELECT body FROM generation WHERE wizard = ? AND number = ?"
            (body,) = connection.execute(query, (wizard, number)).fetchone()
            one = GENERATION.decode(body)
        if one.rejected != rejected:
            one = replace(one, rejected=rejected)
        self._decoded[wizard, number] = one
        return one


def quarantines(connection: sqlite3.Connection) -> dict[str, Quarantine]:
    """Names of wizards hold no spaces."""
    query = "SELECT wizard, expansion, revision, reason, since, by_hand, secrets, ring, follows, canary, fell, "
    query += "beside FROM quarantine"
    found = {}
    for wizard, expansion, commit, reason, since, by_hand, secrets, *rest in connection.execute(query):
        ring, follows, canary, fell, beside = rest
        more = SECRET_TEXTS.decode(secrets), tuple(ring.split()), tuple(follows.split()), bool(canary), bool(fell)
        found[wizard] = Quarantine(wizard, expansion, commit, reason, since, bool(by_hand), *more, beside)
    return found


def repeats(connection: sqlite3.Connection) -> dict[str, Repeat]:
    rows = connection.execute("SELECT key, digest, count FROM repeat")
    return {key: Repeat(digest, count) for key, digest, count in rows}


def starts(connection: sqlite3.Connection) -> dict[str, Start]:
    rows = connection.execute("SELECT key, started, proven, soaks, log FROM start")
    return {key: Start(started, bool(proven), bool(soaks), log) for key, started, proven, soaks, log in rows}


def add_start(connection: sqlite3.Connection, key: str, start: Start) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO start (key, started, proven, soaks, log) VALUES (?, ?, ?, ?, ?)",
        (key, start.started, int(start.proven), int(start.soaks), start.log),
    )


def add_generation(connection: sqlite3.Connection, generation: Generation) -> None:
    connection.execute(
        "INSERT INTO generation (wizard, number, body, rejected) VALUES (?, ?, ?, ?)",
        (generation.wizard, generation.number, GENERATION.encode(generation), int(generation.rejected)),
    )
    stand(connection, generation.wizard, generation.number)


def stand(connection: sqlite3.Connection, wizard: str, number: int) -> None:
    connection.execute(
        "UPDATE generation SET stood = (SELECT max(stood) FROM generation WHERE wizard = ?1) + 1 "
        "WHERE wizard = ?1 AND number = ?2",
        (wizard, number),
    )


def reject(connection: sqlite3.Connection, wizard: str, numbers: Set[int]) -> None:
    connection.execute("UPDATE generation SET rejected = 0 WHERE wizard = ?", (wizard,))
    rows = [(wizard, number) for number in numbers]
    connection.executemany("UPDATE generation SET rejected = 1 WHERE wizard = ? AND number = ?", rows)


def add_quarantine(connection: sqlite3.Connection, one: Quarantine) -> None:
    secrets = SECRET_TEXTS.encode(one.secrets)
    connection.execute(
        "INSERT OR REPLACE INTO quarantine "
        "(wizard, expansion, revision, reason, since, by_hand, secrets, ring, follows, canary, fell, beside) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*(one.wizard, one.expansion, one.commit, one.reason, one.since), int(one.by_hand), secrets, *_more(one)),
    )


def _more(one: Quarantine) -> tuple[str, str, int, int, str]:
    return " ".join(one.ring), " ".join(one.follows), int(one.canary), int(one.fell), one.beside


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
