"""When wizards were up: what every ledger remembers of it, and what the numbers mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.adapters.sqlite import SqliteLedger
from reconciler.adapters.sqlite.schema import APPLICATION_ID, MIGRATIONS
from reconciler.errors import Terminal
from reconciler.plan.held import Start
from reconciler.plan.presence import GAP, KEPT, Presence, Uptime, uptime
from reconciler.protocols.ledger import Ledger, Result, Update
from tests.ledger.examples import COMMIT, change, folder, step

UP, DOWN, UNKNOWN, UNWATCHED = Presence.UP, Presence.DOWN, Presence.UNKNOWN, Presence.UNWATCHED
START = 1_700_000_000.0


class SetClock:
    """Says what it was last told."""

    def __init__(self) -> None:
        self.seconds = START

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


MAKERS: dict[str, Callable[[Path, SetClock], Ledger]] = {
    "sqlite": lambda folder, clock: SqliteLedger(folder / "ledger.db", clock),
}


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture(params=list(MAKERS.values()), ids=list(MAKERS))
def ledger(request: pytest.FixtureRequest, tmp_path: Path, clock: SetClock) -> Iterator[Ledger]:
    made = request.param(tmp_path, clock)
    yield made
    made.close()


def watch(ledger: Ledger, clock: SetClock, *looks: tuple[float, str]) -> None:
    """Looks at ezra, each so many seconds after the last one."""
    for seconds, state in looks:
        clock.seconds += seconds
        ledger.presence(clock.seconds, {"ezra": state})


def test_nobody_ever_looked(ledger: Ledger) -> None:
    assert ledger.uptime("ezra", 0) == Uptime()
    assert Uptime().ratio is None


def test_a_state_lasts_until_the_next_look_says_another(ledger: Ledger, clock: SetClock) -> None:
    watch(ledger, clock, (0, UP), (30, UP), (30, DOWN), (10, DOWN), (20, UP), (10, UP))
    seen = ledger.uptime("ezra", START)
    assert (seen.up_seconds, seen.watched_seconds, seen.ratio) == (70, 100, 0.7)
    assert seen.changes == ((START, UP), (START + 60, DOWN), (START + 90, UP))


def test_only_what_is_asked_for_counts(ledger: Ledger, clock: SetClock) -> None:
    watch(ledger, clock, (0, UP), (100, DOWN), (100, UP), (100, UP))
    seen = ledger.uptime("ezra", START + 150)
    assert (seen.up_seconds, seen.watched_seconds) == (100, 150)
    assert seen.changes == ((START + 150, DOWN), (START + 200, UP))
    assert ledger.uptime("allegro", START) == Uptime()


def test_a_time_without_a_look_counts_neither_way(ledger: Ledger, clock: SetClock) -> None:
    watch(ledger, clock, (0, UP), (100, UP), (GAP + 1, DOWN), (100, DOWN))
    seen = ledger.uptime("ezra", START)
    assert (seen.up_seconds, seen.watched_seconds) == (100, 200)
    assert seen.changes == ((START, UP), (START + 100, UNWATCHED), (START + 101 + GAP, DOWN))


def test_what_could_not_be_observed_and_what_nobody_wants_count_neither_way(ledger: Ledger, clock: SetClock) -> None:
    watch(ledger, clock, (0, UP), (60, UNKNOWN), (60, UNWATCHED), (60, UP), (60, UP))
    seen = ledger.uptime("ezra", START)
    assert (seen.up_seconds, seen.watched_seconds) == (120, 120)
    assert [state for _, state in seen.changes] == [UP, UNKNOWN, UNWATCHED, UP]


def test_nobody_looks_any_more(ledger: Ledger, clock: SetClock) -> None:
    watch(ledger, clock, (0, UP), (100, UP))
    clock.seconds += 3600
    seen = ledger.uptime("ezra", START)
    assert (seen.up_seconds, seen.watched_seconds) == (100, 100)
    assert seen.changes == ((START, UP), (START + 100, UNWATCHED))


def test_a_wizard_that_goes_and_comes(ledger: Ledger, clock: SetClock) -> None:
    watch(ledger, clock, (0, UP))
    clock.seconds += 60
    ledger.presence(clock.seconds, {"allegro": UP})
    clock.seconds += 60
    ledger.presence(clock.seconds, {"allegro": UP, "ezra": UP})
    clock.seconds += 60
    ledger.presence(clock.seconds, {"allegro": UP, "ezra": UP})
    assert ledger.uptime("ezra", START).watched_seconds == 120
    assert ledger.uptime("allegro", START).watched_seconds == 120


def test_a_new_name_has_the_same_past(ledger: Ledger, clock: SetClock) -> None:
    watch(ledger, clock, (0, UP), (100, UP))
    moved = folder("ezra", "home")
    intent = ledger.intend(ledger.begin(COMMIT, "test"), COMMIT, step(moved), change(moved), Update())
    ledger.settle(intent, Result.DONE, "", Update(renamed=(("ezra", "esra"),)))
    clock.seconds += 50
    ledger.presence(clock.seconds, {"esra": UP})
    assert ledger.uptime("ezra", START) == Uptime()
    assert ledger.uptime("esra", START).up_seconds == 150


def test_what_is_older_than_90_days_is_forgotten(ledger: Ledger, clock: SetClock) -> None:
    watch(ledger, clock, (0, DOWN), (100, UP), (100, UP), (KEPT - 100, DOWN))
    assert ledger.uptime("ezra", START).changes[0] == (START, DOWN)
    watch(ledger, clock, (1, UP))
    assert ledger.uptime("ezra", START).changes[:2] == ((START, UNWATCHED), (START + 100, UP))


@pytest.mark.parametrize("back", [10.0, 86_400.0 * 365 * 30])
def test_a_clock_that_is_set_back_and_right_again_loses_nothing(ledger: Ledger, clock: SetClock, back: float) -> None:
    watch(ledger, clock, (0, UP), (200, UP), (-back, DOWN), (5, DOWN), (back - 5, UP), (100, UP))
    seen = ledger.uptime("ezra", START)
    assert seen.watched_seconds == 300
    assert seen.up_seconds >= 285
    assert seen.ratio is not None
    assert seen.ratio <= 1


def test_after_a_restart_the_time_goes_on(tmp_path: Path, clock: SetClock) -> None:
    for _ in range(3):
        ledger = SqliteLedger(tmp_path / "ledger.db", clock)
        watch(ledger, clock, (100, UP), (100, UP))
        ledger.close()
    seen = SqliteLedger(tmp_path / "ledger.db", clock, readonly=True)
    assert seen.uptime("ezra", START) == Uptime(500, 500, ((START, UNWATCHED), (START + 100, UP)))
    seen.close()


def test_a_look_that_sees_nothing_new_writes_at_most_once_a_minute(tmp_path: Path, clock: SetClock) -> None:
    ledger, other = (SqliteLedger(tmp_path / "ledger.db", clock) for _ in range(2))
    watch(ledger, clock, (0, UP))
    versions = [_commits(other)]
    for _ in range(60):
        watch(ledger, clock, (10, UP))
        versions.append(_commits(other))
    assert len(set(versions)) == 1 + 10
    assert ledger.uptime("ezra", START) == Uptime(600, 600, ((START, UP),))
    ledger.close()
    other.close()


def _commits(ledger: SqliteLedger) -> str:
    """What `watch` holds, as another connection sees it."""
    with ledger._database.reading() as connection:
        assert connection is not None
        return str(connection.execute("SELECT seen FROM watch").fetchone())


def test_a_ledger_of_the_first_format_is_taken_along(tmp_path: Path, clock: SetClock) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.executescript(MIGRATIONS[0])
        connection.execute("PRAGMA user_version = 1")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("INSERT INTO remembered VALUES ('a', 'b')")
        connection.execute("INSERT INTO start VALUES ('wizard/ezra/body', 12.5, 1)")
    reader = SqliteLedger(path, clock, readonly=True)
    with pytest.raises(Terminal, match="older format 1"):
        reader.get("a")
    ledger = SqliteLedger(path, clock)
    watch(ledger, clock, (0, UP), (10, UP))
    assert (ledger.get("a"), ledger.uptime("ezra", START).up_seconds) == ("b", 10)
    assert reader.get("a") == "b"
    assert reader.records().starts == {"wizard/ezra/body": Start(12.5, proven=True)}
    ledger.close()
    reader.close()


STATES = st.sampled_from(list(Presence))
LOOKS = st.lists(st.tuples(st.integers(1, 900), STATES), max_size=12)


@settings(max_examples=25, deadline=None)
@given(LOOKS, st.integers(0, 3000))
def test_the_ledger_says_what_a_plain_count_says(looks: list[tuple[int, Presence]], since: int) -> None:
    clock, moments, at = SetClock(), [(0, UP)], 0
    with TemporaryDirectory() as folder, closing(SqliteLedger(Path(folder) / "ledger.db", clock)) as ledger:
        watch(ledger, clock, (0, UP), *looks)
        seen = ledger.uptime("ezra", START + since)
    for seconds, state in looks:
        at += seconds
        moments.append((at, state))
    counted = {state: 0 for state in Presence}
    for (begin, state), (end, _) in pairwise(moments):
        if end - begin <= GAP:
            counted[state] += max(0, end - max(begin, since))
    assert seen.up_seconds == counted[UP]
    assert seen.watched_seconds == counted[UP] + counted[DOWN]


SPANS = st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 1000), STATES), max_size=10)


@given(SPANS, st.floats(0, 1000), st.floats(0, 1000))
def test_whatever_the_spans_are_the_numbers_make_sense(
    spans: list[tuple[float, float, Presence]], since: float, until: float
) -> None:
    whole = tuple(sorted((min(a, b), max(a, b), state) for a, b, state in spans))
    seen = uptime(whole, since, until)
    assert 0 <= seen.up_seconds <= seen.watched_seconds <= max(0.0, until - since) + 1e-6
    times = [at for at, _ in seen.changes]
    assert times == sorted(set(times))
    assert all(before[1] is not after[1] for before, after in pairwise(seen.changes))
    assert all(since <= at <= until for at in times)
