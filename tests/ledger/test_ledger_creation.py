"""Making a ledger: killed at any call, the next process has one, and nothing else stays."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.adapters.sqlite import SqliteLedger
from tests.ledger.examples import SteppingClock

KILLED = """
import os, signal, sys
from pathlib import Path
from reconciler.adapters.clock import SystemClock
from reconciler.adapters.sqlite import SqliteLedger
sys.addaudithook(lambda event, _: event == sys.argv[2] and os.kill(os.getpid(), signal.SIGKILL))
SqliteLedger(Path(sys.argv[1]), SystemClock()).put("a", "b")
"""


@pytest.mark.system
@pytest.mark.parametrize("call", ["sqlite3.connect/handle", "os.link", "os.remove"])
def test_killed_while_it_is_made(tmp_path: Path, call: str) -> None:
    path = tmp_path / "ledger.db"
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), call], check=False)
    assert done.returncode == -signal.SIGKILL
    assert any(one.name.endswith(".new") for one in tmp_path.iterdir())
    for _ in range(2):  # the first one makes it, where there is none; who opens it clears up
        ledger = SqliteLedger(path, SteppingClock())
        assert ledger.get("a") is None
        ledger.close()
    assert [one.name for one in tmp_path.iterdir()] == ["ledger.db"]
