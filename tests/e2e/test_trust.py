"""Bad commits on real Hermes: what fails goes back, what did not fail is not touched."""

from __future__ import annotations

import socket
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest
import yaml

from tests.e2e.world import World, free_ports, model_endpoint

pytestmark = pytest.mark.hermes


@pytest.fixture(scope="module")
def own_world() -> Iterator[World]:
    folder = Path(tempfile.mkdtemp(prefix="fleet-trust-"))
    with model_endpoint() as endpoint:
        world = World(folder, endpoint, free_ports(6))
        try:
            world.make()
            settings = world.folder / "reconciler.toml"
            settings.write_text(settings.read_text() + 'gate_limit = "60s"\nsoak = "2s"\n')
            world.converge()
            yield world
        finally:
            world.shutdown()


@pytest.fixture
def world(own_world: World) -> World:
    own_world.converge()
    return own_world


def owned(world: World, wizard: str) -> dict[str, object]:
    """Owned files of a wizard and the argv of its gateway."""
    home = world.home(wizard)
    pid = world.pid(wizard)
    return {
        "config": yaml.safe_load((home / "config.yaml").read_text()),
        "env": (home / ".env").read_text(),
        "soul": (home / "SOUL.md").read_text(),
        "argv": Path(f"/proc/{pid}/cmdline").read_text(),
        "link": (world.root / wizard / "hermes-agent").readlink(),
    }


def messages(world: World, wizard: str) -> list[tuple[str, str, str]]:
    """Session, role and text of all that the agent remembers of what was said, oldest first."""
    with closing(sqlite3.connect(f"file:{world.home(wizard)}/state.db?mode=ro", uri=True)) as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
        rows = database.execute("select session_id, role, content from messages order by id").fetchall()
    return [(session, role, text) for session, role, text in rows]


def started(world: World) -> dict[str, tuple[int, float]]:
    """Pid and start time of every gateway, as the kernel tells."""
    return {name: (pid, psutil.Process(pid).create_time()) for name, pid in world.pids().items()}


TRAP = """\
import os, pathlib, time
home = os.environ.get("HERMES_HOME")
config = pathlib.Path(home or "/nowhere", "config.yaml")
if home and "restart_drain_timeout: 31" in config.read_text():
    memories = pathlib.Path(home, "memories")
    memories.mkdir(exist_ok=True)
    (memories / "DURING.md").write_text("written while it failed")
    config.write_text(config.read_text() + "learnt_while_it_failed: true\\n")
    time.sleep(600)
"""


@contextmanager
def trap(world: World) -> Iterator[None]:
    """Real Hermes, but for a gateway with one value in its config: that one writes as an agent would and never listens.

    It is built into the interpreter's start, so that argv and program are those of any gateway.
    """
    (packages,) = (world.codebase("0.19.0") / "lib").glob("python3*/site-packages")
    files = {packages / "trap_of_test.py": TRAP, packages / "trap_of_test.pth": "import trap_of_test\n"}
    for path, text in files.items():
        path.write_text(text)
    try:
        yield
    finally:
        for path in files:
            path.unlink()


def test_a_gateway_that_never_listens_goes_back_to_its_last_generation(world: World) -> None:
    before, pids = owned(world, "ezra"), world.pids()
    world.edit("ezra.yaml", lambda doc: doc.update(config={"agent": {"restart_drain_timeout": 31}}))
    commit = world.push("A change that never listens")
    with trap(world):
        output = world.cli("run", "--once", code=1)
        assert f"commit {commit[:7]} failed here: did not pass its gate" in output
        after, config = owned(world, "ezra"), world.home("ezra") / "config.yaml"
        assert (world.home("ezra") / "memories" / "DURING.md").read_text() == "written while it failed"
        assert after["config"].pop("learnt_while_it_failed") is True  # type: ignore[attr-defined]
        assert after == before
        back = world.pids()
        assert {name for name in world.names if back[name] != pids[name]} == {"ezra"}
        assert "Quarantined: ezra: " in world.cli("plan", code=0)
        assert "push a commit that changes it, or `reconciler retry ezra`" in world.cli("status")
        assert "quarantined: commit" in world.cli("why", "ezra")
        world.cli("run", "--once", code=1)
        assert world.pids() == back
        world.edit("ezra.yaml", lambda doc: doc.update(config={"agent": {"restart_drain_timeout": 32}}))
        world.push("The fix")
        world.converge()
    assert yaml.safe_load(config.read_text())["agent"]["restart_drain_timeout"] == 32
    fixed = world.pids()
    assert {name for name in world.names if fixed[name] != back[name]} == {"ezra"}
    world.cli("rollback", "ezra", "-y")
    assert yaml.safe_load(config.read_text())["agent"]["restart_drain_timeout"] == 30
    assert world.cli("run", "--once").startswith("Nothing to apply. Quarantined: ezra.")
    world.cli("retry", "ezra", "-y")
    assert yaml.safe_load(config.read_text())["agent"]["restart_drain_timeout"] == 32
    assert yaml.safe_load(config.read_text())["learnt_while_it_failed"] is True
    assert {name for name in world.names if world.pid(name) != fixed[name]} == {"ezra"}
    assert world.run("ezra")["status"] == "completed"
    world.edit("ezra.yaml", lambda doc: doc.pop("config"))
    world.push("As before")
    world.converge()


def test_a_version_that_does_not_exist_changes_nobody_and_the_fix_is_applied_at_once(world: World) -> None:
    before, pids = owned(world, "ezra"), world.pids()
    world.edit("codebase.yaml", lambda doc: doc["source"].update(version="9.9.9"))
    world.push("A version from the future")
    output = world.cli("run", "--once", code=1)
    assert "9.9.9" in output
    assert world.pids() == pids
    assert owned(world, "ezra") == before
    world.edit("codebase.yaml", lambda doc: doc["source"].update(version="0.19.0"))
    world.push("Back to the present")
    world.converge()
    assert world.pids() == pids


def test_a_port_that_a_stranger_holds_is_blocked_and_nobody_is_touched(world: World) -> None:
    before, pids, old = owned(world, "ezra"), world.pids(), world.port("ezra")
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        world.edit("fleet.yaml", lambda doc: doc["ports"].update(first=1024, last=65535))
        world.edit("ezra.yaml", lambda doc: doc.update(port=stranger.getsockname()[1]))
        world.push("Somebody is there already")
        output = world.cli("run", "--once", code=1)
        assert "is held by pid" in output
        assert "Quarantined" not in output + world.cli("plan", code=(0, 2))
        world.edit("ezra.yaml", lambda doc: doc.update(port=old))
    assert (owned(world, "ezra"), world.pids()) == (before, pids)
    world.push("Back")
    world.converge()
    assert world.pids() == pids


def test_a_codebase_moves_under_the_canary_first_and_back_with_memories_intact(world: World) -> None:
    pids = world.pids()
    for name in world.names:
        assert world.run(name)["status"] == "completed"
        (world.home(name) / "memories").mkdir(exist_ok=True)
        (world.home(name) / "memories" / "KEPT.md").write_text(name)
    before = {name: messages(world, name) for name in world.names}
    assert all(before.values())
    world.edit("codebase.yaml", lambda doc: doc["source"].update(version="0.18.2"))
    world.edit("ezra.yaml", lambda doc: doc.pop("father", None))
    world.push("An older Hermes")
    world.converge()
    assert {world.request(n, "/health/detailed")["version"] for n in world.names} == {"0.18.2"}
    _one_after_the_other(world)
    world.edit("codebase.yaml", lambda doc: doc["source"].update(version="0.19.0"))
    world.push("And the newer one again")
    world.converge()
    assert {world.request(n, "/health/detailed")["version"] for n in world.names} == {"0.19.0"}
    assert all((world.home(n) / "memories" / "KEPT.md").read_text() == n for n in world.names)
    assert {name: messages(world, name) for name in world.names} == before
    assert not set(world.pids().values()) & set(pids.values())
    assert all(world.run(n)["status"] == "completed" for n in world.names)


def _one_after_the_other(world: World) -> None:
    """From the journal: a stop stands after the gate of the one before it, the first one's soak included."""
    with sqlite3.connect(f"file:{world.state / 'ledger.db'}?mode=ro", uri=True) as ledger:
        (newest,) = ledger.execute("SELECT max(pass_id) FROM entry WHERE operation = 'soak'").fetchone()
        rows = ledger.execute(
            "SELECT wizard, operation, at, ended FROM entry WHERE pass_id = ? AND operation IN ('stop', 'gate', 'soak')"
            " ORDER BY id",
            (newest,),
        ).fetchall()
    ledger.close()
    order = [(wizard, operation) for wizard, operation, _, _ in rows]
    assert order[:3] == [("allegro", "stop"), ("allegro", "gate"), ("allegro", "soak")]
    assert [operation for _, operation in order[3:]] == ["stop", "gate", "stop", "gate"]
    ends = [ended for *_, ended in rows]
    begins = [at for _, _, at, _ in rows]
    assert all(end <= begin for end, begin in zip(ends, begins[1:], strict=False))


def test_a_canary_that_fails_leaves_its_siblings_as_they_were(world: World) -> None:
    pids, births = world.pids(), started(world)
    before = {name: owned(world, name) for name in world.names}
    talk = {name: messages(world, name) for name in world.names}
    world.edit("codebase.yaml", lambda doc: doc["source"].update({"with": []}, version="0.18.0"))
    world.push("A Hermes whose API server can't listen: aiohttp is missing")
    world.cli("run", "--once", code=1)
    after = world.pids()
    assert {name for name in world.names if after[name] != pids[name]} == {"allegro"}
    now = started(world)
    assert {name for name in world.names if now[name] != births[name]} == {"allegro"}
    assert {name: owned(world, name) for name in world.names} == before
    assert {name: messages(world, name) for name in world.names} == talk
    assert "quarantined" in world.cli("status")
    output = world.cli("run", "--once", code=(0, 1))
    assert world.pids() == after
    assert "waits" in world.cli("plan") + output
    world.edit("codebase.yaml", lambda doc: doc["source"].update({"with": ["aiohttp"]}, version="0.19.0"))
    world.push("Back")
    world.converge()
    assert world.pids() == after
