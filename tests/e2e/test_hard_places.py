"""Bad places to work in: a full disk, a read-only root, a corrupt ledger, a second reconciler, a kill at any moment.

Wizards are desired dead here, so that no gateway is needed: folders, files, links, a small real codebase.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.e2e.world import World, free_ports

pytestmark = pytest.mark.system


class Still(World):
    """A world whose wizards are files only."""

    def wizard_document(self, name: str, port: int) -> dict[str, object]:
        return {**super().wizard_document(name, port), "desired": "dead"}

    def make(self) -> None:
        self.version = "1.16.0"
        super().make()
        source = {"pypi": "six", "version": "1.16.0"}
        self.write("codebase.yaml", {"kind": "Codebase", "name": "hermes-agent", "source": source})
        self.push("A small codebase")

    def content(self) -> dict[str, object]:
        """Paths, modes, links and bytes below the wizards' folders (generated secrets left out)."""
        found: dict[str, object] = {}
        for name in self.names:
            for path in sorted((self.root / name).rglob("*")):
                mode = path.lstat().st_mode
                if path.is_symlink():
                    found[str(path)] = (mode, str(path.readlink()))
                elif path.is_file():
                    found[str(path)] = (mode, path.read_text() if path.name != ".env" else "")
                else:
                    found[str(path)] = mode
        return found


@pytest.fixture
def still() -> Iterator[Still]:
    world = Still(Path(tempfile.mkdtemp(prefix="fleet-still-")), "http://127.0.0.1:9/v1", free_ports(3))
    try:
        world.make()
        yield world
    finally:
        world.shutdown()


@contextmanager
def small_disk(path: Path, size: str) -> Iterator[None]:
    path.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small file system can't be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def fill(path: Path) -> Path:
    """Unbuffered, down to the last byte: a buffer that can't be flushed would fail again when it is closed."""
    filler = path / "filler"
    with filler.open("wb", buffering=0) as out:
        for size in (65536, 1):
            with suppress(OSError):
                while out.write(b"x" * size):
                    pass
    return filler


def test_a_full_disk_is_named_nothing_is_torn_and_space_heals_it(still: Still) -> None:
    with small_disk(still.root, "24m"):
        still.converge()
        before = still.content()
        filler = fill(still.root)
        still.edit("ezra.yaml", lambda doc: doc.update(soul={"charter": {"identity": "x" * 200_000}}))
        still.push("A long soul")
        output = still.cli("run", "--once", code=1)
        assert "No space left" in output or "disk is full" in output
        assert str(still.home("ezra") / "SOUL.md") in output
        assert still.content() == before
        filler.unlink()
        still.converge()
        assert "x" * 1000 in (still.home("ezra") / "SOUL.md").read_text()


def test_a_full_state_disk_stops_before_any_effect(still: Still) -> None:
    with small_disk(still.state, "24m"):
        still.converge()
        before = still.content()
        fill(still.state)
        still.edit("ezra.yaml", lambda doc: doc.update(soul={"charter": {"identity": "another"}}))
        still.push("Another soul")
        output = still.cli("run", "--once", code=1)
        assert str(still.state) in output
        assert "Traceback" not in output
        assert still.content() == before


def test_a_read_only_root_is_said_and_nothing_else_breaks(still: Still) -> None:
    with small_disk(still.root, "24m"):
        still.converge()
        still.edit("ezra.yaml", lambda doc: doc.update(soul={"charter": {"identity": "another"}}))
        still.push("Another soul")
        subprocess.run(["mount", "-o", "remount,ro", str(still.root)], check=True)
        output = still.cli("run", "--once", code=1)
        assert "ead-only" in output
        assert str(still.home("ezra")) in output
        subprocess.run(["mount", "-o", "remount,rw", str(still.root)], check=True)
        still.converge()


@pytest.mark.parametrize("garbage", [b"not a database", b""])
def test_a_corrupt_ledger_is_named_with_its_mend_and_nothing_is_changed(still: Still, garbage: bytes) -> None:
    still.converge()
    before = still.content()
    for path in still.state.glob("ledger.db*"):
        path.unlink()
    (still.state / "ledger.db").write_bytes(garbage * 100 or b"\0" * 5000)
    still.edit("ezra.yaml", lambda doc: doc.update(soul={"charter": {"identity": "another"}}))
    still.push("Another soul")
    output = still.cli("run", "--once", code=1)
    assert str(still.state / "ledger.db") in output
    assert "nothing on the host is deleted" in output
    assert still.content() == before
    (still.state / "ledger.db").rename(still.state / "ledger.broken")
    still.converge()
    assert "another" in (still.home("ezra") / "SOUL.md").read_text()


def test_a_second_reconciler_says_who_holds_the_lock(still: Still) -> None:
    still.converge()
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path; from reconciler.adapters.lock import HostLock; "
            "from reconciler.adapters.clock import SystemClock\n"
            f"with HostLock(Path({str(still.state / 'lock')!r}), SystemClock(), 'reconciler'):\n"
            "    print('held', flush=True); time.sleep(120)",
        ],
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == b"held\n"
        output = still.cli("run", "--once", code=1)
        assert str(holder.pid) in output
        still.cli("plan", code=0)
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    still.converge()


def test_a_kill_at_any_moment_leaves_a_host_that_the_next_pass_converges(still: Still) -> None:
    still.cli("validate", str(still.fleet))
    still.converge()
    wanted = still.content()
    key = still.key("ezra")
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    for _ in range(8):
        for name in still.names:
            (still.home(name) / "SOUL.md").write_text("tampered")
            (still.root / name / "start-gateway.sh").unlink()
            (still.home(name) / "config.yaml").unlink()
        environ = {**os.environ, "RECONCILER_CONFIG": str(still.folder / "reconciler.toml")}
        command = [sys.executable, "-m", "reconciler", "run", "--once"]
        run = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.3, 1.6))
        run.send_signal(signal.SIGKILL)
        run.wait()
        still.converge()
        assert still.content() == wanted
        assert still.key("ezra") == key
        still.cli("run", "--once")  # a quiet pass: the same change three passes in a row would be taken for a fight
