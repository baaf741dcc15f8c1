"""The inventory is read in the order of last use, which is what tells old codebase versions from recent ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.adapters.sqlite import SqliteLedger
from reconciler.protocols.ledger import Result, Update
from tests.ledger.examples import COMMIT, SteppingClock, change, folder, held, hold, step

A, B, C = (folder("ezra", name) for name in "abc")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[SqliteLedger]:
    made = SqliteLedger(path, SteppingClock())
    number = made.begin(COMMIT, "test")
    for resource in (A, B, C):
        intent = made.intend(number, COMMIT, step(resource), change(resource), hold(held(resource)))
        made.settle(intent, Result.DONE, "", hold(held(resource)))
    yield made
    made.close()


def use(ledger: SqliteLedger, *keys: str) -> None:
    number = ledger.begin(COMMIT, "test")
    update = Update(used=keys)
    intent = ledger.intend(number, COMMIT, step(A), change(A), update)
    assert ledger.open_intents()[0].update == update
    ledger.settle(intent, Result.DONE, "", update)


def test_what_is_used_moves_to_the_end(ledger: SqliteLedger, path: Path) -> None:
    assert list(ledger.records().held) == [A.key, B.key, C.key]
    use(ledger, A.key)
    assert list(ledger.records().held) == [B.key, C.key, A.key]
    use(ledger, C.key, B.key)
    assert list(ledger.records().held) == [A.key, C.key, B.key]
    again = SqliteLedger(path, SteppingClock())
    assert list(again.records().held.items()) == list(ledger.records().held.items())
    again.close()


def test_what_is_not_held_can_not_be_used(ledger: SqliteLedger) -> None:
    before = ledger.records()
    use(ledger, "codebase/never/1.0")
    assert ledger.records() == before
