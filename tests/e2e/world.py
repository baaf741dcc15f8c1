"""A whole world for end-to-end tests: a Git remote, a model endpoint of the tests' own, and the real command line.

Every call of `reconciler` is a new process with an explicit environment, as a person or cron would make it.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar, TypeVar

import psutil
import yaml

from reconciler.demo.model_endpoint import StandIn
from reconciler.plan.codebases import version_path
from reconciler.plan.resource import PypiInstall

T = TypeVar("T")
NETWORK = ("SSL_", "UV_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
"""What a machine behind a proxy needs to reach the package index."""
CANARY_VARIABLE = "OPERATORS_SHELL_SECRET"


class NonceModel(StandIn):
    """Answers every message with a nonce made up for the model's name, so that an answer proves which model gave it."""

    nonces: ClassVar[dict[str, str]] = {}

    def answer(self, request: dict[str, object]) -> str:
        model = str(request.get("model"))
        return self.nonces.setdefault(model, f"nonce-{secrets.token_hex(8)}")


@contextmanager
def model_endpoint() -> Iterator[str]:
    """The tests' stand-in for a model; its base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), NonceModel)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, none of them twice, and none that the kernel gives to outgoing connections."""
    found: list[int] = []
    for port in random.sample(range(20_000, 32_000), 400):
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("no free ports")


@dataclass
class World:
    """One fleet, one remote, one host."""

    folder: Path
    endpoint: str
    ports: list[int]
    names: tuple[str, ...] = ("allegro", "bilbo", "ezra")
    environ: dict[str, str] = field(default_factory=dict)
    version: str = "0.19.0"

    @property
    def root(self) -> Path:
        return self.folder / "wizards"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def clone(self) -> Path:
        return self.folder / "clone"

    @property
    def remote(self) -> Path:
        return self.folder / "remote.git"

    @property
    def fleet(self) -> Path:
        return self.clone / "fleet"

    def home(self, wizard: str) -> Path:
        return self.root / wizard / "home"

    def codebase(self, version: str, *beside: str) -> Path:
        """Where a version of Hermes stands, by default with what a world has beside it."""
        source = PypiInstall("hermes-agent", version, beside or ("aiohttp",))
        return Path(version_path("hermes-agent", source, str(self.root)))

    # -- the person's side ---------------------------------------------------------------------------------------

    def make(self) -> None:
        self.git(self.folder, "init", "-q", "--bare", "-b", "main", str(self.remote))
        self.git(self.folder, "init", "-q", "-b", "main", str(self.clone))
        self.git(self.clone, "remote", "add", "origin", str(self.remote))
        self.fleet.mkdir()
        self.write("fleet.yaml", self.fleet_document())
        source = {"pypi": "hermes-agent", "version": self.version, "with": ["aiohttp"]}
        self.write("codebase.yaml", {"kind": "Codebase", "name": "hermes-agent", "source": source})
        for name, model in (("small", "qwen2.5:1.5b"), ("large", "big-model")):
            self.write(f"model-{name}.yaml", self.model_document(name, model))
        for name, port in zip(self.names, self.ports, strict=False):
            self.write(f"{name}.yaml", self.wizard_document(name, port))
        self.push("The first fleet")
        self.write_settings()

    def fleet_document(self) -> dict[str, object]:
        return {
            "kind": "Fleet",
            "name": "test",
            "hosts": {"vps": {"root": str(self.root)}},
            "ports": {"first": min(self.ports), "last": max(self.ports)},
        }

    def model_document(self, name: str, model: str) -> dict[str, object]:
        return {
            "kind": "Model",
            "name": name,
            "id": model,
            "provider": "custom",
            "base_url": self.endpoint,
            "context_length": 65536,
            "ollama_num_ctx": 65536,
        }

    def wizard_document(self, name: str, port: int) -> dict[str, object]:
        return {
            "kind": "Wizard",
            "name": name,
            "port": port,
            "codebase": "hermes-agent",
            "model": "small",
            "soul": {"charter": {"identity": f"{name}, a wizard of the tests"}},
        }

    def write_settings(self) -> None:
        (self.folder / "reconciler.toml").write_text(
            f'host = "vps"\nstate = "{self.state}"\n[source]\nurl = "{self.remote}"\n[apply]\ngate_hold = "3s"\n'
        )

    def write(self, name: str, document: dict[str, object]) -> None:
        (self.fleet / name).write_text(yaml.safe_dump(document, sort_keys=False))

    def edit(self, name: str, change: Callable[[dict], object]) -> None:
        document = yaml.safe_load((self.fleet / name).read_text())
        change(document)
        self.write(name, document)

    def push(self, message: str, *arguments: str) -> str:
        self.git(self.clone, "add", "--all")
        self.git(self.clone, "commit", "-q", "--allow-empty", "-m", message)
        self.git(self.clone, "push", "-q", "origin", "main", *arguments)
        return self.git(self.clone, "rev-parse", "HEAD").strip()

    def git(self, folder: Path, *arguments: str) -> str:
        command = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.invalid", *arguments]
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"git {arguments}: {done.stderr}"
        return done.stdout

    # -- the host's side -----------------------------------------------------------------------------------------

    def cli(self, *arguments: str, code: int | tuple[int, ...] = 0) -> str:
        """Runs `reconciler` as a new process; asserts its exit code; returns stdout and stderr."""
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", str(self.folder)),
            "RECONCILER_CONFIG": str(self.folder / "reconciler.toml"),
            CANARY_VARIABLE: "the-operators-own-secret",
            **{name: value for name, value in os.environ.items() if name.upper().startswith(NETWORK)},
            **self.environ,
        }
        command = [sys.executable, "-m", "reconciler", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=environ, capture_output=True, text=True, check=False, timeout=280
        )
        codes = code if isinstance(code, tuple) else (code,)
        output = done.stdout + done.stderr
        assert done.returncode in codes, f"reconciler {' '.join(arguments)} -> {done.returncode}\n{output}"
        return output

    def json(self, *arguments: str, code: int | tuple[int, ...] = 0) -> dict:
        text = self.cli(*arguments, "--json", code=code)
        return json.loads(text[text.index("{") : text.rindex("}") + 1])

    def converge(self) -> str:
        """One pass, after which a new process plans nothing."""
        output = self.cli("run", "--once")
        self.cli("plan", code=0)
        return output

    def changed(self, code: int | tuple[int, ...] = 2) -> list[str]:
        """Keys of the resources that a new process would change."""
        return sorted(change["key"] for change in self.json("plan", code=code)["changes"])

    def request(self, wizard: str, path: str, body: dict | None = None) -> dict:
        port = self.port(wizard)
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.key(wizard)}", "Content-Type": "application/json"}
        asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers)
        with urllib.request.urlopen(asked, timeout=60) as reply:
            return json.loads(reply.read())

    def key(self, wizard: str) -> str:
        lines = (self.home(wizard) / ".env").read_text().splitlines()
        return next(line.split("=", 1)[1].strip("'\"") for line in lines if line.startswith("API_SERVER_KEY="))

    def port(self, wizard: str) -> int:
        return yaml.safe_load((self.fleet / f"{wizard}.yaml").read_text())["port"]

    def pid(self, wizard: str) -> int:
        """The pid that owns the wizard's port, which must be the one that answers there."""
        port = self.port(wizard)
        owners = {
            connection.pid
            for connection in psutil.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
        }
        answering = self.request(wizard, "/health/detailed")["pid"]
        assert owners == {answering}, f"port {port}: owned by {owners}, answered by {answering}"
        return answering

    def pids(self) -> dict[str, int]:
        return {name: self.pid(name) for name in self.names}

    def run(self, wizard: str, text: str = "hello") -> dict:
        """One run over the gateway's API, awaited."""
        run = self.request(wizard, "/v1/runs", {"input": text})["run_id"]
        return until(lambda: self._ended(wizard, run), 90, f"{wizard} answers")

    def _ended(self, wizard: str, run: str) -> dict | None:
        reply = self.request(wizard, f"/v1/runs/{run}")
        return reply if reply["status"] in ("completed", "failed", "cancelled") else None

    def gateways(self, wizard: str) -> list[int]:
        """Every live gateway of the wizard's home, whoever started it."""
        home = f"HERMES_HOME={self.home(wizard)}"
        return [
            process.pid
            for process in psutil.process_iter()
            if home in _environ(process.pid) and "gateway" in _cmdline(process.pid)
        ]

    def environ_of(self, pid: int) -> dict[str, str]:
        return dict(item.split("=", 1) for item in _environ(pid) if "=" in item)

    def shutdown(self) -> None:
        """Ends everything that carries this world's marker, without asking the code under test."""
        marker = str(self.folder)
        mine = [
            p for p in psutil.process_iter() if any(marker in word for word in (*_environ(p.pid), *_cmdline(p.pid)))
        ]
        for process in (p for p in mine if p.pid != os.getpid()):
            process.kill()
        psutil.wait_procs(mine, timeout=20)
        shutil.rmtree(self.folder, ignore_errors=True)


def _environ(pid: int) -> list[str]:
    return _proc(pid, "environ")


def _cmdline(pid: int) -> list[str]:
    return _proc(pid, "cmdline")


def _proc(pid: int, name: str) -> list[str]:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace").split("\0")
    except OSError:
        return []


def until(look: Callable[[], T | None], seconds: float, what: str) -> T:
    """Polls until `look` gives something true; fails the test when it never does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited {seconds:g} s in vain until {what}")
