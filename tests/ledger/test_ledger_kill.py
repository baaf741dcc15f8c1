"""A kill at any instant leaves a ledger that tells what happened."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from reconciler.adapters.sqlite import SqliteLedger
from reconciler.protocols.ledger import Intent, Result
from tests.ledger.examples import SteppingClock, change, folder, held, hold, step
from tests.ledger.processes import run, start

pytestmark = pytest.mark.system


def test_an_intent_survives_the_kill_of_its_process(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    assert run("intend", path).returncode == -signal.SIGKILL
    wanted = folder("ezra", "home")
    ledger = SqliteLedger(path, SteppingClock())
    assert ledger.records().held == {}
    (intent,) = ledger.open_intents()
    assert intent == Intent(intent.id, intent.pass_id, step(wanted), change(wanted), hold(held(wanted)))
    ledger.settle(intent.id, Result.DONE, "found done", intent.update)
    assert ledger.records().held == {wanted.key: held(wanted)}
    ledger.close()


@pytest.mark.parametrize("lines", [1, 2, 7, 40])
def test_what_was_reported_is_there_after_a_kill(tmp_path: Path, lines: int) -> None:
    path = tmp_path / "ledger.db"
    with start("work", path) as worker:
        assert worker.stdout is not None
        said = [worker.stdout.readline().split() for _ in range(lines)]
        worker.kill()
        said += [line.split() for line in worker.stdout.read().splitlines() if len(line.split()) == 2]
    ledger = SqliteLedger(path, SteppingClock())
    keys = set(ledger.records().held)
    done = {entry.key for entry in ledger.entries(None, 100_000) if entry.result is Result.DONE}
    still_open = [intent.step.key for intent in ledger.open_intents()]
    ledger.close()
    assert keys == done
    assert {folder("ezra", f"f{number}").key for word, number in said if word == "settled"} <= keys
    assert {folder("ezra", f"f{number}").key for word, number in said} <= keys | set(still_open)
    assert len(still_open) <= 1
