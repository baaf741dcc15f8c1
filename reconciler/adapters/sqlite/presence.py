"""When each wizard was up, down or could not be observed, in SQLite: one row for each time in one state.

The row of now has no end: it reaches to the last look, which is one number for all wizards, so that a look that saw
nothing new writes at most that number, at most once a minute. Rows are deleted when they are older than 90 days.
Not done here: what a state counts as (plan/presence.py).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from reconciler.errors import Terminal
from reconciler.plan.presence import GAP, KEPT, Presence, Uptime, uptime

PACE = 60.0
"""Seconds between two writes while no state changes."""


class Looks:
    """When the last look was, which may be a little after what was written."""

    def __init__(self) -> None:
        self._last: tuple[int, float] | None = None

    def seen(self, connection: sqlite3.Connection, opened: int) -> float | None:
        """The last look; None before the first. `opened` tells the file from one that was there before."""
        row = connection.execute("SELECT seen FROM watch").fetchone()
        if row is None:
            return None
        written = float(row[0])
        ours = self._last is not None and self._last[0] == opened and self._last[1] - written <= PACE
        return max(written, self._last[1]) if ours and self._last else written

    def looked(self, opened: int, at: float) -> None:
        self._last = (opened, at)


def watched(states: Mapping[str, str]) -> dict[str, str]:
    """What is written of a look: the time that nobody watched has no row."""
    known = {wizard: Presence(state) for wizard, state in states.items()}
    return {wizard: state.value for wizard, state in known.items() if state is not Presence.UNWATCHED}


def due(connection: sqlite3.Connection, seen: float | None, at: float, states: Mapping[str, str]) -> bool:
    """Whether a look has anything to write."""
    if seen is None or not 0 <= at - seen <= GAP or _now(connection) != states:
        return True
    (written,) = connection.execute("SELECT seen FROM watch").fetchone()
    return bool(at - written >= PACE)


def look(connection: sqlite3.Connection, seen: float | None, at: float, states: Mapping[str, str]) -> None:
    """Writes a look. A state lasts until the next look says another."""
    before = _now(connection)
    gap = seen is not None and not 0 <= at - seen <= GAP
    over = [wizard for wizard, state in before.items() if gap or states.get(wizard) != state]
    end = seen if gap else at
    connection.executemany(
        "UPDATE presence SET ended = max(began, ?) WHERE wizard = ? AND ended IS NULL", [(end, name) for name in over]
    )
    fresh = [(wizard, at, state) for wizard, state in states.items() if gap or before.get(wizard) != state]
    connection.executemany("INSERT OR REPLACE INTO presence (wizard, began, state) VALUES (?, ?, ?)", fresh)
    connection.execute("INSERT OR REPLACE INTO watch (one, seen) VALUES (1, ?)", (at,))
    connection.execute("DELETE FROM presence WHERE ended < ?", (at - KEPT,))


def read(connection: sqlite3.Connection, wizard: str, since: float, seen: float | None, now: float) -> Uptime:
    """The time from `since` to `now`; what comes after the last look is not known yet."""
    rows = connection.execute(
        "SELECT began, coalesce(ended, ?2), state FROM presence WHERE wizard = ?1 AND coalesce(ended, ?2) >= ?3 "
        "ORDER BY began, rowid",
        (wizard, seen or 0.0, since),
    )
    return uptime(tuple((began, ended, _state(state)) for began, ended, state in rows), since, now)


def rename(connection: sqlite3.Connection, old: str, new: str) -> None:
    connection.execute("UPDATE OR REPLACE presence SET wizard = ? WHERE wizard = ?", (new, old))


def _now(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT wizard, state FROM presence WHERE ended IS NULL").fetchall())


def _state(text: str) -> Presence:
    try:
        return Presence(text)
    except ValueError as error:
        raise Terminal(f"{text!r} is no presence of a wizard") from error
