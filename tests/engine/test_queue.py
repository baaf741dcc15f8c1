"""The work queue: a key is there once, nothing that was asked for is forgotten, failures wait longer each time."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Thread

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from reconciler.adapters.clock import SystemClock
from reconciler.engine.queue import Key, Kind, WorkQueue, backoff

KEYS = st.sampled_from([Key(Kind.PASS), Key(Kind.PREVIEW, "1"), Key(Kind.PREVIEW, "2"), Key(Kind.REPORT, "abc")])


@dataclass
class Hands:
    """A clock that is set by hand."""

    at: float = 0.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


class Asked(RuleBasedStateMachine):
    """What was asked for and not yet taken, kept beside the queue."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Hands()
        self.queue = WorkQueue(self.clock, 2.0, 60.0)
        self.due: dict[Key, float] = {}
        self.triggers: dict[Key, set[str]] = {}
        self.failures: dict[Key, int] = {}

    @rule(key=KEYS, trigger=st.sampled_from("abc"), seconds=st.sampled_from([0.0, 1.0, 30.0]))
    def add(self, key: Key, trigger: str, seconds: float) -> None:
        self.queue.add(key, trigger, seconds)
        self._asked(key, trigger, seconds)

    @rule(seconds=st.sampled_from([0.5, 3.0, 100.0]))
    def wait(self, seconds: float) -> None:
        self.clock.at += seconds

    @rule(goes_well=st.booleans())
    def work(self, goes_well: bool) -> None:
        due = [key for key, at in self.due.items() if at <= self.clock.at]
        taken = self.queue.take(0.0)
        if not due:
            assert taken is None
            return
        assert taken is not None
        earliest = min(self.due[key] for key in due)
        assert self.due.pop(taken.key) == earliest
        assert set(taken.triggers) == self.triggers.pop(taken.key)
        if goes_well:
            self.queue.done(taken.key)
            self.failures.pop(taken.key, None)
        else:
            count = self.failures.get(taken.key, 0)
            assert self.queue.failed(taken.key, "again") == backoff(count, 2.0, 60.0)
            self.failures[taken.key] = count + 1
            self._asked(taken.key, "again", backoff(count, 2.0, 60.0))

    def _asked(self, key: Key, trigger: str, seconds: float) -> None:
        due = self.clock.at + seconds
        self.due[key] = min(self.due.get(key, due), due)
        self.triggers.setdefault(key, set()).add(trigger)

    @invariant()
    def holds_each_key_once_with_its_time(self) -> None:
        waiting = self.queue.waiting()
        assert {w.key: w.seconds for w in waiting} == {k: max(0.0, at - self.clock.at) for k, at in self.due.items()}
        assert {w.key: set(w.triggers) for w in waiting} == self.triggers
        assert [w.seconds for w in waiting] == sorted(w.seconds for w in waiting)
        assert all(w.failures == self.failures.get(w.key, 0) for w in waiting)


TestAsked = Asked.TestCase


@given(st.integers(0, 10_000))
def test_a_backoff_doubles_up_to_its_limit(failures: int) -> None:
    assert backoff(failures, 2.0, 300.0) == min(300.0, 2.0 * 2 ** min(failures, 60))


def test_two_thousand_wakes_are_one_key() -> None:
    queue = WorkQueue(SystemClock())
    threads = [Thread(target=lambda: [queue.add(Key(Kind.PASS), "webhook") for _ in range(250)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert queue.added == 2000
    taken = queue.take(5.0)
    assert taken is not None
    assert taken.trigger == "webhook"
    assert queue.take(0.0) is None


def test_a_key_that_is_asked_for_while_it_is_worked_on_comes_again() -> None:
    queue = WorkQueue(SystemClock())
    queue.add(Key(Kind.PASS), "first")
    assert queue.take(5.0) is not None
    queue.add(Key(Kind.PASS), "second")
    queue.done(Key(Kind.PASS))
    again = queue.take(5.0)
    assert again is not None
    assert again.triggers == ("second",)


def test_closing_ends_a_take_that_waits() -> None:
    queue = WorkQueue(SystemClock())
    found: list[object] = []
    taker = Thread(target=lambda: found.append(queue.take(600.0)))
    taker.start()
    queue.close()
    taker.join(30.0)
    assert found == [None]
