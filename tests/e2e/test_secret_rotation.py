"""Secrets that change under running wizards: who restarts, who doesn't, and where the text is found."""

from __future__ import annotations

import base64
from pathlib import Path

import psutil
import pyrage
import pytest

from tests.e2e.world import World

pytestmark = pytest.mark.hermes
READERS = ("allegro", "ezra")
FIRST, SECOND, THIRD = "the-first-text", "the-second-text", "the-third-text"


def public_key(world: World) -> str:
    return next(line for line in world.cli("secret", "key").splitlines() if line.startswith("age1"))


def sealed(text: str, recipient: str) -> dict[str, str]:
    body = pyrage.encrypt(text.encode(), [pyrage.x25519.Recipient.from_str(recipient)])
    return {"age": base64.b64encode(body).decode()}


def declare(world: World, wizard: str, value: dict[str, str] | None) -> None:
    world.edit(f"{wizard}.yaml", lambda d: d.update(env={"A_TOKEN": value}) if value else d.pop("env", None))


def variables(world: World, wizard: str) -> dict[str, str]:
    lines = (world.home(wizard) / ".env").read_text().splitlines()
    return {line.partition("=")[0]: line.partition("=")[2].strip("'\"") for line in lines}


def read_by(folder: Path, text: str) -> set[str]:
    """Names of the files below the folder that hold the text."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {path.relative_to(folder).as_posix() for path in files if text.encode() in path.read_bytes()}


def test_a_ciphertext_restarts_its_readers_when_its_text_changes_and_only_then(world: World) -> None:
    key = public_key(world)
    for wizard in READERS:
        declare(world, wizard, sealed(FIRST, key))
    world.push("An encrypted token")
    world.converge()
    before = world.pids()
    assert {variables(world, wizard)["A_TOKEN"] for wizard in READERS} == {FIRST}

    for wizard in READERS:
        declare(world, wizard, sealed(FIRST, key))
    world.push("The same token, encrypted again")
    world.converge()
    assert world.pids() == before

    for wizard in READERS:
        declare(world, wizard, sealed(SECOND, key))
    world.push("Another token")
    assert "Plan: 2 to change, 2 to restart." in world.cli("plan", code=2)
    world.converge()
    after = world.pids()
    assert {name for name in world.names if after[name] != before[name]} == set(READERS)
    assert {variables(world, wizard)["A_TOKEN"] for wizard in READERS} == {SECOND}

    stranger = str(pyrage.x25519.Identity.generate().to_public())
    declare(world, "allegro", sealed(THIRD, stranger))
    declare(world, "ezra", sealed(THIRD, key))
    world.push("A token that this host can't read beside one that it can")
    output = world.cli("run", "--once", code=1)
    assert f"is not for this host's key, or is damaged (encrypt it again, to {key})" in output
    last = world.pids()
    assert {name for name in world.names if last[name] != after[name]} == {"ezra"}
    assert variables(world, "allegro")["A_TOKEN"] == SECOND
    assert variables(world, "ezra")["A_TOKEN"] == THIRD

    told = world.cli("history") + world.cli("status") + world.cli("plan", "-v", code=(0, 2))
    published = world.git(world.remote, "log", "-p", "--all", "--", "STATUS.md", "status.json")
    for text in (FIRST, SECOND, THIRD):
        assert text not in told + published + output
        # Versions that a wizard was healthy with are kept beside the host's other secrets, for the way back.
        assert all(name.startswith("secrets/pinned/") for name in read_by(world.state, text))
        for process in map(psutil.Process, last.values()):
            assert text not in " ".join(process.cmdline())
            assert text not in " ".join(world.environ_of(process.pid).values())

    for wizard in READERS:
        declare(world, wizard, None)
    world.push("No token")
    world.converge()
    assert "A_TOKEN" not in variables(world, "ezra")


def test_a_rotated_key_restarts_its_own_wizard_alone(world: World) -> None:
    before, old = world.pids(), world.key("ezra")
    output = world.cli("secret", "rotate", "ezra", "API_SERVER_KEY", "-y")
    after, new = world.pids(), world.key("ezra")  # which asks ezra with the new key
    assert "API_SERVER_KEY (secret) changed" in output
    assert old != new
    assert old not in output
    assert new not in output
    assert {name for name in world.names if after[name] != before[name]} == {"ezra"}
    assert world.changed(code=0) == []
    assert "API_SERVER_KEY (secret) changed" in world.cli("why", "ezra")
