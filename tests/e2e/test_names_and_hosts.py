"""Wizards that get another name or another host, through the command line: files only, no gateways."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_hard_places import Still
from tests.e2e.world import free_ports

pytestmark = pytest.mark.system
GREAT = "ezra-the-great"


@pytest.fixture
def still() -> Iterator[Still]:
    world = Still(Path(tempfile.mkdtemp(prefix="fleet-names-")), "http://127.0.0.1:9/v1", free_ports(4))
    try:
        world.make()
        world.converge()
        yield world
    finally:
        world.shutdown()


def rename(world: Still, old: str, new: str) -> str:
    """One commit: the file is renamed, and says what the wizard was called."""
    (world.fleet / f"{old}.yaml").rename(world.fleet / f"{new}.yaml")
    world.edit(f"{new}.yaml", lambda doc: doc.update(name=new, formerly=[old]))
    return world.push(f"{old} is {new}")


def remember(world: Still, wizard: str) -> None:
    home = world.home(wizard)
    (home / "memories").mkdir()
    (home / "memories" / "MEMORY.md").write_bytes(b"The door is \xff green.\n")
    (home / "state.db").write_bytes(bytes(range(256)))
    config = home / "config.yaml"
    config.write_text("# a note of the agent\n" + config.read_text() + "command_allowlist:\n  - git status\n")


def agents_own(world: Still, wizard: str) -> dict[str, object]:
    """What the agent wrote, and the values that were made for it."""
    home = world.home(wizard)
    lines = (home / "config.yaml").read_text().splitlines()
    return {
        "memory": (home / "memories" / "MEMORY.md").read_bytes(),
        "state": (home / "state.db").read_bytes(),
        "note": lines[0],
        "allowlist": lines[lines.index("command_allowlist:") :][:2],
        "env": (home / ".env").read_bytes(),
    }


def test_a_rename_is_one_readable_change_and_keeps_everything(still: Still) -> None:
    remember(still, "ezra")
    still.converge()
    before = agents_own(still, "ezra")
    others = {name: list((still.root / name).rglob("*")) for name in ("allegro", "bilbo")}
    commit = rename(still, "ezra", GREAT)
    shown = still.cli("plan", code=2)
    assert f"~ rename ezra -> {GREAT}  (memories come along)" in shown
    assert "Refused" not in shown
    assert "1 to rename" in shown
    assert still.json("plan", code=2)["summary"]["rename"] == 1
    still.converge()
    assert agents_own(still, GREAT) == before
    assert not (still.root / "ezra").exists()
    assert str(still.root / GREAT) in (still.root / GREAT / "start-gateway.sh").read_text()
    assert others == {name: list((still.root / name).rglob("*")) for name in others}
    why = still.cli("why", GREAT)
    assert f"rename wizard/{GREAT}/rename  (memories come along, commit {commit[:7]})" in why
    assert f"name: ezra -> {GREAT}" in why
    assert "made" in still.cli("why", "ezra")  # what was done under the old name is still told
    still.push("Nothing changes")
    assert still.changed(code=0) == []  # `formerly` stays in the file, without effect


def test_a_live_wizard_can_not_be_an_earlier_name(still: Still) -> None:
    still.edit("ezra.yaml", lambda doc: doc.update(formerly=["bilbo"]))
    output = still.cli("validate", str(still.fleet), code=1)
    assert "wizard ezra was called bilbo before, and there is a wizard bilbo now" in output


def test_something_in_the_place_of_the_new_name_blocks_it(still: Still) -> None:
    remember(still, "ezra")
    still.converge()
    before = agents_own(still, "ezra")
    (still.root / GREAT).mkdir()
    rename(still, "ezra", GREAT)
    output = still.cli("run", "--once", code=(0, 1))
    assert f"something stands at {still.root / GREAT}; move it away" in output + still.cli("plan", code=(0, 2))
    assert agents_own(still, "ezra") == before
    (still.root / GREAT).rmdir()
    still.converge()
    assert agents_own(still, GREAT) == before


def test_killed_at_random_while_it_gets_other_names(still: Still) -> None:
    remember(still, "ezra")
    still.converge()
    before = agents_own(still, "ezra")
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    environ = {**os.environ, "RECONCILER_CONFIG": str(still.folder / "reconciler.toml")}
    names = ["ezra", GREAT]
    for _ in range(6):
        rename(still, *names)
        names.reverse()
        run = subprocess.Popen(
            [sys.executable, "-m", "reconciler", "run", "--once"],
            cwd=still.folder, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(rng.uniform(0.3, 1.6))
        run.send_signal(signal.SIGKILL)
        run.wait()
        still.converge()
        assert agents_own(still, names[0]) == before
        assert not (still.root / names[1]).exists()


# Two hosts on one remote


class Second(Still):
    """Another host of the same fleet: settings, state and root of its own."""

    def join(self, first: Still) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "reconciler.toml").write_text(
            f'host = "lab"\nstate = "{self.state}"\n[source]\nurl = "{first.remote}"\n'
        )


@pytest.fixture
def hosts(still: Still) -> Iterator[tuple[Still, Second]]:
    """Ezra and allegro on vps, bilbo on lab; bilbo has never been anywhere else."""
    lab = Second(Path(tempfile.mkdtemp(prefix="fleet-lab-")), still.endpoint, still.ports)
    try:
        lab.join(still)
        still.edit("fleet.yaml", lambda doc: doc["hosts"].update(lab={"root": str(lab.root)}))
        for name in ("allegro", "bilbo", "ezra"):
            still.edit(f"{name}.yaml", lambda doc: doc.update(host="vps"))
        (still.fleet / "bilbo.yaml").unlink()
        still.push("Bilbo goes\n\nAllow-Delete: bilbo")
        still.converge()
        still.write("frodo.yaml", {**still.wizard_document("frodo", still.ports[1]), "host": "lab"})
        still.push("Frodo lives in the lab")
        still.converge()
        lab.converge()
        yield still, lab
    finally:
        lab.shutdown()


def move(world: Still, host: str, message: str) -> str:
    world.edit("ezra.yaml", lambda doc: doc.update(host=host))
    return world.push(message)


def test_a_wizard_that_moves_to_another_host(hosts: tuple[Still, Second]) -> None:
    vps, lab = hosts
    remember(vps, "ezra")
    vps.converge()
    before = agents_own(vps, "ezra")
    frodo = sorted((lab.root / "frodo").rglob("*"))
    assert not (vps.root / "frodo").exists()
    assert not (lab.root / "ezra").exists()

    move(vps, "lab", "Ezra moves")
    refused = vps.cli("run", "--once", code=3)
    assert "Allow-Delete: ezra" in refused
    assert agents_own(vps, "ezra") == before
    commit = move(vps, "lab", "Ezra moves, and we mean it\n\nAllow-Delete: ezra")
    assert "Git runs it on another host now" in vps.cli("plan", code=2)
    vps.converge()
    attic = vps.root / ".attic" / f"ezra-{commit[:12]}"
    assert (attic / "home" / "memories" / "MEMORY.md").read_bytes() == before["memory"]

    warning = "ezra starts here without its memories: Git ran it on host vps before"
    shown = " ".join(lab.cli("plan", code=2).split())
    assert warning in shown
    assert f"{vps.root}/.attic/ezra-*/home/ {lab.home('ezra')}/" in shown
    assert any(warning in text for text in lab.json("plan", code=2)["warnings"])
    assert warning in " ".join(lab.cli("run", "--once").split())
    lab.cli("plan", code=0)
    assert not (lab.home("ezra") / "memories").exists()
    assert "without its memories" in " ".join(lab.cli("why", "ezra").split())
    assert "without its memories" not in " ".join(lab.cli("status").split())  # said once, and not for ever
    assert sorted((lab.root / "frodo").rglob("*")) == frodo

    # The way that it names: it is dead, so nothing runs there.
    spare = shutil.ignore_patterns("SOUL.md", "config.yaml", ".env")
    shutil.copytree(attic / "home", lab.home("ezra"), ignore=spare, dirs_exist_ok=True)
    assert lab.changed(code=0) == []
    assert (lab.home("ezra") / "memories" / "MEMORY.md").read_bytes() == before["memory"]

    (lab.home("ezra") / "memories" / "LATER.md").write_text("learnt in the lab\n")
    move(vps, "vps", "Ezra comes home\n\nAllow-Delete: ezra")
    assert "ezra comes back from the attic as it left this host: Git ran it on host lab before" in " ".join(
        vps.cli("plan", code=2).split()
    )
    vps.converge()
    lab.converge()
    assert agents_own(vps, "ezra") == before
    assert not (vps.home("ezra") / "memories" / "LATER.md").exists()
    assert list((lab.root / ".attic").glob("ezra-*/home/memories/LATER.md"))


def test_a_fresh_host_says_it_too(still: Still) -> None:
    """It has no commit of its own to compare with: Git's history tells."""
    lab = Second(Path(tempfile.mkdtemp(prefix="fleet-lab-")), still.endpoint, still.ports)
    try:
        lab.join(still)
        still.edit("fleet.yaml", lambda doc: doc["hosts"].update(lab={"root": str(lab.root)}))
        for name in still.names:
            still.edit(f"{name}.yaml", lambda doc: doc.update(host="lab" if name == "ezra" else "vps"))  # noqa: B023
        still.push("A second host, and Ezra on it")
        still.push("A commit beside the fleet")
        shown = " ".join(lab.cli("plan", code=2).split())
        assert "ezra starts here without its memories: Git ran it on host vps before" in shown
        assert "bilbo" not in shown
    finally:
        lab.shutdown()


def test_renamed_and_moved_in_one_commit(hosts: tuple[Still, Second]) -> None:
    vps, lab = hosts
    remember(vps, "ezra")
    (vps.fleet / "ezra.yaml").rename(vps.fleet / f"{GREAT}.yaml")
    vps.edit(f"{GREAT}.yaml", lambda doc: doc.update(name=GREAT, formerly=["ezra"], host="lab"))
    vps.push("Ezra is great, and elsewhere\n\nAllow-Delete: ezra")
    assert f"Git runs it as {GREAT} on another host now" in vps.cli("plan", code=2)
    vps.converge()
    shown = " ".join(lab.cli("plan", code=2).split())
    assert f"{GREAT} starts here without its memories: Git ran it as ezra on host vps before" in shown
    lab.converge()
    assert list((vps.root / ".attic").glob("ezra-*/home/memories/MEMORY.md"))
