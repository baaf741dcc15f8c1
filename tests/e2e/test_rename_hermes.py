"""A real Hermes gateway gets another name: what it remembers and what was said to it comes along, also over a kill."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from tests.e2e.world import CANARY_VARIABLE, NETWORK, World, free_ports, model_endpoint, until

pytestmark = pytest.mark.hermes
GREAT = "ezra-the-great"
SESSION = "the-green-door"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    folder = Path(tempfile.mkdtemp(prefix="fleet-rename-"))
    with model_endpoint() as endpoint:
        world = World(folder, endpoint, free_ports(4), names=("bilbo", "ezra"))
        try:
            world.make()
            world.converge()
            remember(world)
            yield world
        finally:
            world.shutdown()


def remember(world: World) -> None:
    home = world.home("ezra")
    (home / "memories").mkdir(exist_ok=True)
    (home / "memories" / "MEMORY.md").write_text("The door is green.\n")
    config = home / "config.yaml"
    config.write_text("# a note of the agent\n" + config.read_text() + "command_allowlist:\n  - git status\n")
    say(world, "ezra", "which colour has the door?")


def say(world: World, wizard: str, text: str) -> None:
    run = world.request(wizard, "/v1/runs", {"input": text, "session_id": SESSION})["run_id"]
    ended = until(lambda: _ended(world, wizard, run), 90, f"{wizard} answers")
    assert ended["status"] == "completed"


def _ended(world: World, wizard: str, run: str) -> dict | None:
    reply = world.request(wizard, f"/v1/runs/{run}")
    return reply if reply["status"] in ("completed", "failed", "cancelled") else None


def said(world: World, wizard: str) -> list[tuple[str, str]]:
    """Role and text of every message of the session, oldest first."""
    with closing(sqlite3.connect(f"file:{world.home(wizard)}/state.db?mode=ro", uri=True)) as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
        query = "select role, content from messages where session_id = ? order by id"
        return [(role, content) for role, content in database.execute(query, (SESSION,))]


def agents_own(world: World, wizard: str) -> dict[str, object]:
    home = world.home(wizard)
    config = (home / "config.yaml").read_text()
    return {
        "memory": (home / "memories" / "MEMORY.md").read_bytes(),
        "note": config.splitlines()[0],
        "allowlist": yaml.safe_load(config)["command_allowlist"],
        "env": (home / ".env").read_bytes(),
        "said": said(world, wizard),
    }


def rename(world: World, old: str, new: str) -> str:
    (world.fleet / f"{old}.yaml").rename(world.fleet / f"{new}.yaml")
    world.edit(f"{new}.yaml", lambda doc: doc.update(name=new, formerly=[old]))
    world.names = tuple(sorted({*world.names} - {old} | {new}))
    return world.push(f"{old} is {new}")


def is_now(world: World, old: str, new: str, before: dict[str, object], bilbo: int) -> None:
    assert world.gateways(new) == [world.pid(new)]
    assert world.gateways(old) == []
    assert not (world.root / old).exists()
    assert world.request(new, "/v1/models")["data"][0]["id"] == new
    assert world.pid("bilbo") == bilbo
    assert agents_own(world, new) == before


def test_memories_and_sessions_come_along(world: World) -> None:
    before, bilbo = agents_own(world, "ezra"), world.pid("bilbo")
    assert [role for role, _ in said(world, "ezra")] == ["user", "assistant"]
    commit = rename(world, "ezra", GREAT)
    plan = world.cli("plan", code=2)
    assert f"~ rename ezra -> {GREAT}  (memories come along)" in plan
    assert f"! start wizard/{GREAT}/body" in plan
    assert "Refused" not in plan
    world.converge()
    is_now(world, "ezra", GREAT, before, bilbo)
    say(world, GREAT, "and now?")
    assert said(world, GREAT)[:2] == before["said"]
    assert len(said(world, GREAT)) == 4
    why = world.cli("why", GREAT)
    assert f"rename wizard/{GREAT}/rename" in why
    assert commit[:7] in why
    rename(world, GREAT, "ezra")
    world.converge()
    assert said(world, "ezra")[:2] == before["said"]


@pytest.mark.parametrize("operation", ["stop", "rename", "start", "gate"])
def test_killed_in_the_middle_the_next_pass_ends_it(world: World, operation: str) -> None:
    before, bilbo = agents_own(world, "ezra"), world.pid("bilbo")
    rename(world, "ezra", GREAT)
    newest = _entries(world)
    run = subprocess.Popen(
        [sys.executable, "-m", "reconciler", "run", "--once"],
        cwd=world.folder, env=_environ(world), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(lambda: _begun(world, newest, operation), 60, f"{operation} is announced")
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait()
    world.converge()
    is_now(world, "ezra", GREAT, before, bilbo)
    rename(world, GREAT, "ezra")
    world.converge()
    is_now(world, GREAT, "ezra", before, bilbo)


def _environ(world: World) -> dict[str, str]:
    network = {name: value for name, value in os.environ.items() if name.upper().startswith(NETWORK)}
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(world.folder),
        "RECONCILER_CONFIG": str(world.folder / "reconciler.toml"),
        CANARY_VARIABLE: "the-operators-own-secret",
        **network,
    }


def _ledger(world: World, query: str, *values: object) -> tuple[int]:
    with closing(sqlite3.connect(f"file:{world.state / 'ledger.db'}?mode=ro", uri=True)) as ledger:
        found: tuple[int] = ledger.execute(query, values).fetchone()
        return found


def _entries(world: World) -> int:
    return _ledger(world, "SELECT max(id) FROM entry")[0]


def _begun(world: World, after: int, operation: str) -> bool:
    query = "SELECT count(*) FROM entry WHERE id > ? AND operation = ? AND wizard = ?"
    return _ledger(world, query, after, operation, GREAT)[0] > 0
