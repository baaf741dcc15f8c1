"""`python -m tests.soak [--passes N] [--seed N]`: what the daemon holds every 50 passes, and how the host compares with
the last push at the end. Exit 1 when it differs, or when the daemon grew."""

from __future__ import annotations

import argparse
import random
import secrets
import sys
import tempfile
import time
import urllib.error
from pathlib import Path

from tests.e2e.world import free_ports
from tests.soak.house import House
from tests.soak.trouble import LATER, TROUBLES

EVERY = 50
DAEMON_KILLS = 0.3
"""Share of the passes in which the daemon itself is killed; the rest is one life, so that growth would show."""
GROWTH_MIB = 20
GROWTH = 6
"""Open files, children or threads by which the last reading may be over the first."""


def passes(text: str) -> int:
    """Passes that have ended, of the daemon's own counter."""
    lines = (line for line in text.splitlines() if line.startswith("reconciler_passes_total{"))
    return int(sum(float(line.rsplit(" ", 1)[1]) for line in lines))


def soak(house: House, wanted: int, dice: random.Random) -> int:
    readings: list[dict[str, int]] = []
    counts: dict[str, int] = {}
    done, before, next_reading = 0, 0, EVERY
    daemon = house.start_daemon()
    began = time.monotonic()
    try:
        daemon.converged(house.repository.tip())
        while done + before < wanted:
            trouble = dice.choice(TROUBLES if done + before < wanted * DAEMON_KILLS else LATER)
            counts[trouble.__name__] = counts.get(trouble.__name__, 0) + 1
            before_kill = done
            daemon = trouble(house, daemon, dice)
            daemon.converged(house.repository.tip(), 180.0)
            try:
                done = passes(daemon.text("/metrics"))
            except urllib.error.URLError:
                continue
            if trouble.__name__ == "kill_daemon":
                before += before_kill
            if done + before >= next_reading:
                next_reading += EVERY
                readings.append(daemon.usage())
                told = ", ".join(f"{value} {name}" for name, value in readings[-1].items())
                print(f"{done + before:5d} passes, {time.monotonic() - began:6.0f} s: {told}", flush=True)
        daemon.converged(house.repository.tip(), 180.0)
        planned = house.changed(code=0)
        strays = house.strays()
    except AssertionError:
        print("\n".join(daemon.log.read_text().splitlines()[-40:]))
        raise
    finally:
        daemon.process.terminate()
        code = daemon.process.wait(30)
    print("troubles:", ", ".join(f"{count} {name}" for name, count in sorted(counts.items())))
    print(f"a new process plans: {planned or 'nothing'}")
    print(f"the live host differs from the last push in: {strays or 'nothing'}")
    print(f"the daemon ended with {code}")
    grown = [name for name in readings[0] if _grown(readings, name)]
    print(f"grown: {', '.join(grown) or 'nothing'}")
    return int(bool(planned or strays or grown or code))


def _grown(readings: list[dict[str, int]], name: str) -> bool:
    """Whether the last reading is over every one of the first third by more than it may."""
    first = max(reading[name] for reading in readings[: max(1, len(readings) // 3)])
    return readings[-1][name] > first + (GROWTH_MIB if name == "MiB" else GROWTH)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--passes", type=int, default=500)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    names = ("ada", "bilbo", "cleo", "dora")
    house = House(Path(tempfile.mkdtemp(prefix="soak-")), "http://127.0.0.1:9/v1", free_ports(8), names)
    try:
        house.settle_in()
        return soak(house, asked.passes, random.Random(asked.seed))
    finally:
        house.shutdown()


if __name__ == "__main__":
    sys.exit(main())
