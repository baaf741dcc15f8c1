"""Walks generated fleets and counts how far they came; keeps the files of the one that broke something.

Not done here: arguments and printing (__main__.py).
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.fleets import GOLDEN, each_trap, fleets
from tests.fuzz.way import Walk, Walker


@dataclass
class Tally:
    """What came of all fleets so far."""

    stages: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    slowest_stage: str = ""
    seconds: float = 0.0
    changes: int = 0

    @property
    def count(self) -> int:
        return self.stages.total()

    def add(self, walk: Walk) -> None:
        self.stages[walk.stage] += 1
        self.rules.update(walk.rules)
        self.seconds += walk.seconds
        self.changes += walk.changes
        if walk.seconds > self.slowest:
            self.slowest, self.slowest_stage = walk.seconds, walk.stage


class Broken(AssertionError):
    """A fleet that broke something; `folder` holds its files, as small as they could be made."""

    def __init__(self, folder: Path, error: BaseException) -> None:
        super().__init__(f"{type(error).__name__}: {error}\nits files are in {folder}")
        self.folder = folder


def fuzz(count: int, number: int, seen: Callable[[Tally], None] = lambda tally: None) -> Tally:
    """Walks `count` fleets made from the seed `number`. Raises Broken."""
    walker, tally = Walker(GOLDEN), Tally()
    broken: dict[str, bytes] = {}

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(fleets())
    def each(files: Mapping[str, bytes]) -> None:
        try:
            walk = walker.walk(files)
            if not broken:
                tally.add(walk)
                seen(tally)
        except BaseException:
            broken.clear()
            broken.update(files)
            raise

    try:
        each()
    except Exception as error:
        if not broken:
            raise
        raise Broken(_kept(broken), error) from error
    return tally


def sweep(every: int = 1, first: int = 0, seen: Callable[[Tally], None] = lambda tally: None) -> Tally:
    """Each trap in the place of each value, one at a time (every n-th of these); each whole file in each place. Raises
    Broken."""
    walker, tally = Walker(GOLDEN), Tally()
    for make in islice(each_trap(), first, None, every):
        files = make()
        try:
            tally.add(walker.walk(files))
            seen(tally)
        except Exception as error:
            raise Broken(_kept(files), error) from error
    return tally


def _kept(files: Mapping[str, bytes]) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="fleet-that-broke-"))
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder
