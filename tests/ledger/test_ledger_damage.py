"""Files that are no ledger, disks that are full, locks that others hold: each with its own clear error."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from reconciler.adapters.sqlite import SqliteLedger
from reconciler.adapters.sqlite.failure import translated
from reconciler.errors import ReconcilerError, Retryable, Terminal
from reconciler.plan.held import Records
from reconciler.protocols.ledger import Result
from tests.ledger.examples import COMMIT, SteppingClock, change, folder, held, hold, step
from tests.ledger.processes import ROOT, argv, run

MANY = tuple(held(folder("ezra", f"f{count}")) for count in range(400))


def filled(path: Path) -> None:
    ledger = SqliteLedger(path, SteppingClock())
    number = ledger.begin(COMMIT, "test")
    intent = ledger.intend(number, COMMIT, step(folder("ezra", "f0")), change(folder("ezra", "f0")), hold())
    ledger.settle(intent, Result.DONE, "", hold(*MANY))
    ledger.close()


def sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def root_page(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()[0])


def noise(size: int) -> bytes:
    return random.Random(7).randbytes(size)


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def other_database(path: Path) -> None:
    path.unlink()
    sql(path, "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "noise": lambda path: path.write_bytes(noise(20_000)),
    "text": lambda path: path.write_text("hello\n"),
    "a few bytes": lambda path: os.truncate(path, 60),
    "one page": lambda path: os.truncate(path, 4096),
    "half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "noise behind the header": lambda path: overwrite(path, 4096, noise(path.stat().st_size - 4096)),
    "noise in the inventory": lambda path: overwrite(path, 4096 * (root_page(path, "held") - 1), noise(4096)),
    "another database": other_database,
    "a table is missing": lambda path: sql(path, "DROP TABLE pause"),
    "a column is missing": lambda path: sql(path, "ALTER TABLE pause RENAME COLUMN since TO until", "DROP TABLE held"),
    "not JSON in a row": lambda path: sql(path, "UPDATE held SET body = '{' WHERE seq = 3"),
    "wrong shape in a row": lambda path: sql(path, "UPDATE held SET body = '{\"resource\":1}' WHERE seq = 3"),
}


@pytest.mark.parametrize("readonly", [False, True], ids=["writer", "reader"])
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_damage_is_told_with_the_file_and_the_way_out(
    tmp_path: Path, damage: Callable[[Path], object], readonly: bool
) -> None:
    path = tmp_path / "ledger.db"
    filled(path)
    damage(path)
    ledger = SqliteLedger(path, SteppingClock(), readonly=readonly)
    with pytest.raises(Terminal) as caught:
        ledger.records()
    assert caught.value.where == str(path)
    assert "aside" in caught.value.mend
    assert path.exists()
    # The mend works, also for a ledger that stays in use.
    for file in tmp_path.glob("ledger.db*"):
        file.rename(tmp_path / f"aside-{file.name}")
    assert ledger.records() == Records()
    ledger.close()


def test_a_damaged_inventory_is_found_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    filled(path)
    overwrite(path, 4096 * (root_page(path, "held") - 1), noise(4096))
    ledger = SqliteLedger(path, SteppingClock())
    with pytest.raises(Terminal, match="aside"):
        ledger.begin(COMMIT, "test")
    ledger.close()


def test_damage_of_history_is_told_by_what_meets_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    filled(path)
    overwrite(path, 4096 * (root_page(path, "entry") - 1), noise(4096))
    ledger = SqliteLedger(path, SteppingClock())
    assert len(ledger.records().held) == len(MANY)
    with pytest.raises(Terminal, match="aside"):
        ledger.entries(None, 10)
    ledger.close()


def test_a_newer_format_asks_for_an_upgrade(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    filled(path)
    sql(path, "PRAGMA user_version = 99")
    ledger = SqliteLedger(path, SteppingClock())
    with pytest.raises(Terminal, match="upgrade reconciler"):
        ledger.records()
    ledger.close()


def test_the_log_of_a_ledger_moved_away_is_not_taken_for_the_new_one(tmp_path: Path) -> None:
    path, aside = tmp_path / "ledger.db", tmp_path / "aside.db"
    writer = SqliteLedger(path, SteppingClock())
    writer.put("from", "the old one")
    shutil.copy(f"{path}-wal", tmp_path / "kept")
    writer.close()
    path.rename(aside)
    (tmp_path / "kept").rename(f"{path}-wal")
    ledger = SqliteLedger(path, SteppingClock())
    assert ledger.get("from") is None
    ledger.close()
    assert len(list(tmp_path.glob("ledger.db-wal.*.left"))) == 1


def test_a_replaced_file_is_opened_anew(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    filled(path)
    ledger = SqliteLedger(path, SteppingClock())
    assert len(ledger.records().held) == len(MANY)
    number = ledger.begin(COMMIT, "test")
    intent = ledger.intend(number, COMMIT, step(folder("ezra", "x")), change(folder("ezra", "x")), hold())
    for file in tmp_path.glob("ledger.db*"):
        file.rename(tmp_path / f"aside-{file.name}")
    with pytest.raises(Terminal, match="replaced"):
        ledger.settle(intent, Result.DONE, "", hold())
    assert ledger.records() == Records()
    ledger.put("a", "b")
    ledger.close()
    again = SqliteLedger(path, SteppingClock())
    assert again.get("a") == "b"
    again.close()


def test_file_and_folder_are_private(tmp_path: Path) -> None:
    path = tmp_path / "state" / "ledger.db"
    ledger = SqliteLedger(path, SteppingClock())
    ledger.put("a", "b")
    assert {file.name: oct(file.stat().st_mode & 0o777) for file in path.parent.iterdir()} == {
        "ledger.db": "0o600",
        "ledger.db-wal": "0o600",
        "ledger.db-shm": "0o600",
    }
    assert path.parent.stat().st_mode & 0o777 == 0o700
    ledger.close()
    assert [file.name for file in path.parent.iterdir()] == ["ledger.db"]


def test_a_transaction_of_another_process_is_waited_for_and_then_told(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    filled(path)
    ledger = SqliteLedger(path, SteppingClock(), patience=0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Retryable, match="locked"):
            ledger.put("a", "b")
        assert len(ledger.records().held) == len(MANY)
        other.execute("COMMIT")
    ledger.put("a", "b")
    ledger.close()


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    ledger = SqliteLedger(tmp_path / "state" / "ledger.db", SteppingClock())
    with pytest.raises(ReconcilerError, match="state"):
        ledger.put("a", "b")
    ledger.close()


def test_a_full_disk_is_worth_another_try(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "small.db", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (a)")
        connection.execute("PRAGMA max_page_count = 3")
        with pytest.raises(sqlite3.OperationalError) as caught:
            connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
    told = translated(caught.value, tmp_path / "ledger.db")
    assert isinstance(told, Retryable)
    assert "disk is full" in str(told)
    assert str(tmp_path / "ledger.db") in str(told)


def test_a_bug_of_ours_stays_a_bug(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection, pytest.raises(sqlite3.OperationalError) as caught:
        connection.execute("SELEKT")
    assert translated(caught.value, tmp_path) is caught.value
    assert isinstance(translated(sqlite3.IntegrityError("NOT NULL"), tmp_path), sqlite3.IntegrityError)


@pytest.mark.system
def test_a_write_that_the_disk_refuses_loses_nothing(tmp_path: Path) -> None:
    done = run("fill", tmp_path / "ledger.db")
    refused, kept = done.stdout.splitlines()
    assert refused.startswith(f"Retryable: {tmp_path / 'ledger.db'}"), done.stderr
    assert kept == "still there: kept"
    ledger = SqliteLedger(tmp_path / "ledger.db", SteppingClock())
    assert ledger.get("first") == "kept"
    ledger.close()


@pytest.mark.system
@pytest.mark.parametrize(("verb", "said"), [("read", "held 400"), ("write", "Retryable: ")])
def test_a_read_only_file_system(tmp_path: Path, verb: str, said: str) -> None:
    state, mount = tmp_path / "state", tmp_path / "mount"
    filled(state / "ledger.db")
    mount.mkdir()
    script = 'mount --bind "$0" "$1" && mount -o remount,bind,ro "$1" || exit 77; shift; exec "$@"'
    inside = ["unshare", "--map-root-user", "--mount", "sh", "-c", script, str(state), str(mount)]
    command = [*inside, *argv(verb, mount / "ledger.db")]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=120)
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("mounting is not allowed here")
    assert done.stdout.startswith(said), done.stderr
