"""A process of its own that keeps 100 wizards converged for a while and tells its resident memory.

Called as `python -m tests.bench.daemon FOLDER`; prints bytes.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import psutil

from reconciler.engine.reconcile import Reconciler, Request
from tests.bench.figure import Figure
from tests.bench.idle import converge, settled
from tests.bench.site import make_site

WIZARDS = 100
PASSES = 50
BUDGET_MIB = 100.0
# What the stand-ins replace; a real daemon has it in memory.
ALSO = (
    "reconciler.cli.app",
    "reconciler.compose",
    "reconciler.adapters.supervisord",
    "reconciler.adapters.ports",
    "httpx",
)


def memory(folder: Path) -> list[Figure]:
    """Resident memory of a fresh process."""
    command = [sys.executable, "-m", "tests.bench.daemon", str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    mib = int(done.stdout) / 1024 / 1024
    what = f"{WIZARDS} wizards: resident memory after {PASSES} passes"
    return [Figure(what, f"{mib:.0f} MiB", f"{BUDGET_MIB:.0f} MiB", mib < BUDGET_MIB)]


def main(folder: Path) -> None:
    for module in ALSO:
        importlib.import_module(module)
    with make_site(folder, WIZARDS).host() as host:
        reconciler = Reconciler(host)
        converge(reconciler)
        for _ in range(PASSES):
            settled(reconciler.run(Request()))
        print(psutil.Process().memory_info().rss)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
