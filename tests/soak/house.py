"""The soaked fleet: wizards on a stand-in gateway, installed from Git like any codebase, kept by a real daemon."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import psutil
import yaml

from reconciler import compose
from reconciler.plan.expand import expand
from reconciler.plan.resource import Directory, KeyedFile, Process, Symlink, TextFile
from reconciler.plan.value import Known
from reconciler.spec.load import load_fleet
from tests.e2e.forged import Forged

PYPROJECT = """\
[build-system]
requires = ["hatchling>=1.25,<2"]
build-backend = "hatchling.build"
[project]
name = "hermes-agent"
version = "0.19.0"
[project.scripts]
hermes = "stand_in:main"
[tool.hatch.build.targets.wheel]
include = ["stand_in.py"]
"""
GATEWAY = Path(__file__).with_name("gateway.py")


class House(Forged):
    """Four wizards, two models."""

    def make(self) -> None:
        self.codebase = self.folder / "codebase"
        self.codebase.mkdir()
        self.git(self.codebase, "init", "-q", "-b", "main")
        (self.codebase / "pyproject.toml").write_text(PYPROJECT)
        shutil.copy(GATEWAY, self.codebase / "stand_in.py")
        self.git(self.codebase, "add", "--all")
        self.git(self.codebase, "commit", "-q", "-m", "stand-in")
        super().make()
        commit = self.git(self.codebase, "rev-parse", "HEAD").strip()
        source = {"git": str(self.codebase), "commit": commit}
        self.write("codebase.yaml", {"kind": "Codebase", "name": "hermes-agent", "source": source})
        self.edit("fleet.yaml", lambda doc: doc.update(policy={"max_restarts": 99}))
        self.push("A stand-in from Git")

    def write_settings(self) -> None:
        super().write_settings()
        path = self.folder / "reconciler.toml"
        path.write_text(
            path.read_text()
            .replace('gate_hold = "3s"', 'gate_hold = "300ms"\nsoak = "300ms"')
            .replace('drift = "1h"', 'drift = "2s"')
            .replace('level = "detail"', 'level = "info"')
        )

    def strays(self) -> list[str]:
        """How the live host differs from what the last push expands to, found without the code that observes."""
        files = {str(path.relative_to(self.clone)): path.read_bytes() for path in self.fleet.glob("*.yaml")}
        fleet = load_fleet(files, "fleet").fleet
        assert fleet is not None
        commit = self.git(self.clone, "rev-parse", "HEAD").strip()
        settings = compose.load(str(self.folder / "reconciler.toml"), {})
        wanted = expand(fleet, settings.host, None, commit)
        return [found for resource in wanted.resources for found in _different(resource)]


def _different(resource: object) -> list[str]:
    match resource:
        case Directory(path=path, mode=mode):
            return _mode(path, mode)
        case TextFile(path=path, mode=mode, text=text):
            return _mode(path, mode) or ([] if Path(path).read_text() == text else [f"{path}: another text"])
        case Symlink(path=path, target=target):
            return [] if str(Path(path).readlink()) == target else [f"{path}: leads elsewhere"]
        case KeyedFile(path=path, mode=mode, keys=keys) if path.endswith(".yaml"):
            live = yaml.safe_load(Path(path).read_text())
            told = ((key.path, key.value.text) for key in keys if isinstance(key.value, Known))
            wrong = [f"{path}: {way}" for way, text in told if yaml.safe_load(text) != _at(live, way)]
            return _mode(path, mode) or wrong
        case Process(port=port, run=run, home=home):
            return _process(port, home, run)
        case _:
            return []


def _mode(path: str, mode: int) -> list[str]:
    found = Path(path).lstat().st_mode & 0o7777
    return [] if found == mode else [f"{path}: mode {found:o}, not {mode:o}"]


def _at(live: object, way: tuple[str, ...]) -> object:
    for name in way:
        live = live[name] if isinstance(live, dict) and name in live else None
    return live


def _process(port: int, home: str, run: bool) -> list[str]:
    """Exactly one gateway of the home when it is to run, and it listens on the port; none otherwise."""
    ours = [p.pid for p in psutil.process_iter() if f"HERMES_HOME={home}" in _environ(p.pid)]
    listening = {
        c.pid for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN and c.laddr.port == port
    }
    if not run:
        return [f"{home}: still runs as {ours}"] if ours else []
    return (
        [] if len(ours) == 1 and listening == set(ours) else [f"{home}: runs as {ours}, {port} is held by {listening}"]
    )


def _environ(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/environ").read_text(errors="replace").split("\0")
    except OSError:
        return []


def pick(dice: random.Random, house: House) -> str:
    return dice.choice(house.names)
