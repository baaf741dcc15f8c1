"""Versions of codebases on a host whose wizards are files only: pruned, interrupted, away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.adapters.codebase_folder import BUILDING, MARKER
from reconciler.plan.codebases import version_name, version_path
from reconciler.plan.resource import PypiInstall
from tests.e2e.test_hard_places import Still
from tests.e2e.world import free_ports

pytestmark = pytest.mark.system
VERSIONS = ("1.16.0", "1.15.0", "1.14.0", "1.13.0")
AWAY = {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"}


class Shelf(Still):
    """A world with a small codebase, and a look at its versions."""

    @property
    def codebases(self) -> Path:
        return self.root / ".codebases" / "hermes-agent"

    def at(self, version: str) -> None:
        self.edit("codebase.yaml", lambda doc: doc.update(source={"pypi": "six", "version": version}))
        self.push(f"six {version}")

    def installed(self) -> set[str]:
        found = (path for path in self.codebases.iterdir() if not path.name.startswith("."))
        return {version_name(str(path)).rpartition("/")[2] for path in found}

    def place(self, version: str) -> Path:
        """Where the version stands."""
        return Path(version_path("hermes-agent", PypiInstall("six", version, ()), str(self.root)))

    def links(self) -> set[str]:
        links = ((self.root / name / "hermes-agent").readlink() for name in self.names)
        return {version_name(str(link)).rpartition("/")[2] for link in links}

    def begin(self) -> subprocess.Popen[bytes]:
        """A pass in a process of its own, to be killed."""
        environ = {**os.environ, **self.environ, "RECONCILER_CONFIG": str(self.folder / "reconciler.toml")}
        command = [sys.executable, "-m", "reconciler", "run", "--once"]
        return subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    world = Shelf(Path(tempfile.mkdtemp(prefix="fleet-shelf-")), "http://127.0.0.1:9/v1", free_ports(3))
    try:
        world.make()
        world.converge()
        yield world
    finally:
        world.shutdown()


def kill_when(run: subprocess.Popen[bytes], there: Path, gone: Path | None = None) -> None:
    """Kills the pass in the moment in which the one path is there and the other is not."""
    deadline = time.monotonic() + 60
    while run.poll() is None and time.monotonic() < deadline:
        if there.exists() and not (gone and gone.exists()):
            break
    run.send_signal(signal.SIGKILL)
    run.wait()


def test_two_unused_versions_stay_and_history_tells_what_went(shelf: Shelf) -> None:
    for version in VERSIONS[1:]:
        shelf.at(version)
        shelf.converge()
    assert shelf.installed() == {"1.15.0", "1.14.0", "1.13.0"}
    assert shelf.links() == {"1.13.0"}
    history = shelf.cli("history")
    assert "codebase/hermes-agent/1.16.0" in history or "1.16.0" in history
    shelf.at("1.14.0")  # the way back needs no registry
    shelf.environ = AWAY
    shelf.converge()
    assert shelf.links() == {"1.14.0"}


def test_an_interrupted_install_is_finished_or_removed_by_the_next_pass(shelf: Shelf) -> None:
    for wanted, left in (("1.15.0", {"1.16.0", "1.15.0"}), ("1.16.0", {"1.16.0", "1.15.0"})):
        broken = "1.15.0" if wanted == "1.15.0" else "1.14.0"
        shelf.at(broken)
        kill_when(shelf.begin(), shelf.place(broken) / BUILDING)
        assert (shelf.place(broken) / BUILDING).exists()
        assert not (shelf.place(broken) / MARKER).exists()
        assert broken not in shelf.links()
        if wanted != broken:
            shelf.at(wanted)
        shelf.converge()
        assert shelf.installed() == left
        assert shelf.links() == {wanted}


def test_an_interrupted_removal_is_finished_by_the_next_pass(shelf: Shelf) -> None:
    for version in VERSIONS[1:3]:
        shelf.at(version)
        shelf.converge()
    doomed = shelf.place("1.16.0")
    for number in range(5000):
        (doomed / "lib" / f"{number}").write_text("x")
    shelf.at("1.13.0")
    kill_when(shelf.begin(), doomed / BUILDING, doomed / MARKER)
    output = shelf.converge()
    assert shelf.installed() == {"1.15.0", "1.14.0", "1.13.0"}, output
    assert not doomed.exists()


def test_with_the_registry_away_nothing_of_a_wizard_moves(shelf: Shelf) -> None:
    before = shelf.content()
    shelf.environ = {**AWAY, "UV_CACHE_DIR": str(shelf.folder / "empty-cache")}
    shelf.at("1.15.0")
    output = shelf.cli("run", "--once", code=1)
    assert "could not be reached" in output
    assert shelf.content() == before
    assert shelf.installed() == {"1.16.0"}
    shelf.environ = {}
    shelf.converge()
    assert shelf.links() == {"1.15.0"}


def test_a_version_that_does_not_exist_is_said_and_the_mending_commit_is_applied_at_once(shelf: Shelf) -> None:
    before = shelf.content()
    shelf.at("99.0")
    output = shelf.cli("run", "--once", code=1)
    assert "six==99.0" in output
    assert shelf.content() == before
    assert shelf.installed() == {"1.16.0"}
    shelf.at("1.15.0")
    shelf.converge()
    assert shelf.links() == {"1.15.0"}


def test_somebody_who_still_runs_an_old_version_keeps_it(shelf: Shelf) -> None:
    for version in VERSIONS[1:3]:
        shelf.at(version)
        shelf.converge()
    python = str(shelf.place("1.16.0") / "bin" / "python")
    with subprocess.Popen([python, "-c", "print('up', flush=True); input()"], stdout=-1, stdin=-1, text=True) as user:
        try:
            assert user.stdout is not None
            assert user.stdout.readline() == "up\n"
            shelf.at("1.13.0")
            output = shelf.cli("run", "--once", code=1)
            assert f"pid {user.pid}" in output
            assert shelf.links() == {"1.13.0"}
            assert "1.16.0" in shelf.installed()
        finally:
            user.kill()
    shelf.converge()
    assert shelf.installed() == {"1.15.0", "1.14.0", "1.13.0"}


def test_a_link_in_place_of_an_old_version_is_left_alone(shelf: Shelf) -> None:
    for version in VERSIONS[1:3]:
        shelf.at(version)
        shelf.converge()
    precious = shelf.folder / "precious"
    shelf.place("1.16.0").rename(precious)
    shelf.place("1.16.0").symlink_to(precious)
    shelf.at("1.13.0")
    shelf.converge()
    assert (precious / MARKER).exists()
    assert shelf.place("1.16.0").is_symlink()
