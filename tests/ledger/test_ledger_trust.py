"""Generations, quarantines, counts and starts in the ledger; what is told beside what is done."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from reconciler.adapters.sqlite import SqliteLedger
from reconciler.adapters.sqlite.trust import KEPT
from reconciler.errors import Terminal
from reconciler.plan.codec import GENERATION, HELD
from reconciler.plan.held import Generation, Held, Quarantine, Repeat, Start
from reconciler.plan.resource import OwnedKey
from reconciler.plan.value import SecretRef
from reconciler.protocols.ledger import Result
from tests.ledger.examples import COMMIT, SteppingClock, change, config, folder, held, hold, step

AT = "2026-04-01T08:00:00Z"
EZRA = folder("ezra", "home")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    made = SqliteLedger(tmp_path / "state" / "ledger.db", SteppingClock())
    yield made
    made.close()


def generation(number: int, wizard: str = "ezra") -> Generation:
    file = config(wizard)
    pinned = (OwnedKey(("key",), SecretRef("pinned", "ab" * 32)),)
    return Generation(
        wizard, number, COMMIT, AT, f"digest {number}", (folder(wizard, "home"), replace(file, keys=pinned))
    )


def failed(wizard: str = "ezra", reason: str = "deaf", *, by_hand: bool = False) -> Quarantine:
    return Quarantine(wizard, "digest", COMMIT, reason, AT, by_hand)


def reopened(ledger: SqliteLedger, tmp_path: Path) -> SqliteLedger:
    ledger.close()
    return SqliteLedger(tmp_path / "state" / "ledger.db", SteppingClock(), readonly=True)


def test_generations_come_newest_first_and_as_they_were(ledger: SqliteLedger, tmp_path: Path) -> None:
    for number in range(1, 4):
        ledger.add_generation(generation(number))
    ledger.add_generation(generation(1, "allegro"))
    expected = {"allegro": (generation(1, "allegro"),), "ezra": tuple(generation(n) for n in (3, 2, 1))}
    assert ledger.records().generations == expected
    other = reopened(ledger, tmp_path)
    assert other.records().generations == expected
    other.close()


def test_a_pass_looks_at_the_last_few_generations_and_loses_none(ledger: SqliteLedger) -> None:
    for number in range(1, KEPT + 4):
        ledger.add_generation(generation(number))
    assert [g.number for g in ledger.records().generations["ezra"]] == list(range(KEPT + 3, 3, -1))
    ledger.add_generation(generation(KEPT + 4))
    assert ledger.records().generations["ezra"][0].number == KEPT + 4


def test_a_generation_is_decoded_once_and_stays_the_same(ledger: SqliteLedger) -> None:
    ledger.add_generation(generation(1))
    (before,) = ledger.records().generations["ezra"]
    ledger.add_generation(generation(2))
    assert ledger.records().generations["ezra"][1] is before


@given(generation=...)
def test_any_generation_survives_its_json(generation: Generation) -> None:
    assert GENERATION.decode(GENERATION.encode(generation)) == generation


@given(entry=...)
def test_any_entry_survives_its_json(entry: Held) -> None:
    assert HELD.decode(HELD.encode(entry)) == entry


def test_a_quarantine_replaces_the_older_one_of_its_wizard(ledger: SqliteLedger, tmp_path: Path) -> None:
    ledger.quarantine(failed())
    ledger.quarantine(failed("allegro"))
    ledger.quarantine(failed(reason="by me", by_hand=True))
    expected = {"ezra": failed(reason="by me", by_hand=True), "allegro": failed("allegro")}
    assert ledger.records().quarantines == expected
    other = reopened(ledger, tmp_path)
    assert other.records().quarantines == expected
    other.close()


def test_a_quarantine_knows_its_ring(ledger: SqliteLedger, tmp_path: Path) -> None:
    one = replace(failed(), ring=("allegro", "bilbo"), follows=("allegro",), beside="of the head")
    ledger.quarantine(one)
    ledger.quarantine(failed("allegro"))
    other = reopened(ledger, tmp_path)
    assert other.records().quarantines == {"ezra": one, "allegro": failed("allegro")}
    other.close()


def test_a_release_lifts_quarantine_and_counts_of_one_wizard(ledger: SqliteLedger) -> None:
    counts = {
        "wizard/ezra/file/x": Repeat("a", 3),
        "wizard/ezra-two/file/x": Repeat("b", 2),
        "codebase/hermes/1": Repeat("c", 1),
    }
    ledger.quarantine(failed())
    ledger.quarantine(failed("ezra-two"))
    ledger.repeat(counts)
    assert ledger.release("ezra")
    records = ledger.records()
    assert set(records.quarantines) == {"ezra-two"}
    assert set(records.repeats) == {"wizard/ezra-two/file/x", "codebase/hermes/1"}
    assert not ledger.release("ezra")
    ledger.repeat({"wizard/ezra/file/x": Repeat("a", 3)})
    assert ledger.release("ezra")


def test_counts_are_replaced_as_a_whole(ledger: SqliteLedger) -> None:
    ledger.repeat({"a": Repeat("x", 1), "b": Repeat("y", 2)})
    ledger.repeat({"b": Repeat("y", 3)})
    assert ledger.records().repeats == {"b": Repeat("y", 3)}
    ledger.repeat({})
    assert ledger.records().repeats == {}


def test_a_start_is_the_last_one_of_its_process(ledger: SqliteLedger) -> None:
    ledger.started("wizard/ezra/body", Start(12.5, proven=False))
    ledger.started("wizard/ezra/body", Start(12.5, proven=True))
    assert ledger.records().starts == {"wizard/ezra/body": Start(12.5, proven=True)}
    soaking = Start(12.5, proven=True, soaks=True, log=4096)
    ledger.started("wizard/ezra/body", soaking)
    assert ledger.records().starts == {"wizard/ezra/body": soaking}


def test_what_a_process_has_left_is_held_with_it(ledger: SqliteLedger) -> None:
    entry = replace(held(EZRA), left="/srv/.codebases/hermes/0.18.2")
    number = ledger.begin(COMMIT, "test")
    intent = ledger.intend(number, COMMIT, step(EZRA), change(EZRA), hold(entry))
    ledger.settle(intent, Result.DONE, "", hold(entry))
    assert ledger.records().held == {EZRA.key: entry}


@pytest.mark.parametrize(
    "write",
    [
        lambda ledger: ledger.add_generation(generation(1)),
        lambda ledger: ledger.quarantine(failed()),
        lambda ledger: ledger.repeat({"a": Repeat("x", 1)}),
        lambda ledger: ledger.started("a", Start(1.0, proven=True)),
    ],
)
def test_records_are_another_object_exactly_when_something_changed(
    write: Callable[[SqliteLedger], object], ledger: SqliteLedger
) -> None:
    before = ledger.records()
    assert ledger.records() is before
    write(ledger)
    after = ledger.records()
    assert after is not before
    assert ledger.records() is after
    assert after.held is before.held


def test_another_process_sees_it_at_once(ledger: SqliteLedger, tmp_path: Path) -> None:
    ledger.quarantine(failed())
    reader = SqliteLedger(tmp_path / "state" / "ledger.db", SteppingClock(), readonly=True)
    assert set(reader.records().quarantines) == {"ezra"}
    ledger.release("ezra")
    assert reader.records().quarantines == {}
    reader.close()


def test_a_damaged_generation_is_told_with_its_file(ledger: SqliteLedger, tmp_path: Path) -> None:
    ledger.add_generation(generation(1))
    ledger.close()
    path = tmp_path / "state" / "ledger.db"
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE generation SET body = '{}'")
    broken = SqliteLedger(path, SteppingClock())
    with pytest.raises(Terminal) as error:
        broken.records()
    assert error.value.where == str(path)
    assert "generation" in error.value.what
    broken.close()


def test_what_is_told_is_no_thing_that_was_seen(ledger: SqliteLedger) -> None:
    number = ledger.begin(COMMIT, "test")
    ledger.note(number, COMMIT, "ezra", "wizard/ezra/body", "ezra-body: killed by SIGKILL")
    ledger.note(number, COMMIT, "ezra", "wizard/ezra/body", "rolled back by hand", told=True)
    ledger.finish(number, Result.DONE, "")
    newest, older = ledger.entries("ezra", 10)
    assert (newest.operation, newest.reason, newest.result) == ("told", "rolled back by hand", Result.DONE)
    assert older.operation == "seen"


def test_what_it_holds_on_again_comes_first_and_keeps_its_number(ledger: SqliteLedger, tmp_path: Path) -> None:
    for number in range(1, 4):
        ledger.add_generation(generation(number))
    ledger.add_generation(generation(1, "allegro"))
    ledger.stand("ezra", 1)
    assert [g.number for g in ledger.records().generations["ezra"]] == [1, 3, 2]
    ledger.add_generation(generation(4))
    other = reopened(ledger, tmp_path)
    assert [g.number for g in other.records().generations["ezra"]] == [4, 1, 3, 2]
    other.close()


def test_what_a_person_rejected_is_told_with_the_generation(ledger: SqliteLedger) -> None:
    for number in range(1, 4):
        ledger.add_generation(generation(number))
    ledger.reject("ezra", {1, 3})
    assert [(g.number, g.rejected) for g in ledger.records().generations["ezra"]] == [(3, True), (2, False), (1, True)]
    ledger.reject("ezra", frozenset())
    assert ledger.records().generations["ezra"] == tuple(generation(n) for n in (3, 2, 1))


def test_a_quarantine_holds_the_texts_of_its_secrets_as_digests(ledger: SqliteLedger, tmp_path: Path) -> None:
    one = replace(failed(), secrets=((SecretRef("env", "TOKEN"), "ab" * 32),))
    ledger.quarantine(one)
    other = reopened(ledger, tmp_path)
    assert other.records().quarantines == {"ezra": one}
    other.close()
