"""`reconciler demo --once`: the whole system from nothing, and nothing left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.hermes, pytest.mark.alone]


def test_the_demo_converges_answers_and_leaves_nothing_running(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "demo", "--once", "--dir", str(folder)],
        capture_output=True,
        text=True,
        timeout=280,
        env={**os.environ, "NO_COLOR": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 wizards: all as desired" in done.stdout
    assert "You said: Who are you" in done.stdout
    assert "First healthy wizard after" in done.stdout
    assert "\x1b[" not in done.stdout
    left = [p for p in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(p.info["cmdline"] or [])]
    assert left == []
