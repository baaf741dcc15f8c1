"""What a host does while its disk fails: where it begins, and the commit that arrives.

Two wizards, one step at a time, so that two runs of one scene write the same things in the same order. A gateway makes
a database when it is started. Not done here: failing.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy, deepcopy
from dataclasses import dataclass
from pathlib import Path

from reconciler.engine.report import Report
from reconciler.engine.request import rollback
from reconciler.errors import Terminal
from reconciler.protocols.runtime import INPUTS_VARIABLE, Program
from tests.engine.site import NEW, OLD, Gateways, Site, runs, said, write

FRESH = "fresh"
SETTLED = "settled"
UPDATED = "updated"
REMOVED = "removed"
GATEWAY = "gateway"
CHANGED = "changed by the newer version"
ROLLED_BACK = 0
"""What a person asked for is no failure."""


@dataclass(frozen=True, slots=True)
class Scene:
    """`start` is the snapshot it begins from; `tip` the commit that the remote's branch stands at. `code` is the exit
    code on a healthy disk; `roll_back` the wizard that a person rolls back, and asks for again while it has not gone
    back; `ill` the version that never becomes healthy."""

    name: str
    start: str
    tip: str
    code: int = 0
    roll_back: str = ""
    ill: str = ""


class Place(Site):
    """A site whose states can be gone back to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        del self.wizards["cy"]
        settings = folder / "reconciler.toml"
        settings.write_text(settings.read_text().replace("[apply]\n", "[apply]\nconcurrency = 1\n"))
        self.scenes: dict[str, Scene] = {}
        self._gateways: dict[str, Gateways] = {}
        self._make()

    def _make(self) -> None:
        self.codebase["source"] = {"pypi": "hermes-agent", "version": OLD, "with": ["aiohttp"]}
        first = self.push("Two wizards")
        self._save(FRESH, Gateways(self.clock))
        self.gateways.acts = _remembers
        self.settle()
        self._save(SETTLED, self.gateways)
        self.scenes["first apply"] = Scene("first apply", FRESH, first)
        still = deepcopy(self.wizards)
        self.wizards["ada"] |= {"port": 8650, "config": {"display": {"theme": "dark"}}}
        self.wizards["bo"] |= {"soul": {"charter": {"identity": "another"}}, "env": {"ZONE": "x"}}
        updated = self.push("Another port, soul, key and variable")
        self.settle()
        self._save(UPDATED, self.gateways)
        self.scenes["rollback"] = Scene("rollback", UPDATED, updated, ROLLED_BACK, roll_back="ada")
        self._scene("update", updated, first)
        self.wizards = deepcopy(still)
        newer = self.version(NEW, "A newer program")
        self.scenes["ill codebase"] = Scene("ill codebase", SETTLED, newer, 1, ill=NEW)
        self._scene("codebase move", newer, first)
        self.codebase["source"] = {"pypi": "hermes-agent", "version": OLD, "with": ["aiohttp"]}
        del self.wizards["bo"]
        removed = self.push("Without bo\n\nAllow-Delete: bo")
        self._scene("removal", removed, first)
        self._load(SETTLED)
        self._stand(removed)
        self.settle()
        self._save(REMOVED, self.gateways)
        self.wizards = still
        self.scenes["return"] = Scene("return", REMOVED, self.push("Bo is back"))
        subprocess.run(["cp", "-a", str(self.remote.path), str(self.folder / "saved" / "remote")], check=True)

    def _scene(self, name: str, tip: str, base: str) -> None:
        """Each scene's commit stands on the same one."""
        self.scenes[name] = Scene(name, SETTLED, tip)
        self._stand(base)

    def _stand(self, commit: str) -> None:
        self.remote.git("update-ref", "refs/heads/main", commit)

    def begin(self, scene: Scene) -> None:
        """Disk, gateways and remote as they are at the beginning of the scene."""
        self._load(scene.start)
        self.gateways.ill = runs(scene.ill) if scene.ill else lambda program: ""
        shutil.rmtree(self.remote.path, ignore_errors=True)
        subprocess.run(["cp", "-a", str(self.folder / "saved" / "remote"), str(self.remote.path)], check=True)
        self._stand(scene.tip)

    def one(self, scene: Scene | None) -> Report:
        """One pass: the scene's, or an ordinary one."""
        if scene is None or not scene.roll_back:
            return self.run()
        try:
            return self.run(rollback(scene.roll_back))
        except Terminal as error:
            if "has gone back already" not in str(error):
                raise
            return self.run()

    def alive(self) -> dict[str, object]:
        """What runs, and as what it was started."""
        found: dict[str, object] = {}
        for name in ("ada-body", "bo-body"):
            fact = self.gateways.observe([name])[name]
            found[name] = fact.state.value
            if fact.pid:
                program = self.gateways.program(name)
                env = sorted(f"{key}={value}" for key, value in program.env if key != INPUTS_VARIABLE)
                found[f"{name} program"] = [list(program.argv), env, program.cwd]
        return found

    def _load(self, name: str) -> None:
        """Disk and gateways as they were saved."""
        for part in ("wizards", "state"):
            shutil.rmtree(self.folder / part, ignore_errors=True)
            saved = self.folder / "saved" / name / part
            if saved.exists():
                subprocess.run(["cp", "-a", str(saved), str(self.folder / part)], check=True)
        self.gateways = _twin(self._gateways[name])

    def _save(self, name: str, gateways: Gateways) -> None:
        self._gateways[name] = _twin(gateways)
        for part in ("wizards", "state"):
            if (self.folder / part).exists():
                target = self.folder / "saved" / name / part
                target.parent.mkdir(parents=True, exist_ok=True)
                subprocess.run(["cp", "-a", str(self.folder / part), str(target)], check=True)


def _twin(gateways: Gateways) -> Gateways:
    """The same programs, on their own from now on."""
    twin = copy(gateways)
    for name, value in vars(gateways).items():
        if isinstance(value, dict | list):
            setattr(twin, name, copy(value))
    twin.acts = _remembers
    return twin


def _remembers(program: Program) -> None:
    """A gateway makes its database at its first start; a newer version changes it."""
    database = Path(dict(program.env)["HERMES_HOME"]) / "state.db"
    with _as_a_gateway():
        if not database.exists():
            write(database, "first")
        elif runs(NEW)(program) and CHANGED not in said(database):
            write(database, CHANGED)


@contextmanager
def _as_a_gateway() -> Iterator[None]:
    """The thread has a name by which its calls are known to be none of the reconciler's."""
    name = Path(f"/proc/self/task/{threading.get_native_id()}/comm")
    before = name.read_text()
    name.write_text(GATEWAY)
    try:
        yield
    finally:
        name.write_text(before.strip())
