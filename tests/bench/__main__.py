"""`make bench`: measures every budget of the design in one run on one machine, and fails when one is missed.

Figures are ratios wherever two things can be measured side by side; nothing here is a test of the suite.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.bench import page
from tests.bench.against_pyinfra import against_pyinfra
from tests.bench.daemon import memory
from tests.bench.figure import Figure, Wrong, table
from tests.bench.idle import growth, idle
from tests.bench.push import push
from tests.bench.site import make_site
from tests.bench.startup import startup

SIZES = (10, 100, 1000)
ROOM = Path(tempfile.gettempdir())


def main() -> int:
    options = _options()
    with _room(options.dir) as folder:
        machine = page.machine(folder)
        try:
            figures = measure(folder)
        except Wrong as error:
            print(f"the benchmark failed: {error}", file=sys.stderr)
            return 1
        print(f"{machine}\n\n{table(figures)}")
        if options.write:
            page.write(figures, machine)
    return 1 if any(figure.missed for figure in figures) else 0


def measure(folder: Path) -> list[Figure]:
    _say("start-up")
    figures = startup()
    figures += _passes(folder)
    _say("memory of a daemon")
    figures += memory(folder / "daemon")
    _say("reconciler plan beside pyinfra")
    return figures + against_pyinfra(folder / "pyinfra")


def _passes(folder: Path) -> list[Figure]:
    with ExitStack() as stack:
        sites = {count: make_site(folder / str(count), count) for count in SIZES}
        hosts = {count: stack.enter_context(site.host()) for count, site in sites.items()}
        _say("first passes, then passes with nothing to do, with " + ", ".join(f"{count:,}" for count in SIZES))
        calm = idle(hosts)
        figures = [figure for one in calm.values() for figure in one.figures()] + growth(calm[100], calm[1000])
        for count in (100, 1000):
            _say(f"pushes, with {count:,}")
            figures += push(hosts[count], sites[count].remote, count).figures(budget=count == 100)
    return figures


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write the figures into {page.PAGE.name} too")
    parser.add_argument("--dir", type=Path, default=ROOM, help="where the files go for the run (default: %(default)s)")
    return parser.parse_args()


@contextmanager
def _room(parent: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="reconciler-bench-", dir=parent)).resolve()
    try:
        yield folder
    finally:
        _say("clearing up")
        shutil.rmtree(folder)


BEGUN = time.monotonic()


def _say(what: str) -> None:
    print(f"{time.monotonic() - BEGUN:4.0f} s  {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
