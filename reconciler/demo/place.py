"""The demo's folder: a bare remote, a clone for the person who tries it, settings, and the stand-in model process."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reconciler.demo.adapt import Fit, adapt, any_port, busy, free_ports, taken_ports, wizard_ports
from reconciler.errors import Terminal

POOL = range(8643, 8700)
_GIT = ("git", "-c", "user.name=You", "-c", "user.email=you@example.invalid", "-c", "commit.gpgsign=false")


@dataclass(frozen=True, slots=True)
class Place:
    """Folders of one demo."""

    folder: Path
    endpoint: int
    dashboard: int

    @property
    def remote(self) -> Path:
        return self.folder / "remote.git"

    @property
    def clone(self) -> Path:
        return self.folder / "my-fleet"

    @property
    def token(self) -> Path:
        """The file with what the dashboard asks for before it changes anything."""
        return self.folder / "dashboard-token"

    @property
    def settings(self) -> Path:
        return self.folder / "reconciler.toml"


def prepare(directory: Path | None) -> Place:
    """Makes the folder with the golden fleet as a first commit and its fitting to this machine as a second one."""
    folder = (directory or Path(tempfile.mkdtemp(prefix="reconciler-demo-"))).resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Terminal(
            f"can't make the folder: {error.strerror}", where=str(folder), mend="name another one"
        ) from error
    if any(folder.iterdir()):
        raise Terminal("the folder is not empty", where=str(folder), mend="name a new one with --dir")
    place = Place(folder, any_port(), any_port())
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(place.remote))
    git(folder, "init", "--quiet", "--initial-branch=main", str(place.clone))
    git(place.clone, "remote", "add", "origin", str(place.remote))
    shutil.copytree(_golden(), place.clone / "fleet")
    _commit(place, "The golden fleet")
    fleet = place.clone / "fleet"
    ports = free_ports(wizard_ports(fleet), taken_ports(fleet), POOL)
    adapt(fleet, Fit(folder / "wizards", f"http://127.0.0.1:{place.endpoint}/v1", ports))
    _commit(place, "Fit the fleet to this machine")
    git(place.clone, "push", "--quiet", "--set-upstream", "origin", "main")
    place.token.touch(mode=0o600)
    place.token.write_text(secrets.token_urlsafe(12) + "\n")
    place.settings.write_text(_settings(place))
    return place


def difference(place: Place) -> str:
    """What the second commit replaced in the golden fleet."""
    return git(place.clone, "diff", "--unified=0", "HEAD~1", "HEAD")


def _golden() -> Path:
    """The fleet that comes with the package, or the repository's own when run from a checkout."""
    packaged = Path(__file__).parent / "fleet"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "fleet"


def _commit(place: Place, message: str) -> None:
    git(place.clone, "add", "--all")
    git(place.clone, "commit", "--quiet", "--allow-empty", "-m", message)


def git(folder: Path, *arguments: str) -> str:
    """Runs git as the person in the demo would, without what their shell says about other repositories."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run([*_GIT, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Terminal(f"git {arguments[0]} failed: {done.stderr.strip()}", where=str(folder))
    return done.stdout


def _settings(place: Place) -> str:
    return f"""# Settings of the demo's host. On a server this file is /etc/reconciler/reconciler.toml.
host = "hermes-vps"
state = "{place.folder}/state"

[source]
url = "{place.remote}"
branch = "main"
folder = "fleet"
poll = "2s"

[apply]
drift = "2s"

[web]
bind = "127.0.0.1:{place.dashboard}"
token = {{file = "{place.token}"}}

[log]
level = "warning"
"""


@contextmanager
def stand_in(port: int) -> Iterator[None]:
    """The stand-in model endpoint as a process of its own."""
    command = [sys.executable, "-m", "reconciler.demo.model_endpoint", str(port)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        deadline = time.monotonic() + 20
        while not busy(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise Terminal("the stand-in model endpoint did not start", where=f"port {port}")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)
