"""What an error of SQLite means to a person: broken file, full disk, somebody else's lock.

Not done here: bugs. A violated constraint or a wrong statement is ours and escapes as it is.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from reconciler.errors import Retryable, Terminal

_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_CLOSED_DOOR = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_CANTOPEN}
_OURS = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError)


def translated(error: sqlite3.Error, path: Path) -> Exception:
    """The error to raise instead: Terminal for a broken file, Retryable for what stands in the way, and the same error
    for a bug."""
    if isinstance(error, _OURS):
        return error
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _BROKEN:
        return broken(path, str(error))
    if code == sqlite3.SQLITE_ERROR and str(error).startswith(("no such table", "no such column", "malformed")):
        return broken(path, str(error))
    if code == sqlite3.SQLITE_ERROR:
        return error
    return _in_the_way(code, error, path)


def _in_the_way(code: int, error: sqlite3.Error, path: Path) -> Retryable:
    where = str(path)
    if code == sqlite3.SQLITE_FULL:
        return Retryable("the disk is full", where=where, mend="free some space; the next pass goes on")
    if code in _LOCKED:
        return Retryable(
            f"another process keeps the ledger locked ({error})",
            where=where,
            mend="wait for it, or see which one it is with `fuser`",
        )
    if code in _CLOSED_DOOR:
        return Retryable(
            f"the ledger can't be opened or written ({error})",
            where=where,
            mend="check the owner and mode of the file and its folder, and that the disk is not mounted read-only",
        )
    return Retryable(f"the ledger can't be read or written ({error})", where=where, mend="check the disk")


def broken(path: Path, why: str) -> Terminal:
    """A file that can't be used as a ledger, with the way out that loses no wizard."""
    return Terminal(
        f"the ledger is damaged or is not a ledger: {why}",
        where=str(path),
        mend=f"move {path.name}, {path.name}-wal and {path.name}-shm aside together, or put a backup in their place; "
        "nothing on the host is deleted: without a ledger the next pass meets every file again as a first meeting",
    )
