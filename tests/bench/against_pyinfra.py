"""A whole `reconciler plan` beside a whole `pyinfra --dry` on the same converged resources of 30 wizards.

The wizards are declared dead, files without a gateway: thirty real gateways would need 3 GB, and pyinfra has nothing to
compare them with. pyinfra owns files whole where we own keys, so its deploy gets copies of the files as they are.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from reconciler.engine.reconcile import Reconciler
from reconciler.engine.request import Request
from reconciler.plan.resource import CodebaseVersion, Directory, KeyedFile, Process, Resource, Symlink, TextFile
from tests.bench.figure import Figure, require
from tests.bench.idle import converge
from tests.bench.site import MARKER, Site, make_site
from tests.bench.startup import COMMAND
from tests.bench.stopwatch import milliseconds, times

WIZARDS = 30
ROUNDS = 3
BUDGET_TIMES = 10.0
PYINFRA = str(Path(sys.executable).parent / "pyinfra")
DEPLOY = Path(__file__).with_name("pyinfra_deploy.py")


def against_pyinfra(folder: Path) -> list[Figure]:
    site = make_site(folder, WIZARDS, desired="dead")
    with site.host() as host:
        reconciler = Reconciler(host)
        converge(reconciler)
        items = list(_items(reconciler.plan(Request()).wanted.desired.resources, folder / "sources"))
    (folder / "manifest.json").write_text(json.dumps(items))
    pairs = []
    for number in range(ROUNDS + 1):  # the first round only warms up
        pair = (milliseconds(lambda: _plan(site)), milliseconds(lambda: _dry_run(folder, len(items))))
        pairs += [pair] if number else []
    ours, theirs = times(pair[0] for pair in pairs), times(pair[1] for pair in pairs)
    faster = theirs.median / ours.median
    size = f"{WIZARDS} wizards, {len(items)} resources"
    return [
        Figure(f"{size}: `pyinfra --dry`", str(theirs)),
        Figure(f"{size}: `reconciler plan`", str(ours)),
        Figure(f"{size}: faster", f"{faster:.1f}x", f"{BUDGET_TIMES:g}x", faster >= BUDGET_TIMES),
    ]


def _plan(site: Site) -> None:
    done = _run([COMMAND, "plan"], site.folder, {"RECONCILER_CONFIG": str(site.config)})
    require(done.returncode == 0, f"`reconciler plan` was to plan nothing:\n{done.stdout}{done.stderr}")


def _dry_run(folder: Path, resources: int) -> None:
    done = _run([PYINFRA, "--dry", "@local", str(DEPLOY)], folder, {"BENCH_MANIFEST": str(folder / "manifest.json")})
    output = done.stdout + done.stderr
    require(done.returncode == 0, f"pyinfra failed:\n{output[-2000:]}")
    unchanged = re.findall(r"^ +\S+/\S+ +- +- *$", output, re.MULTILINE)
    require(len(unchanged) == resources, f"pyinfra was to change none of {resources}:\n{output[-2000:]}")


def _run(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", "NO_COLOR": "1", **variables}
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)


def _items(resources: Sequence[Resource], sources: Path) -> Iterator[Mapping[str, str]]:
    """What the deploy declares, with a copy of each file as its source. Processes are left out: they are all dead."""
    sources.mkdir()
    for resource in resources:
        match resource:
            case Directory(key=key, path=path, mode=mode):
                yield {"type": "directory", "key": key, "path": path, "mode": f"{mode:o}"}
            case TextFile(key=key, path=path, mode=mode) | KeyedFile(key=key, path=path, mode=mode):
                copy = sources / key.replace("/", "_")
                copy.write_bytes(Path(path).read_bytes())
                yield {"type": "file", "key": key, "path": path, "mode": f"{mode:o}", "source": str(copy)}
            case Symlink(key=key, path=path, target=target):
                yield {"type": "link", "key": key, "path": path, "target": target}
            case CodebaseVersion(key=key, path=path):
                yield {"type": "marker", "key": key, "path": f"{path}/{MARKER}"}
            case Process():
                pass
