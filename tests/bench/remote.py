"""A bare Git repository in a folder, and a person's clone that pushes to it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

BRANCH = "main"


class Remote:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "fleet.git"
        self._clone = folder / "clone"
        for arguments in ((str(self.path), "--bare"), (str(self._clone),)):
            self._git(folder, "init", "-q", "-b", BRANCH, *arguments)

    def push(self, files: Mapping[str, str], message: str) -> None:
        """Writes the files into the clone, commits and pushes them."""
        for name, text in files.items():
            target = self._clone / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        self._git(self._clone, "add", "--all")
        self._git(self._clone, "commit", "-q", "-m", message)
        self._git(self._clone, "push", "-q", str(self.path), BRANCH)

    def _git(self, folder: Path, *arguments: str) -> None:
        command = ["git", "-c", "user.name=Bench", "-c", "user.email=bench@example.invalid", *arguments]
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.path.parent), "GIT_CONFIG_NOSYSTEM": "1"}
        subprocess.run(command, cwd=folder, env=environ, check=True, capture_output=True)
