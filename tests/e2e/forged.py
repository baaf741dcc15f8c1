"""A world whose fleet lives on the tests' stand-in for Gitea (real smart-HTTP Git, signed webhooks) and whose host is
kept by a real `reconciler run`."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from tests.e2e.test_hard_places import Still
from tests.e2e.world import NETWORK, World, free_ports, until
from tests.forge.gitea import Gitea, Repository

TOKEN = "token-of-the-dashboard-" + secrets.token_hex(8)
WEBHOOK = "secret-of-the-webhook-" + secrets.token_hex(8)
BOT = "reconciler-bot"


@dataclass
class Line:
    """One line of the daemon's log."""

    at: float
    level: str
    text: str
    stage: str = ""
    revision: str = ""
    wizard: str = ""
    key: str = ""
    step: str = ""


@dataclass
class DaemonProcess:
    """A running `reconciler run` and what it logs."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int
    _seen: int = 0

    def lines(self) -> list[Line]:
        found = []
        for text in self.log.read_text(errors="replace").splitlines():
            if text.startswith("{"):
                line = json.loads(text)
                known = {k: line.get(k, "") for k in ("stage", "revision", "wizard", "key", "step")}
                at = datetime.fromisoformat(line["timestamp"]).timestamp()
                found.append(Line(at, line["level"], line["event"], **known))
        return found

    def until(self, seen: Callable[[Line], object], what: str, seconds: float = 120.0, since: float = 0.0) -> Line:
        def look() -> Line | None:
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            return next((line for line in self.lines() if line.at >= since and seen(line)), None)

        return until(look, seconds, what)

    def converged(self, commit: str, seconds: float = 120.0) -> None:
        """Waits until the API tells that the commit was applied whole."""

        def look() -> bool:
            try:
                now = self.get("/api/v1/host")
                wizards = self.get("/api/v1/wizards")["wizards"]
            except urllib.error.HTTPError as error:
                if error.code != 503:  # no pass has ended yet
                    raise
                return False
            except (urllib.error.URLError, ConnectionError):  # it begins again with other settings
                assert self.process.poll() is None, self.log.read_text()[-3000:]
                return False
            return now["commit"] == commit and all(wizard["settled"] for wizard in wizards)

        until(look, seconds, f"{commit[:7]} is applied")

    def settled(self, seconds: float = 2.0) -> None:
        """Waits until it has logged nothing for so long, and serves."""

        def look() -> bool:
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            if time.time() - self.log.stat().st_mtime < seconds:
                return False
            try:
                return bool(self.text("/healthz"))
            except urllib.error.URLError:  # it is about to open its address again
                return False

        until(look, 120, "it rests")

    def get(self, path: str) -> dict:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as reply:
            return json.loads(reply.read())

    def text(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as reply:
            return reply.read().decode()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def usage(self) -> dict[str, int]:
        one = psutil.Process(self.process.pid)
        return {
            "open files": one.num_fds(),
            "children": len(one.children()),
            "threads": one.num_threads(),
            "MiB": one.memory_info().rss // 2**20,
        }


class Forged(World):
    """`gitea` has to be entered by whoever makes the world."""

    gitea: Gitea
    repository: Repository
    web: int
    extra: str = ""
    forge_url: str = ""

    def settle_in(self) -> None:
        """Makes the world with its remote at the forge."""
        self.gitea = Gitea(self.folder / "forge")
        self.gitea.__enter__()
        self.repository = self.gitea.repository("sovereign/fleet")
        self.web = free_ports(1)[0]
        self.make()

    def make(self) -> None:
        super().make()
        git = self.gitea.token("sovereign")
        url = self.repository.url.replace("http://", f"http://sovereign:{git}@")
        self.git(self.clone, "remote", "set-url", "origin", url)
        self.git(self.clone, "push", "-q", "origin", "main")
        for name, text in (("token", TOKEN), ("webhook-secret", WEBHOOK), ("gitea-token", self.gitea.token(BOT))):
            (self.folder / name).write_text(text)
            (self.folder / name).chmod(0o600)
        self.repo_collaborator()
        self.write_settings()
        self.repository.hook(f"http://127.0.0.1:{self.web}/webhook/gitea", WEBHOOK)

    def repo_collaborator(self) -> None:
        """The token's user may write, as a bot of the owner's would."""
        self.repository.repo.writers.add(BOT)

    def write_settings(self) -> None:
        if not hasattr(self, "web"):
            return
        (self.folder / "reconciler.toml").write_text(
            f'host = "vps"\nstate = "{self.state}"\n'
            f'[source]\nurl = "{self.repository.url}"\npoll = "1h"\ntoken = {{file = "gitea-token"}}\n'
            f'[apply]\ngate_hold = "3s"\ndrift = "1h"\n'
            f'[web]\nbind = "127.0.0.1:{self.web}"\ntoken = {{file = "token"}}\n'
            f'webhook_secret = {{file = "webhook-secret"}}\n'
            f'[gitea]\nurl = "{self.forge_url or self.gitea.url}"\nrepository = "sovereign/fleet"\n'
            f'token = {{file = "gitea-token"}}\n'
            f'[log]\nformat = "json"\nlevel = "detail"\n{self.extra}'
        )

    @contextmanager
    def daemon(self, **environ: str) -> Iterator[DaemonProcess]:
        """`reconciler run` until the block ends, then SIGTERM, which it has to obey."""
        found = self.start_daemon(**environ)
        try:
            yield found
            if found.process.poll() is None:
                found.signal(signal.SIGTERM)
            assert found.process.wait(30) == 0, found.log.read_text()[-3000:]
        finally:
            if found.process.poll() is None:
                found.process.kill()
                found.process.wait()

    def start_daemon(self, **environ: str) -> DaemonProcess:
        log = self.folder / "daemon.log"
        env = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", str(self.folder)),
            "RECONCILER_CONFIG": str(self.folder / "reconciler.toml"),
            **{name: value for name, value in os.environ.items() if name.upper().startswith(NETWORK)},
            **environ,
        }
        began = time.time() - 0.01  # the log counts in milliseconds
        with log.open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "reconciler", "run"], cwd=self.folder, env=env, stdout=out, stderr=out
            )
        found = DaemonProcess(process, log, self.web)
        found.until(lambda line: "dashboard at" in line.text, "the daemon serves", since=began)
        return found

    def shutdown(self) -> None:
        self.gitea.__exit__(None, None, None)
        super().shutdown()


class StillForged(Forged, Still):
    """Files only: no gateways are started."""
