"""Status and history from other processes, while a pass runs."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler.adapters.sqlite import SqliteLedger
from reconciler.plan.held import Pause, Records
from reconciler.protocols.ledger import Result
from tests.ledger.examples import COMMIT, SteppingClock, change, folder, held, hold, step
from tests.ledger.processes import start


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ledger.db"


def add(ledger: SqliteLedger, name: str) -> None:
    wanted = folder("ezra", name)
    intent = ledger.intend(ledger.begin(COMMIT, "test"), COMMIT, step(wanted), change(wanted), hold(held(wanted)))
    ledger.settle(intent, Result.DONE, "", hold(held(wanted)))


def test_without_a_database_a_reader_sees_nothing_and_makes_nothing(path: Path) -> None:
    reader = SqliteLedger(path, SteppingClock(), readonly=True)
    assert reader.records() == Records()
    assert (reader.entries(None, 9), reader.passes(9), reader.open_intents(), reader.get("x")) == ((), (), (), None)
    assert not path.parent.exists()
    writer = SqliteLedger(path, SteppingClock())
    add(writer, "home")
    assert list(reader.records().held) == [folder("ezra", "home").key]
    writer.close()
    reader.close()


def test_a_reader_cannot_write(path: Path) -> None:
    SqliteLedger(path, SteppingClock()).close()
    reader = SqliteLedger(path, SteppingClock(), readonly=True)
    for write in (
        lambda: reader.put("a", "b"),
        lambda: reader.begin("c", "t"),
        lambda: reader.pause(Pause("w", "", "")),
        lambda: reader.resume("w"),
        lambda: reader.note(1, "c", None, "k", "t"),
    ):
        with pytest.raises(RuntimeError, match="reading only"):
            write()
    reader.close()


def test_reading_changes_no_byte_of_the_database(path: Path) -> None:
    writer = SqliteLedger(path, SteppingClock())
    add(writer, "home")
    writer.close()
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    reader = SqliteLedger(path, SteppingClock(), readonly=True)
    assert len(reader.records().held) == 1
    assert len(reader.entries("ezra", 5)) == 1
    reader.close()
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


def test_a_write_of_another_connection_is_noticed(path: Path) -> None:
    ours, theirs = SqliteLedger(path, SteppingClock()), SqliteLedger(path, SteppingClock())
    add(ours, "home")
    before = ours.records()
    theirs.put("unrelated", "x")
    assert ours.records() is before
    theirs.pause(Pause("ezra", "why", "now"))
    after = ours.records()
    assert after.pauses == {"ezra": Pause("ezra", "why", "now")}
    assert after.held is before.held
    theirs.close()
    ours.close()


def test_many_first_ones_make_one_database(path: Path) -> None:
    together = threading.Barrier(8)

    def first(number: int) -> None:
        ledger = SqliteLedger(path, SteppingClock())
        together.wait(60)
        ledger.put(str(number), "here")
        ledger.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(first, range(8)))
    reader = SqliteLedger(path, SteppingClock(), readonly=True)
    assert [reader.get(str(number)) for number in range(8)] == ["here"] * 8
    reader.close()
    assert not list(path.parent.glob("*.new"))


@pytest.mark.system
def test_reading_while_another_process_writes(path: Path) -> None:
    with start("work", path) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        reader = SqliteLedger(path, SteppingClock(), readonly=True)
        seen = [0]
        for _ in range(200):
            seen.append(len(reader.records().held))
            # An intent is open or its key is held: never neither, never in two moments at once.
            assert len(reader.open_intents()) <= 1
            worker.stdout.readline()
        worker.kill()
        reader.close()
    assert seen == sorted(seen)
    assert seen[-1] > seen[1]
