"""The figures in docs/benchmarks.md: what stands between the markers is written by the last `--write`."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.figure import Figure, require, table

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
BEGIN = "<!-- figures: written by `python -m tests.bench --write` -->"
END = "<!-- end of figures -->"


def write(figures: Sequence[Figure], machine: str) -> None:
    text = PAGE.read_text()
    require(text.count(BEGIN) == 1 and text.count(END) == 1, f"{PAGE.name} has lost its markers")
    head, tail = text.split(BEGIN)[0], text.split(END)[1]
    PAGE.write_text(f"{head}{BEGIN}\n\n{machine}\n\n{table(figures)}\n\n{END}{tail}")


def machine(folder: Path) -> str:
    """One paragraph; taken before the run, so that the load is that of others."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, `python -m tests.bench`. {os.cpu_count()} cores, {_cpu()}, {_memory()} GB; "
        f"Linux {platform.release()}; Python {platform.python_version()}; files on {_disk(folder)}. "
        f"Load before the run (1, 5, 15 minutes): {load}."
    )


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)


def _disk(folder: Path) -> str:
    """File system and device below the folder."""
    mounts = [line.split()[:3] for line in Path("/proc/self/mounts").read_text().splitlines()]
    holding = [mount for mount in mounts if folder.is_relative_to(mount[1])]
    device, _, kind = max(holding, key=lambda mount: len(mount[1]))
    return f"{kind} ({Path(device).name})"
