"""What a host does while its disk fails: where it begins, and the commit that arrives.

Two wizards, one step at a time, so that two runs of one scene write the same things in the same order. A gateway makes
a database when it is started. Not done here: failing.
"""

from __future__ import annotations

import shutil
import subprocess
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from reconciler.protocols.runtime import Program
from tests.engine.site import NEW, OLD, Gateways, Site, write

FRESH = "fresh"
SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class Scene:
    """`start` is the snapshot it begins from; `tip` the commit that the remote's branch stands at."""

    name: str
    start: str
    tip: str


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
        self._save(FRESH, Gateways())
        self.gateways.acts = _remembers
        self.settle()
        self._save(SETTLED, self.gateways)
        self.scenes["first apply"] = Scene("first apply", FRESH, first)
        still = deepcopy(self.wizards)
        self.wizards["ada"] |= {"port": 8650, "config": {"display": {"theme": "dark"}}}
        self.wizards["bo"] |= {"soul": {"charter": {"identity": "another"}}, "env": {"ZONE": "x"}}
        self._scene("update", self.push("Another port, soul, key and variable"), first)
        self.wizards = deepcopy(still)
        self._scene("codebase move", self.version(NEW, "A newer program"), first)
        self.codebase["source"] = {"pypi": "hermes-agent", "version": OLD, "with": ["aiohttp"]}
        del self.wizards["bo"]
        self._scene("removal", self.push("Without bo\n\nAllow-Delete: bo"), first)
        self.wizards = still
        subprocess.run(["cp", "-a", str(self.remote.path), str(self.folder / "saved" / "remote")], check=True)

    def _scene(self, name: str, tip: str, base: str) -> None:
        """Each scene's commit stands on the same one."""
        self.scenes[name] = Scene(name, SETTLED, tip)
        self._stand(base)

    def _stand(self, commit: str) -> None:
        self.remote.git("update-ref", "refs/heads/main", commit)

    def begin(self, scene: Scene) -> None:
        """Disk, gateways and remote as they are at the beginning of the scene."""
        for name in ("wizards", "state"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
            saved = self.folder / "saved" / scene.start / name
            if saved.exists():
                subprocess.run(["cp", "-a", str(saved), str(self.folder / name)], check=True)
        shutil.rmtree(self.remote.path, ignore_errors=True)
        subprocess.run(["cp", "-a", str(self.folder / "saved" / "remote"), str(self.remote.path)], check=True)
        self._stand(scene.tip)
        self.gateways = self._gateways[scene.start]

    def _save(self, name: str, gateways: Gateways) -> None:
        gateways.acts = _remembers
        self._gateways[name] = gateways
        for part in ("wizards", "state"):
            if (self.folder / part).exists():
                target = self.folder / "saved" / name / part
                target.parent.mkdir(parents=True, exist_ok=True)
                subprocess.run(["cp", "-a", str(self.folder / part), str(target)], check=True)


def _remembers(program: Program) -> None:
    """A gateway makes its database at its first start."""
    database = Path(dict(program.env)["HERMES_HOME"]) / "state.db"
    if not database.exists():
        write(database, "first")
