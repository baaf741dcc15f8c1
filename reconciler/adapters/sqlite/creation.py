"""A new ledger file: built under a temporary name, then put in place whole; never over another one."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from reconciler.adapters.sqlite.schema import APPLICATION_ID, MIGRATIONS, VERSION
from reconciler.errors import Terminal

_TEMPORARY = ".new"
OLDEST_SQLITE = (3, 37, 0)
"""The first with STRICT tables."""


def create(path: Path) -> None:
    """Makes the ledger at `path`, 0600, in a folder that is 0700 when it is made here."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise Terminal(f"SQLite {sqlite3.sqlite_version} is too old", mend="run with SQLite 3.37 or newer")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _set_leftovers_aside(path)
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=_TEMPORARY, dir=path.parent)
    os.close(descriptor)
    temporary = Path(name)
    try:
        _build(temporary)
        _sync(temporary)
        _put(temporary, path)
        _sync(path.parent)
    except (OSError, sqlite3.OperationalError):
        if not path.exists():
            raise
        # Another process was faster, and took our temporary file for a leftover; that one's ledger counts.
    finally:
        # SQLite's own files as well: it leaves them when the disk fails while it builds.
        for suffix in ("", "-journal", "-wal", "-shm"):
            temporary.with_name(temporary.name + suffix).unlink(missing_ok=True)


def clear_leftovers(path: Path) -> None:
    """Removes what was left where the making of a ledger was killed, with SQLite's own files. There is one by now."""
    for leftover in path.parent.glob(f"{path.name}.{'?' * 8}{_TEMPORARY}*"):
        leftover.unlink(missing_ok=True)


def _build(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.executescript("".join(MIGRATIONS))
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("PRAGMA journal_mode = WAL")


def _put(temporary: Path, path: Path) -> None:
    """Gives the file its name unless another process was faster; then that one's file counts."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        if not path.exists():
            temporary.rename(path)


def _set_leftovers_aside(path: Path) -> None:
    """The log of a ledger that was moved away without it must not be replayed into the new one."""
    for suffix in ("-wal", "-shm"):
        leftover = path.with_name(path.name + suffix)
        if leftover.exists() and not path.exists():
            leftover.rename(leftover.with_name(f"{leftover.name}.{leftover.stat().st_mtime_ns}.left"))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
