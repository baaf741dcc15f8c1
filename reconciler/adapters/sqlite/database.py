"""One SQLite file: made whole, opened, checked, migrated; transactions for threads and processes.

One connection behind a lock serves all threads of a process; other processes read at the same time (WAL: a reader
changes nothing, but SQLite keeps a -wal and a -shm file beside the database while anyone uses it). Every commit
is on the disk before the call returns (synchronous=FULL), because an intent must survive what follows it.
The file is never opened but by SQLite: closing any other descriptor of it would drop SQLite's POSIX locks.
Not done here: what the rows mean.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.adapters.disk_errors import disk_error
from reconciler.adapters.sqlite.creation import clear_leftovers, create
from reconciler.adapters.sqlite.failure import broken, translated
from reconciler.adapters.sqlite.schema import APPLICATION_ID, MIGRATIONS, TABLES, VERSION
from reconciler.errors import Terminal


class Database:
    """Opened at first use, and opened anew when the file was moved aside or replaced under a running daemon: `opened`
    counts that. Read-only, a missing file is no error: `reading` then yields None."""

    def __init__(self, path: Path, *, readonly: bool, patience: float) -> None:
        self.path = path
        self.opened = 0
        self._readonly = readonly
        self._patience = patience
        self._guard = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """A connection that sees one moment of the database, whatever others commit meanwhile."""
        with self._guard, self._told():
            connection = self._current()
            if connection is None:
                yield None
                return
            with _transaction(connection, "BEGIN"):
                yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; durable when the block is left."""
        with self._guard, self._told():
            connection = self._current()
            if self._readonly or connection is None:
                raise RuntimeError("this ledger was opened for reading only")
            with _transaction(connection, "BEGIN IMMEDIATE"):
                yield connection

    def close(self) -> None:
        with self._guard:
            if self._connection is not None:
                # The last one out tidies up; that must not wait for others, since Python holds all threads meanwhile.
                self._connection.execute("PRAGMA busy_timeout = 0")
                self._connection.close()
            self._connection = self._identity = None

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns what SQLite and the disk say into the errors of this program."""
        try:
            yield
        except sqlite3.Error as error:
            better = translated(error, self.path)
            if better is error:
                raise
            raise better from error
        except OSError as error:
            raise disk_error(str(error.filename or self.path), error) from error

    def _current(self) -> sqlite3.Connection | None:
        identity = _identity(self.path)
        if self._connection is None or identity != self._identity:
            self.close()
            if identity is None and self._readonly:
                return None
            if identity is None:
                create(self.path)
            elif not self._readonly:
                clear_leftovers(self.path)
            self._connection = self._open()
            self._identity = _identity(self.path)
            self.opened += 1
        return self._connection

    def _open(self) -> sqlite3.Connection:
        if self.path.stat().st_size == 0:
            raise broken(self.path, "the file is empty")
        connection = _connect(self.path, _mode(self.path) if self._readonly else "mode=rw", self._patience)
        try:
            connection.execute("PRAGMA synchronous = FULL")
            self._check(connection)
        except BaseException:
            connection.close()
            raise
        if not self._readonly:
            self.path.chmod(0o600)
        return connection

    def _check(self, connection: sqlite3.Connection) -> None:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION_ID or version < 1:
            raise broken(self.path, "it is a database of another program")
        if version > VERSION:
            raise Terminal(
                f"the ledger was written by a newer reconciler (format {version}; this one knows {VERSION})",
                where=str(self.path),
                mend="upgrade reconciler",
            )
        self._migrate(connection, version)
        found = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        if missing := sorted(TABLES - found):
            raise broken(self.path, f"no table {', '.join(missing)}")
        # Only the inventory: it has a bounded size, while history grows for ever. Damage elsewhere is told by the
        # statement that meets it.
        (verdict,) = connection.execute("PRAGMA quick_check(held)").fetchone()
        if verdict != "ok":
            raise broken(self.path, verdict.splitlines()[0])

    def _migrate(self, connection: sqlite3.Connection, version: int) -> None:
        if version == VERSION:
            return
        if self._readonly:
            raise Terminal(
                f"the ledger has the older format {version}", where=str(self.path), mend="run `reconciler run --once`"
            )
        with _transaction(connection, "BEGIN IMMEDIATE"):
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            for number in range(version, VERSION):
                for statement in filter(str.strip, MIGRATIONS[number].split(";")):
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")


def _mode(path: Path) -> str:
    """How a reader opens the file. On a read-only file system SQLite can't make the shared memory that it needs beside
    a writer; but nobody writes there, so it may take the file as it is."""
    alone = os.statvfs(path).f_flag & os.ST_RDONLY and not path.with_name(f"{path.name}-wal").exists()
    return "mode=ro&immutable=1" if alone else "mode=ro"


def _connect(path: Path, mode: str, patience: float) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{mode}",
        uri=True,
        timeout=patience,
        isolation_level=None,
        check_same_thread=False,
    )


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has rolled back by itself after some errors, such as a full disk.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_dev, stat.st_ino
