"""What every ledger does: the promises of protocols.ledger."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler.adapters.sqlite import SqliteLedger
from reconciler.errors import Terminal
from reconciler.plan.held import Pause, Records, Stored
from reconciler.protocols.ledger import Intent, Ledger, Result, Update
from tests.ledger.examples import COMMIT, SteppingClock, change, config, folder, held, hold, step

EZRA, ALLEGRO = folder("ezra", "home"), folder("allegro", "home")
MAKERS: dict[str, Callable[[Path], Ledger]] = {
    "sqlite": lambda folder: SqliteLedger(folder / "state" / "ledger.db", SteppingClock()),
}


@pytest.fixture(params=list(MAKERS.values()), ids=list(MAKERS))
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    made = request.param(tmp_path)
    yield made
    made.close()


def do(ledger: Ledger, update: Update, result: Result = Result.DONE) -> int:
    """One pass with one step."""
    number = ledger.begin(COMMIT, "test")
    intent = ledger.intend(number, COMMIT, step(EZRA), change(EZRA), update)
    ledger.settle(intent, result, "", update if result is Result.DONE else Update())
    ledger.finish(number, result, "one step")
    return intent


def test_a_new_ledger_is_empty(ledger: Ledger) -> None:
    assert ledger.records() == Records()
    assert ledger.open_intents() == ()
    assert ledger.entries(None, 10) == ()
    assert ledger.passes(10) == ()
    assert ledger.get("x") is None


def test_settling_records_and_drops(ledger: Ledger) -> None:
    do(ledger, hold(held(EZRA), held(ALLEGRO)))
    assert ledger.records().held == {EZRA.key: held(EZRA), ALLEGRO.key: held(ALLEGRO)}
    do(ledger, Update(hold=((EZRA.key, held(EZRA, "later")),), drop=(ALLEGRO.key, "never/there")))
    assert ledger.records().held == {EZRA.key: held(EZRA, "later")}


def test_a_step_that_did_not_happen_records_nothing(ledger: Ledger) -> None:
    do(ledger, hold(held(EZRA)), Result.FAILED)
    assert ledger.records() == Records()


def test_outcome_and_inventory_are_recorded_together_or_not_at_all(ledger: Ledger) -> None:
    intent = ledger.intend(ledger.begin(COMMIT, "test"), COMMIT, step(EZRA), change(EZRA), Update())
    unwritable = held(folder("ezra", "\udcff"))
    with pytest.raises(Terminal, match="UTF-8"):
        ledger.settle(intent, Result.DONE, "", hold(held(EZRA), unwritable))
    assert ledger.records() == Records()
    assert [open_one.id for open_one in ledger.open_intents()] == [intent]


def test_the_attic(ledger: Ledger) -> None:
    stored = Stored("ezra", "/srv/attic/ezra", "/srv/ezra")
    do(ledger, Update(stored=(stored,)))
    assert ledger.records().attic == {"ezra": stored}
    do(ledger, Update(returned=("ezra",)))
    assert ledger.records().attic == {}


def test_pauses(ledger: Ledger) -> None:
    ledger.pause(Pause("ezra", "thinking", "2026-01-01T00:00:00Z"))
    ledger.pause(Pause("ezra", "still thinking", "2026-01-02T00:00:00Z"))
    assert ledger.records().pauses == {"ezra": Pause("ezra", "still thinking", "2026-01-02T00:00:00Z")}
    assert ledger.resume("ezra")
    assert not ledger.resume("ezra")
    assert ledger.records() == Records()


def test_remembered_values(ledger: Ledger) -> None:
    ledger.put("applied", "a")
    ledger.put("applied", "b")
    assert ledger.get("applied") == "b"


def test_an_intent_is_open_until_it_is_settled(ledger: Ledger) -> None:
    update = hold(held(config("ezra")))
    number = ledger.begin(COMMIT, "test")
    first = ledger.intend(number, COMMIT, step(config("ezra")), change(config("ezra")), update)
    second = ledger.intend(number, COMMIT, step(EZRA, 2), change(EZRA), Update())
    assert ledger.open_intents() == (
        Intent(first, number, step(config("ezra")), change(config("ezra")), update),
        Intent(second, number, step(EZRA, 2), change(EZRA), Update()),
    )
    ledger.settle(first, Result.DONE, "done", update)
    ledger.settle(second, Result.INTERRUPTED, "killed", Update())
    assert ledger.open_intents() == ()


def test_nothing_changed_is_the_same_object(ledger: Ledger) -> None:
    do(ledger, hold(held(EZRA), held(ALLEGRO)))
    before = ledger.records()
    assert ledger.records() is before
    do(ledger, hold(held(EZRA)))
    assert ledger.records() is before
    do(ledger, hold(held(EZRA, "later")))
    after = ledger.records()
    assert after != before
    assert before.held[EZRA.key] == held(EZRA)
    assert after.held[ALLEGRO.key] is before.held[ALLEGRO.key]


def test_a_row_that_went_and_came_is_read_again(ledger: Ledger) -> None:
    do(ledger, hold(held(EZRA)))
    ledger.records()
    do(ledger, Update(drop=(EZRA.key,)))
    do(ledger, hold(held(EZRA, "later")))
    assert ledger.records().held == {EZRA.key: held(EZRA, "later")}
    do(ledger, Update(drop=(EZRA.key,)))
    assert ledger.records().held == {}


def test_history_is_newest_first_and_by_wizard(ledger: Ledger) -> None:
    number = ledger.begin(COMMIT, "push")
    for count, resource in enumerate((EZRA, ALLEGRO, EZRA)):
        intent = ledger.intend(number, COMMIT, step(resource, count), change(resource), Update())
        ledger.settle(intent, Result.DONE, f"step {count}", Update())
    ledger.note(number, COMMIT, "ezra", "wizard/ezra/body", "killed by SIGKILL, started again")
    ledger.note(number, COMMIT, None, "supervisor", "was away")
    told = [entry.detail or entry.reason for entry in ledger.entries(None, 10)]
    assert told == ["was away", "killed by SIGKILL, started again", "step 2", "step 1", "step 0"]
    assert [entry.detail for entry in ledger.entries("allegro", 10)] == ["step 1"]
    assert len(ledger.entries(None, 2)) == 2


def test_what_was_seen_is_told_as_seen(ledger: Ledger) -> None:
    ledger.note(ledger.begin(COMMIT, "poll"), COMMIT, "ezra", "wizard/ezra/body", "killed by SIGKILL")
    (entry,) = ledger.entries("ezra", 1)
    assert (entry.operation, entry.reason, entry.result, entry.ended) == (
        "seen",
        "killed by SIGKILL",
        Result.DONE,
        entry.at,
    )


def test_passes(ledger: Ledger) -> None:
    first = ledger.begin(COMMIT, "poll")
    ledger.finish(first, Result.DONE, "nothing to do")
    killed = ledger.begin(COMMIT, "push")
    last = ledger.begin("other", "push")
    passes = ledger.passes(10)
    assert [(p.id, p.result, p.summary, p.trigger) for p in passes] == [
        (last, None, "", "push"),
        (killed, Result.INTERRUPTED, "interrupted", "push"),
        (first, Result.DONE, "nothing to do", "poll"),
    ]
    assert passes[2].ended is not None
    assert passes[2].ended > passes[2].at
    assert ledger.passes(1) == passes[:1]


def test_passes_one_by_one_and_page_by_page(ledger: Ledger) -> None:
    numbers = [ledger.begin(f"c{count}", "push") for count in range(5)]
    everything = ledger.passes(10)
    assert [one.id for one in everything] == numbers[::-1]
    assert ledger.passes(2, before=everything[1].id) == everything[2:4]
    assert ledger.passes(2, before=numbers[0]) == ()
    assert ledger.pass_(numbers[2]) == everything[2]
    assert [ledger.pass_(number) for number in (-1, 0, 99, 10**30, -(10**30))] == [None] * 5
    assert ledger.passes(9, before=10**30) == everything


def test_entries_of_one_pass_and_page_by_page(ledger: Ledger) -> None:
    first, second = ledger.begin(COMMIT, "push"), ledger.begin(COMMIT, "push")
    for count, (number, wizard) in enumerate([(first, "ezra"), (second, "ezra"), (first, "allegro"), (first, "ezra")]):
        ledger.note(number, COMMIT, wizard, "k", f"seen {count}")
    assert [entry.reason for entry in ledger.entries_of(first)] == ["seen 0", "seen 2", "seen 3"]
    assert [entry.reason for entry in ledger.entries_of(second)] == ["seen 1"]
    assert ledger.entries_of(10**30) == ()
    newest, older, oldest = ledger.entries("ezra", 9)
    assert ledger.entries("ezra", 1, before=newest.id) == (older,)
    assert ledger.entries("ezra", 9, before=older.id) == (oldest,)
    assert ledger.entries("ezra", 9, before=oldest.id) == ()
    assert [entry.reason for entry in ledger.entries(None, 2, before=newest.id)] == ["seen 2", "seen 1"]


def test_four_threads_write_and_read(ledger: Ledger) -> None:
    number = ledger.begin(COMMIT, "test")
    together = threading.Barrier(4)

    def work(worker: int) -> None:
        together.wait(60)
        for count in range(10):
            resource = folder(f"w{worker}", f"f{count}")
            update = hold(held(resource))
            intent = ledger.intend(number, COMMIT, step(resource), change(resource), update)
            ledger.settle(intent, Result.DONE, "", update)
            assert resource.key in ledger.records().held

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert len(ledger.records().held) == 40
    assert ledger.open_intents() == ()
    assert len(ledger.entries(None, 100)) == 40
