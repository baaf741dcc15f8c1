"""Wall-clock times of jobs, and of single methods of a door to the world while somebody else uses it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

D = TypeVar("D")


def milliseconds(job: Callable[[], object]) -> float:
    """How long one call of the job takes."""
    begun = time.perf_counter()
    job()
    return (time.perf_counter() - begun) * 1000


@dataclass(frozen=True, slots=True)
class Times:
    """Several measurements of one thing, in milliseconds."""

    every: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.every)

    def __str__(self) -> str:
        return f"{_short(self.median)} ms ({_short(min(self.every))} to {_short(max(self.every))})"


def times(every: Iterable[float]) -> Times:
    return Times(tuple(every))


def minus(longer: Times, shorter: Times) -> Times:
    """What is left of each measurement without a part of it."""
    return times(a - b for a, b in zip(longer.every, shorter.every, strict=True))


def over(one: Times, other: Times) -> float:
    """The ratio of two things that were measured in turns: the median of the rounds' own ratios."""
    return statistics.median(a / b for a, b in zip(one.every, other.every, strict=True))


class Stopwatch:
    """Sums up the time spent in named methods; `take` reads one sum and sets it back to zero."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}

    def take(self, name: str) -> float:
        """Milliseconds since it was last taken."""
        return self._sums.pop(name, 0.0)

    def timed(self, name: str, method: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **options: object) -> object:
            begun = time.perf_counter()
            try:
                return method(*args, **options)
            finally:
                self._sums[name] = self._sums.get(name, 0.0) + (time.perf_counter() - begun) * 1000

        return call


def watched(door: D, watch: Stopwatch, methods: Sequence[str]) -> D:
    """The door, with these methods timed under their own names."""
    return cast("D", _Watched(door, watch, methods))


class _Watched:
    def __init__(self, door: object, watch: Stopwatch, methods: Sequence[str]) -> None:
        self._door = door
        for name in methods:
            setattr(self, name, watch.timed(name, getattr(door, name)))

    def __getattr__(self, name: str) -> object:
        return getattr(self._door, name)


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"
