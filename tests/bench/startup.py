"""Start-up: `reconciler --help` over an interpreter that does nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench.figure import Figure
from tests.bench.stopwatch import milliseconds, times

ROUNDS = 15
BUDGET_MS = 100.0
COMMAND = str(Path(sys.executable).parent / "reconciler")


def startup() -> list[Figure]:
    pairs = [(_run([sys.executable, "-c", "pass"]), _run([COMMAND, "--help"])) for _ in range(ROUNDS)]
    bare, ours = times(pair[0] for pair in pairs), times(pair[1] for pair in pairs)
    over = ours.median - bare.median
    return [
        Figure("`python -c pass`", str(bare)),
        Figure("`reconciler --help`", str(ours)),
        Figure("`reconciler --help` over it", f"{over:.0f} ms", f"{BUDGET_MS:.0f} ms", over <= BUDGET_MS),
    ]


def _run(command: Sequence[str]) -> float:
    return milliseconds(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
