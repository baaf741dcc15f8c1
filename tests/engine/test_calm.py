"""How long deliveries wait before they are worth a pass."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.engine.calm import FIRST_SECONDS, LONGEST_SECONDS, Calm


@dataclass
class Hand:
    """A clock that is turned by hand."""

    at: float = 1000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def test_the_first_delivery_waits_for_nothing() -> None:
    assert Calm(Hand()).seconds(busy=False) == 0.0


def test_one_that_comes_while_a_pass_runs_waits_a_little() -> None:
    assert Calm(Hand()).seconds(busy=True) == FIRST_SECONDS


def test_passes_for_nothing_double_the_wait_until_one_finds_something() -> None:
    clock = Hand()
    calm = Calm(clock)
    waits = []
    for _ in range(6):
        calm.ended(found=False)
        waits.append(calm.seconds(busy=False))
        clock.sleep(waits[-1])
    assert waits == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]
    assert max(waits) == LONGEST_SECONDS
    calm.ended(found=True)
    assert calm.seconds(busy=False) == 0.0


def test_after_a_quiet_while_it_begins_anew() -> None:
    clock = Hand()
    calm = Calm(clock)
    for _ in range(2):
        calm.ended(found=False)
        clock.sleep(calm.seconds(busy=False))
    clock.sleep(FIRST_SECONDS)
    calm.ended(found=False)
    assert calm.seconds(busy=False) == FIRST_SECONDS
