"""A few hundred generated fleets, and a share of the table of traps; `python -m tests.fuzz` does all of it."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.__main__ import table
from tests.fuzz.run import Broken, Tally, fuzz, sweep
from tests.fuzz.way import LIMIT, Walker, Wrong
from tests.spec.fleets import golden

SEED = 20_260_331
STRIDE = 127
"""Every 127th of some 18,000 rows of the table: prime, so that each trap gets its turn at some value."""


def test_generated_fleets_are_planned_or_refused_with_a_place() -> None:
    tally = fuzz(300, SEED)
    print(table(tally, f"seed {SEED}", tally.seconds))
    assert tally.count >= 300
    # Both ways are really gone.
    assert tally.stages["plan"] >= 100
    assert min(tally.stages[stage] for stage in ("bytes", "yaml", "schema", "check")) > 0
    assert tally.changes > 1000


def test_each_trap_at_some_value() -> None:
    first = random.Random(SEED).randrange(STRIDE)
    tally = sweep(STRIDE, first)
    print(table(tally, f"every {STRIDE}th trap from {first}", tally.seconds))
    assert tally.count > 120
    assert len(tally.rules) > 10


def test_what_hangs_is_interrupted_and_said() -> None:
    with pytest.raises(Wrong, match=r"more than 0.05 s of work, .*it was at \S+:\d+"):
        Walker(golden(), limit=0.05).walk({**golden(), "fleet/x.yaml": b"- a\n" * 99_000})


def test_files_that_break_something_are_kept() -> None:
    def broken(tally: Tally) -> None:
        raise Wrong("as a test would have it")

    with pytest.raises(Broken) as caught:
        fuzz(1, SEED, broken)
    kept = {path.relative_to(caught.value.folder).as_posix() for path in caught.value.folder.rglob("*.yaml")}
    assert any(name.startswith("fleet/") for name in kept)


def test_the_limit_is_two_seconds() -> None:
    assert LIMIT == 2.0
