"""Puts a site back into a state that it was in before: its folders, and which programs run.

The supervisor lives on where the state has one, since starting it costs more than a pass does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from reconciler.adapters.supervisor_files import read_program
from reconciler.adapters.supervisor_layout import layout
from reconciler.protocols.runtime import Program
from tests.kills.look import gateway_processes, supervisors
from tests.kills.site import Site

KEPT = ("state", "wizards", "remote.git")
"""Folders that a snapshot holds."""
UP_SECONDS = 120.0


def save(site: Site, name: str) -> None:
    """Remembers the folders as they are now, and which programs run."""
    target = _place(site, name)
    target.mkdir(parents=True)
    for folder in KEPT:
        if (site.folder / folder).exists():
            subprocess.run(["cp", "-a", str(site.folder / folder), str(target)], check=True)


def restore(site: Site, name: str) -> None:
    """The folders and programs of the snapshot, and nothing else."""
    source = _place(site, name)
    wanted = _programs(source / "state")
    runtime = site.runtime()
    for program in layout(site.state, None).registered():
        runtime.stop(program, 5)
        runtime.forget(program)
    if not wanted:
        runtime.shutdown()
    _put_back(site, source)
    for program in wanted:
        runtime.start(program)
    for program in wanted:
        _await(site, program)
    runtime.unplanned()


def scrub(site: Site) -> None:
    """Ends every process of the site, however it got there, with its supervisor and what that knows."""
    site.runtime().shutdown()
    for process in (*supervisors(site), *gateway_processes(site)):
        process.kill()
        process.wait(10)
    shutil.rmtree(site.state / "supervisor", ignore_errors=True)


def close(site: Site) -> None:
    scrub(site)
    shutil.rmtree(site.folder, ignore_errors=True)


def _place(site: Site, name: str) -> Path:
    return site.folder / "snapshots" / name


def _put_back(site: Site, source: Path) -> None:
    supervisor = site.state / "supervisor"
    for folder in KEPT:
        there, kept = site.folder / folder, source / folder
        if not kept.exists():
            shutil.rmtree(there, ignore_errors=True)
            continue
        there.mkdir(exist_ok=True)
        for path in there.iterdir():
            if path != supervisor:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        entries = [str(path) for path in kept.iterdir() if path.name != supervisor.name]
        if entries:
            subprocess.run(["cp", "-a", "-t", str(there), *entries], check=True)
        shutil.copystat(kept, there)


def _programs(state: Path) -> list[Program]:
    there = layout(state, None)
    found = (read_program(there, name) for name in sorted(there.registered()))
    return [program for program in found if program]


def _await(site: Site, program: Program) -> None:
    """Until the gateway is past its start, where it opens its database."""
    runtime = site.runtime()
    deadline = time.monotonic() + UP_SECONDS
    while time.monotonic() < deadline:
        pid = runtime.observe([program.name])[program.name].pid
        if pid and _listens(pid):
            return
        time.sleep(0.01)
    raise AssertionError(f"{program.name} does not come up")


def _listens(pid: int) -> bool:
    try:
        links = [os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return False
    return any(link.startswith("socket:") for link in links)
