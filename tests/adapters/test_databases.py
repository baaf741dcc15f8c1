"""Copies of databases: through the backup API, put back whole, and nothing lost by a kill on the way."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import stat
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from reconciler.adapters import databases
from reconciler.adapters.databases import REPLACED, SqliteCopies
from reconciler.errors import Retryable, Terminal

pytestmark = pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
"""Newer Pythons warn of any fork; these children touch nothing that a thread could hold."""
LABEL = "ezra/0123456789abcdef"
NAMES = ("state.db", "kanban.db")
CALLS = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate", "open", "shutil.copyfile")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def copies(tmp_path: Path) -> SqliteCopies:
    return SqliteCopies(tmp_path / "generations")


def killed_writer(path: Path, *texts: str, checkpoint: bool = False) -> None:
    """Each text is a row; the program is killed with its database open, so that the last ones lie in the journal."""
    if (pid := os.fork()) == 0:
        memory = sqlite3.connect(path)
        memory.execute("PRAGMA journal_mode=WAL")
        memory.execute("CREATE TABLE IF NOT EXISTS message (text TEXT)")
        for text in texts:
            memory.execute("INSERT INTO message VALUES (?)", (text,))
        memory.commit()
        if checkpoint:
            memory.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)


def rows(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as memory:
        assert memory.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [text for (text,) in memory.execute("SELECT text FROM message ORDER BY rowid")]


def killed_at(call: int, act: Callable[[], object]) -> bool:
    """Does it in another process, which dies just before its n-th call that changes a file; whether it came so far."""
    if (pid := os.fork()) == 0:
        left = [call]

        def heard(event: str, arguments: tuple[object, ...]) -> None:
            if event in CALLS and (event != "open" or (isinstance(arguments[2], int) and arguments[2] & os.O_CREAT)):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(heard)
        act()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def test_a_copy_holds_what_lies_in_the_journal_too(copies: SqliteCopies, home: Path, tmp_path: Path) -> None:
    killed_writer(home / "state.db", "a", "b")
    assert (home / "state.db-wal").stat().st_size > 0
    assert copies.copy(str(home), ("state.db", "absent.db"), LABEL) == ("state.db",)
    copy = tmp_path / "generations" / LABEL / "state.db"
    assert rows(copy) == ["a", "b"]
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert rows(home / "state.db") == ["a", "b"]


def test_a_damaged_database_is_told_and_the_older_copy_stays(copies: SqliteCopies, home: Path, tmp_path: Path) -> None:
    killed_writer(home / "state.db", "a")
    copies.copy(str(home), ("state.db",), LABEL)
    (home / "state.db-wal").unlink()
    (home / "state.db").write_bytes(b"no database at all, but long enough to be looked at")
    with pytest.raises(Terminal, match="a database is damaged"):
        copies.copy(str(home), ("state.db",), LABEL)
    assert rows(tmp_path / "generations" / LABEL / "state.db") == ["a"]


def test_without_a_copy_nothing_is_put_back(copies: SqliteCopies, home: Path) -> None:
    killed_writer(home / "state.db", "a")
    assert copies.restore(str(home), NAMES, LABEL) is None
    assert rows(home / "state.db") == ["a"]


@pytest.mark.parametrize("checkpoint", [False, True], ids=["in the journal", "in the database"])
def test_killed_anywhere_both_are_there_after_another_try(
    copies: SqliteCopies, home: Path, tmp_path: Path, checkpoint: bool
) -> None:
    """What is put back, and what the failed version had made of it."""
    replaced, call, killed = tmp_path / "generations" / LABEL / REPLACED, 0, True
    while killed:
        call += 1
        for path in home.iterdir():
            path.unlink()
        killed_writer(home / "state.db", "good", checkpoint=True)
        copies.copy(str(home), ("state.db",), LABEL)
        killed_writer(home / "state.db", "failed", checkpoint=checkpoint)
        killed = killed_at(call, lambda: copies.restore(str(home), NAMES, LABEL))
        assert copies.restore(str(home), NAMES, LABEL) == ("state.db",)
        assert sorted(path.name for path in home.iterdir()) == ["state.db"]
        assert rows(home / "state.db") == ["good"], call
        assert rows(replaced / "state.db") == ["good", "failed"], call
        assert not [path for path in replaced.iterdir() if stat.S_IMODE(path.stat().st_mode) != 0o600]
    assert call > 5


def fails(copies: SqliteCopies, home: Path, text: str, *, checkpoint: bool = False) -> None:
    """A version is left, the next one writes the text and is gone back from."""
    killed_writer(home / "state.db", f"before {text}")
    copies.copy(str(home), ("state.db",), LABEL)
    killed_writer(home / "state.db", text, checkpoint=checkpoint)
    copies.restore(str(home), NAMES, LABEL)


def archived(folder: Path) -> list[str]:
    """The last row of each database that was replaced, in the order of their numbers."""
    return [rows(path / "state.db")[-1] for path in sorted((folder / REPLACED).glob("*"))]


def test_each_failure_keeps_its_own(copies: SqliteCopies, home: Path, tmp_path: Path) -> None:
    place = tmp_path / "generations" / LABEL
    fails(copies, home, "first")
    assert rows(place / REPLACED / "state.db")[-1] == "first"
    fails(copies, home, "second", checkpoint=True)
    assert rows(place / REPLACED / "state.db")[-1] == "second"
    fails(copies, home, "third")
    assert archived(place.parent) == ["first", "second"]
    assert rows(home / "state.db") == ["before first", "before second", "before third"]


def test_a_folder_that_may_not_be_on_disk_is_named(
    copies: SqliteCopies, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_writer(home / "state.db", "before")
    copies.copy(str(home), NAMES, LABEL)
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(Retryable, match=str(tmp_path / "generations" / LABEL / REPLACED)):
        copies.restore(str(home), NAMES, LABEL)


def test_copies_of_a_version_go_and_what_they_replaced_stays(copies: SqliteCopies, home: Path, tmp_path: Path) -> None:
    fails(copies, home, "first")
    copies.copy(str(home), ("state.db",), "ezra/another")
    version = LABEL.rpartition("/")[2]
    assert copies.discard(version) == 1
    ezra = tmp_path / "generations" / "ezra"
    assert sorted(path.name for path in ezra.iterdir()) == ["another", REPLACED]
    assert archived(ezra) == ["first"]
    assert copies.discard(version) == 0


def test_a_removal_that_is_killed_leaves_a_whole_copy_or_none(copies: SqliteCopies, home: Path, tmp_path: Path) -> None:
    version, call, killed = LABEL.rpartition("/")[2], 0, True
    while killed:
        call += 1
        fails(copies, home, f"failed {call}")
        killed = killed_at(call, lambda: copies.discard(version))
        place = tmp_path / "generations" / LABEL
        assert not place.exists() or rows(place / "state.db")[-1] == f"before failed {call}"
        copies.discard(version)
        assert [path.name for path in place.parent.iterdir()] == [REPLACED]
        assert f"failed {call}" in archived(place.parent)
    assert call > 3


def test_another_name_takes_the_copies_and_what_both_had_replaced(
    copies: SqliteCopies, home: Path, tmp_path: Path
) -> None:
    fails(copies, home, "of ezra")
    fails(copies, home, "of ezra again")
    (tmp_path / "generations" / "ezra").rename(tmp_path / "generations" / "eve")
    fails(copies, home, "of another ezra")
    copies.inherit("ezra", "eve")
    copies.inherit("ezra", "eve")
    eve = tmp_path / "generations" / "eve"
    assert not (tmp_path / "generations" / "ezra").exists()
    assert sorted(rows(path)[-1] for path in eve.glob("**/replaced/**/state.db")) == [
        "of another ezra",
        "of ezra",
        "of ezra again",
    ]


DEEP = ("state.db", "*.db", "cron/*.db", "kanban/boards/*/kanban.db")


def test_databases_in_folders_are_copied_and_put_back(copies: SqliteCopies, home: Path, tmp_path: Path) -> None:
    places = ("cron/executions.db", "kanban/boards/a/kanban.db", "memory_store.db", "state.db")
    for place in places:
        (home / place).parent.mkdir(parents=True, exist_ok=True)
        killed_writer(home / place, "good")
    (home / "notes.db").write_text("an agent's own, and no database")
    assert copies.copy(str(home), DEEP, LABEL) == places
    for place in (*places, "cron/made.db"):
        killed_writer(home / place, "failed")
    (home / "kanban/boards/a/kanban.db").unlink()
    assert copies.restore(str(home), DEEP, LABEL) == ("cron/executions.db", "cron/made.db", *places[1:])
    assert [rows(home / place) for place in places] == [["good"]] * 4
    assert not (home / "cron" / "made.db").exists()
    kept = tmp_path / "generations" / LABEL / REPLACED
    assert rows(kept / "cron" / "executions.db") == ["good", "failed"]
    assert rows(kept / "cron" / "made.db") == ["failed"]
    assert (home / "notes.db").read_text() == "an agent's own, and no database"


@pytest.mark.parametrize("what", ["the database", "its folder"])
def test_a_link_is_not_followed_and_nothing_is_done(
    copies: SqliteCopies, home: Path, tmp_path: Path, what: str
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    killed_writer(other / "state.db", "elsewhere")
    if what == "the database":
        (home / "state.db").symlink_to(other / "state.db")
    else:
        (home / "cron").symlink_to(other)
    for act in (copies.rehearse, copies.copy):
        with pytest.raises(Terminal, match="a database is a link"):
            act(str(home), DEEP, LABEL)
    assert [path for path in (tmp_path / "generations").rglob("*.db")] == []


@pytest.mark.parametrize("damage", [b"", b"SQLite format 3\0 and then nothing of the kind"])
def test_a_damaged_copy_is_told_before_anything_is_touched(
    copies: SqliteCopies, home: Path, tmp_path: Path, damage: bytes
) -> None:
    for name in ("kanban.db", "state.db"):
        killed_writer(home / name, "good")
    copies.copy(str(home), DEEP, LABEL)
    killed_writer(home / "kanban.db", "failed")
    copy = tmp_path / "generations" / LABEL / "state.db"
    copy.write_bytes(damage)
    with pytest.raises(Terminal, match="the copy of a database is damaged") as caught:
        copies.restore(str(home), DEEP, LABEL)
    assert caught.value.where == str(copy)
    assert rows(home / "kanban.db") == ["good", "failed"]


def test_a_rehearsal_keeps_nothing_and_leaves_an_older_copy(copies: SqliteCopies, home: Path, tmp_path: Path) -> None:
    killed_writer(home / "state.db", "a")
    copies.rehearse(str(home), ("state.db",), LABEL)
    assert list((tmp_path / "generations").rglob("*.db")) == []
    copies.copy(str(home), ("state.db",), LABEL)
    killed_writer(home / "state.db", "b")
    copies.rehearse(str(home), ("state.db",), LABEL)
    assert [rows(path) for path in (tmp_path / "generations").rglob("*.db")] == [["a"]]


@pytest.mark.parametrize("verb", ["rehearse", "copy"])
def test_one_that_stays_locked_is_not_awaited_for_ever(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setattr(databases, "_PATIENCE", 0.1)
    copies = SqliteCopies(tmp_path / "generations")
    with closing(sqlite3.connect(home / "state.db", isolation_level=None)) as other:
        other.execute("CREATE TABLE message (text TEXT)")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Retryable, match=f"could not be copied to .*{LABEL}: database is locked"):
            getattr(copies, verb)(str(home), ("state.db",), LABEL)
    assert [path for path in tmp_path.rglob("*.partial")] == []


def test_what_a_failed_copy_has_filled_is_given_back(copies: SqliteCopies, home: Path, tmp_path: Path) -> None:
    killed_writer(home / "kanban.db", "a")
    (home / "state.db").write_bytes(b"no database at all, but long enough to be looked at")
    with pytest.raises(Terminal, match="a database is damaged") as told:
        copies.copy(str(home), ("kanban.db", "state.db"), LABEL)
    assert told.value.where == str(home / "state.db")
    assert [path for path in (tmp_path / "generations").rglob("*") if path.is_file()] == []


def test_what_the_failed_version_made_is_taken_away_and_kept(copies: SqliteCopies, home: Path, tmp_path: Path) -> None:
    replaced, call, killed = tmp_path / "generations" / LABEL / REPLACED, 0, True
    while killed:
        call += 1
        killed_writer(home / "state.db", "good", checkpoint=True)
        copies.copy(str(home), NAMES, LABEL)
        killed_writer(home / "kanban.db", f"failed {call}")
        killed = killed_at(call, lambda: copies.restore(str(home), NAMES, LABEL))
        copies.restore(str(home), NAMES, LABEL)
        assert sorted(path.name for path in home.iterdir()) == ["state.db"]
        assert rows(replaced / "kanban.db") == [f"failed {call}"]
    assert call > 5
