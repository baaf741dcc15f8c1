"""`reconciler demo`: the whole system from nothing, and nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
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


def test_the_demo_follows_a_push_and_serves_its_dashboard_until_ctrl_c(tmp_path: Path) -> None:
    folder, told = tmp_path / "demo", tmp_path / "told"
    command = [sys.executable, "-m", "reconciler", "demo", "--dir", str(folder)]
    with told.open("wb") as out:
        demo = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, "NO_COLOR": "1"}, restore_signals=True
        )
    try:
        said = _until(demo, told, "Ctrl-C stops the gateways")
        found = re.search(r"dashboard: (http://\S+)", said)
        assert found is not None
        soul = next((folder / "my-fleet" / "fleet").rglob("ezra.md"))
        soul.write_text(soul.read_text() + "\nYou have retired.\n")
        push = "git -c user.name=You -c user.email=you@example.invalid commit -qam Retired && git push -q"
        subprocess.run(push, shell=True, check=True, cwd=folder / "my-fleet")
        _until(demo, told, "(Retired)")
        with urllib.request.urlopen(found[1], timeout=60) as page:
            assert "ezra" in page.read().decode()
        demo.send_signal(signal.SIGINT)
        assert demo.wait(120) == 0, told.read_text()[-3000:]
    finally:
        demo.kill()
        demo.wait()
    left = [p for p in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(p.info["cmdline"] or [])]
    assert left == []


def _until(demo: subprocess.Popen[bytes], told: Path, words: str) -> str:
    """What the demo has said once it has said these words."""
    deadline = time.monotonic() + 200
    while words not in (said := told.read_text()):
        assert demo.poll() is None, said[-3000:]
        assert time.monotonic() < deadline, said[-3000:]
        time.sleep(0.2)
    return said
