"""Starting the worker as a real process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def argv(verb: str, path: Path) -> list[str]:
    return [sys.executable, "-m", "tests.ledger.worker", verb, str(path)]


def run(verb: str, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv(verb, path), cwd=ROOT, check=False, capture_output=True, text=True, timeout=120)


def start(verb: str, path: Path) -> subprocess.Popen[str]:
    """With pipes for standard input and output; use it as a context manager and end it."""
    return subprocess.Popen(argv(verb, path), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
