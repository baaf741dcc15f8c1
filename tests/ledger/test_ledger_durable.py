"""What SQLite is told about the disk: a commit of the journal is there after a power cut."""

from __future__ import annotations

from pathlib import Path

from reconciler.adapters.sqlite.creation import create
from reconciler.adapters.sqlite.database import Database

FULL = 2
"""See https://www.sqlite.org/pragma.html#pragma_synchronous: the write-ahead log is synced at each commit."""


def test_each_commit_is_synced(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    create(path)
    database = Database(path, readonly=False, patience=1.0)
    try:
        with database.reading() as connection:
            assert connection
            assert connection.execute("PRAGMA synchronous").fetchone() == (FULL,)
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    finally:
        database.close()
