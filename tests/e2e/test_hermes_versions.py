"""Real Hermes of several versions: side by side, from the index and from Git, and with the index away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.agents import AGENTS
from reconciler.plan.codebases import version_name
from tests.e2e.world import NonceModel, World, free_ports, model_endpoint

pytestmark = pytest.mark.hermes
NEW, OLD = "0.19.0", "0.18.2"
HERMES = AGENTS["hermes"]


class Versions(World):
    names: tuple[str, ...] = ("allegro", "ezra")

    def write_settings(self) -> None:
        super().write_settings()
        path = self.folder / "reconciler.toml"
        path.write_text(path.read_text() + 'soak = "1s"\n')

    def codebase(self, name: str, **source: object) -> None:
        document = {"kind": "Codebase", "name": name, "source": {**source, "with": ["aiohttp"]}}
        self.write(f"codebase-{name}.yaml", document)

    def runs(self, wizard: str, codebase: str) -> None:
        self.edit(f"{wizard}.yaml", lambda doc: doc.update(codebase=codebase))

    def link(self, wizard: str) -> str:
        return version_name(str((self.root / wizard / "hermes-agent").readlink())).rpartition("/")[2]

    def files(self, wizard: str) -> dict[str, str]:
        """What the reconciler wrote for the wizard."""
        names = ("start-gateway.sh", "home/config.yaml", "home/.env")
        return {"link": self.link(wizard), **{n: (self.root / wizard / n).read_text() for n in names}}

    def answers(self, wizard: str) -> None:
        reply = self.run(wizard)
        assert (reply["status"], reply["output"]) == ("completed", NonceModel.nonces["qwen2.5:1.5b"])


@pytest.fixture(scope="module")
def fleet() -> Iterator[Versions]:
    folder = Path(tempfile.mkdtemp(prefix="fleet-versions-"))
    with model_endpoint() as endpoint:
        world = Versions(folder, endpoint, free_ports(3), ("allegro", "ezra"))
        try:
            world.make()
            world.converge()
            yield world
        finally:
            world.shutdown()


@pytest.fixture
def versions(fleet: Versions) -> Iterator[Versions]:
    """Both on the new version, before and after."""
    yield fleet
    fleet.environ = {}
    for wizard in fleet.names:
        fleet.runs(wizard, "hermes-agent")
    fleet.codebase("hermes-agent", pypi="hermes-agent", version=NEW)
    (fleet.fleet / "codebase.yaml").unlink(missing_ok=True)
    fleet.push("Back to the new version")
    fleet.converge()


def test_two_versions_side_by_side(versions: Versions) -> None:
    before = versions.pids()
    versions.codebase("hermes-old", pypi="hermes-agent", version=OLD)
    versions.runs("ezra", "hermes-old")
    versions.push("Ezra on the old version")
    versions.converge()
    after = versions.pids()
    assert after["allegro"] == before["allegro"]
    assert after["ezra"] != before["ezra"]
    replies = {wizard: json.dumps(versions.request(wizard, "/health/detailed")) for wizard in versions.names}
    readings = {wizard: HERMES.health(reply) for wizard, reply in replies.items()}
    assert {wizard: reading.version for wizard, reading in readings.items()} == {"allegro": NEW, "ezra": OLD}
    assert all(reading.ok and not reading.problem for reading in readings.values())
    assert {wizard: reading.pid for wizard, reading in readings.items()} == after
    assert "readiness" not in replies["ezra"]  # the old one does not tell how busy it is
    assert (readings["ezra"].busy, readings["allegro"].busy) == (None, 0)
    for wizard in versions.names:
        assert HERMES.identity(json.dumps(versions.request(wizard, "/v1/models"))) == wizard
        versions.answers(wizard)
    status = {wizard["name"]: wizard for wizard in versions.json("status")["wizards"]}
    assert all(wizard["healthy"] for wizard in status.values())
    assert {name: wizard["codebase"] for name, wizard in status.items()} == {
        "allegro": f"hermes {NEW}",
        "ezra": f"hermes {OLD}",
    }


def test_with_the_index_away_gateways_links_scripts_and_configuration_stay(versions: Versions) -> None:
    """The commit that can't be installed changes a port and a model too: all of it waits together."""
    before, files = versions.pids(), {wizard: versions.files(wizard) for wizard in versions.names}
    old_port = versions.port("ezra")
    versions.codebase("elsewhere", pypi="hermes-agent", version="0.18.0")
    versions.runs("ezra", "elsewhere")
    versions.edit("ezra.yaml", lambda doc: doc.update(port=versions.ports[2], model="large"))
    versions.push("Ezra moves, and the index is away")
    versions.environ = {
        "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple",
        "UV_HTTP_RETRIES": "0",
        "UV_CACHE_DIR": str(versions.folder / "empty-cache"),
    }
    output = versions.cli("run", "--once", code=1)
    assert "could not be reached" in output
    assert {wizard: versions.files(wizard) for wizard in versions.names} == files
    versions.edit("ezra.yaml", lambda doc: doc.update(port=old_port, model="small"))
    assert versions.pids() == before
    versions.answers("ezra")
    assert not list((versions.root / ".codebases" / "elsewhere").glob("0.18.0*"))


def test_a_version_from_git(versions: Versions) -> None:
    """The released sources as a repository, with a .env that a careless person committed."""
    repository = versions.folder / "hermes.git"
    commit = _repository(versions, repository)
    versions.codebase("hermes-git", git=str(repository), commit=commit)
    versions.runs("ezra", "hermes-git")
    versions.push("Ezra runs a commit")
    plan = versions.cli("plan", code=2)
    assert commit[:12] in plan
    versions.converge()
    assert versions.link("ezra") == commit[:12]
    versions.answers("ezra")
    reading = HERMES.health(json.dumps(versions.request("ezra", "/health/detailed")))
    assert (reading.version, reading.pid) == (NEW, versions.pid("ezra"))
    place = (versions.root / "ezra" / "hermes-agent").readlink()
    assert not [path for path in place.rglob(".env") if path.is_file()]
    assert not (place / ".reconciler-checkout").exists()
    assert "LEAKED" not in versions.environ_of(versions.pid("ezra"))


def _repository(versions: Versions, bare: Path) -> str:
    """A bare repository with one commit: the source distribution of the index."""
    folder = versions.folder / "sources"
    folder.mkdir()
    options = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary", "hermes-agent")
    command = [sys.executable, "-m", "pip", "download", *options, "-d", str(folder), f"hermes-agent=={NEW}"]
    subprocess.run(command, check=True, capture_output=True, env=dict(os.environ))
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    (tree,) = (path for path in folder.iterdir() if path.is_dir())
    (tree / ".env").write_text("LEAKED=1\n")
    versions.git(versions.folder, "init", "-q", "--bare", "-b", "main", str(bare))
    versions.git(tree, "init", "-q", "-b", "main")
    versions.git(tree, "add", "--all", "--force")
    versions.git(tree, "commit", "-q", "-m", f"Hermes {NEW}")
    versions.git(tree, "push", "-q", str(bare), "main")
    return versions.git(tree, "rev-parse", "HEAD").strip()
