"""A host to call the command line on: a real remote, real settings, a folder for wizards, a codebase that is there.

No network and no supervisor: the wizards of its fleet are declared dead, so that applying writes files and starts
nothing.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from reconciler.plan.codebases import version_path
from reconciler.plan.fields import source_value
from reconciler.plan.resource import PypiInstall
from tests.git.upstream import Upstream

FLEET = """\
kind: Fleet
name: house
hosts:
  here: {}
  there: {}
---
kind: Codebase
name: hermes-agent
source: {pypi: hermes-agent, version: 0.19.0, with: [aiohttp]}
---
kind: Model
name: local
id: llama3.1:70b
provider: custom
base_url: http://127.0.0.1:9/v1
"""


def wizard(name: str, port: int, *, host: str = "here", desired: str = "dead", model: str = "local") -> str:
    return f"""\
kind: Wizard
name: {name}
host: {host}
desired: {desired}
port: {port}
codebase: hermes-agent
model: {model}
soul: {{charter: {{identity: {name} of the house}}}}
"""


FILES: Mapping[str, str] = {
    "fleet/fleet.yaml": FLEET,
    "fleet/ada.yaml": wizard("ada", 8643),
    "fleet/bob.yaml": wizard("bob", 8644),
    "fleet/far.yaml": wizard("far", 8643, host="there"),
}


class Site:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "wizards"
        self.state = folder / "state"
        self.remote = Upstream(folder / "fleet.git")
        self.config = folder / "reconciler.toml"
        self.config.write_text(
            f'host = "here"\nroot = "{self.root}"\nstate = "{self.state}"\n'
            f'[source]\nurl = "{self.remote.path}"\n[apply]\ngate_hold = "100ms"\ngate_limit = "1s"\n'
        )
        self._install()

    def push(self, changes: Mapping[str, str | None] | None = None, message: str = "change") -> str:
        """Commits the standard fleet with these changes; None leaves a file out."""
        files = {**FILES, **(changes or {})}
        return self.remote.commit({path: text for path, text in files.items() if text is not None}, message)

    def write_fleet(self, changes: Mapping[str, str | None] | None = None) -> Path:
        """The fleet as files that are in no commit."""
        for path, text in {**FILES, **(changes or {})}.items():
            if text is not None:
                target = self.folder / "checkout" / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
        return self.folder / "checkout" / "fleet"

    def _install(self) -> None:
        """The codebase as an install leaves it, so that no package index is asked."""
        source = PypiInstall("hermes-agent", "0.19.0", ("aiohttp",))
        path = Path(version_path("hermes-agent", source, str(self.root)))
        (path / "bin").mkdir(parents=True)
        (path / "bin" / "python").symlink_to(sys.executable)
        (path / ".reconciler-complete.json").write_text(json.dumps({"source": json.loads(source_value(source).text)}))


def files_below(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Path -> mode, modification time and bytes of everything below the folder; empty when there is none."""
    found = {}
    for where, _, names in os.walk(folder):
        for name in names:
            path = Path(where) / name
            data = b"" if path.is_symlink() else path.read_bytes()
            found[str(path.relative_to(folder))] = (path.lstat().st_mode, path.lstat().st_mtime_ns, data)
    return found
