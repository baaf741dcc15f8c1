"""A real `reconciler run` that keeps 100 wizards for a while, with its web server asked for pages meanwhile, and its
resident memory. The wizards are desired dead: gateways are not its memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil

from tests.bench.figure import Figure
from tests.e2e.test_hard_places import Still
from tests.e2e.world import NETWORK, free_ports, until

WIZARDS = 100
ROUNDS = 50
BUDGET_MIB = 100.0
PAGES = ("/", "/plan", "/history", "/ports", "/wizards/wizard-050", "/api/v1/wizards", "/metrics")


def memory(folder: Path) -> list[Figure]:
    """Resident memory after a look at the host, a poll and all pages, fifty times over."""
    names = tuple(f"wizard-{number:03}" for number in range(WIZARDS))
    folder.mkdir(parents=True, exist_ok=True)
    *ports, web = free_ports(WIZARDS + 1)
    world = Still(folder, "http://127.0.0.1:9/v1", ports, names)
    try:
        world.make()
        settings = folder / "reconciler.toml"
        text = settings.read_text().replace("[source]", f'[web]\nbind = "127.0.0.1:{web}"\n[source]\npoll = "500ms"')
        settings.write_text(text.replace("[apply]", '[apply]\ndrift = "300ms"'))
        mib = _measured(settings, f"http://127.0.0.1:{web}")
    finally:
        world.shutdown()
    what = f"{WIZARDS} wizards: resident memory of the daemon with its pages"
    return [Figure(what, f"{mib:.0f} MiB", f"{BUDGET_MIB:.0f} MiB", mib < BUDGET_MIB)]


def _measured(settings: Path, address: str) -> float:
    environ = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", str(settings.parent))}
    environ |= {name: value for name, value in os.environ.items() if name.upper().startswith(NETWORK)}
    command = [sys.executable, "-m", "reconciler", "--config", str(settings), "run"]
    process = subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL)
    try:
        until(lambda: _answers(f"{address}/readyz"), 120, "the daemon is ready")
        for _ in range(ROUNDS):
            for page in PAGES:
                with urllib.request.urlopen(address + page, timeout=60) as reply:
                    reply.read()
            time.sleep(0.5)
        return psutil.Process(process.pid).memory_info().rss / 2**20
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as reply:
            return reply.status == 200
    except (urllib.error.URLError, OSError):
        return False
