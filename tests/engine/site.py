"""A host to run passes on: a real remote, disk, ledger, secrets and databases; gateways of the runtime in memory.

Each pass is a new reconciler, as a new process would make it. A gateway answers as a healthy one does until a test says
what is wrong with it, and may do something when it is started, as an agent would.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from reconciler import compose
from reconciler.adapters.memory import Memory
from reconciler.engine.host import Host
from reconciler.engine.reconcile import Reconciler
from reconciler.engine.report import Report
from reconciler.engine.request import Request
from reconciler.plan.codebases import version_name, version_path
from reconciler.plan.fact import Listener, ProcessFact
from reconciler.plan.fields import source_value
from reconciler.plan.held import Records
from reconciler.plan.resource import PypiInstall
from reconciler.plan.status import WizardStatus
from reconciler.protocols.events import Event
from reconciler.protocols.http import Reply
from reconciler.protocols.ledger import Entry
from reconciler.protocols.runtime import Program
from tests.git.upstream import Upstream

OLD, NEW, NEWEST = "0.18.2", "0.19.0", "0.20.0"
PORTS = {"ada": 8643, "bo": 8644, "cy": 8645}
Document = dict[str, object]


class Skipping:
    """A clock of which nobody waits: a sleep moves it on, and returns at once."""

    def __init__(self) -> None:
        self._skipped = 0.0

    def now(self) -> float:
        return time.time() + self._skipped

    def monotonic(self) -> float:
        return time.monotonic() + self._skipped

    def sleep(self, seconds: float) -> None:
        self._skipped += seconds


class Gateways(Memory):
    """The runtime with what answers on its programs' ports. `ill` tells what is wrong with a program ("": nothing);
    `acts` is what it does when it is started. `strangers`: port -> pid of somebody else who listens there."""

    def __init__(self, clock: Skipping) -> None:
        super().__init__()
        self._clock = clock
        self.ill: Callable[[Program], str] = lambda program: ""
        self.acts: Callable[[Program], None] = lambda program: None
        self.strangers: dict[int, int] = {}
        self._ports: dict[str, int] = {}
        self._models: dict[str, str] = {}

    def start(self, program: Program) -> None:
        self._ports[program.name] = _port(program)  # read once, at the start
        self._models[program.name] = str(_server(program)["model_name"])
        super().start(program)
        self.acts(program)

    def request(
        self,
        method: str,
        url: str,
        *,
        bearer: str | None = None,
        body: Mapping[str, object] | None = None,
        seconds: float = 5.0,
    ) -> Reply:
        address = urlsplit(url)
        found = self._on(address.port or 0)
        if found is None or self.ill(found[0]):
            return Reply(0, "connection refused")
        if bearer != _key(found[0]):
            return Reply(401, "")
        if address.path == "/v1/models":
            return Reply(200, json.dumps({"object": "list", "data": [{"id": self._models[found[0].name]}]}))
        return Reply(200, json.dumps({"status": "ok", "pid": found[1].pid}))

    def listeners(self, ports: object) -> Mapping[int, Listener]:
        found = ((port, self._on(port)) for port in ports)  # type: ignore[attr-defined]
        ours = {port: Listener(port, hit[1].pid, "hermes") for port, hit in found if hit and not self.ill(hit[0])}
        return ours | {port: Listener(port, pid, "nginx") for port, pid in self.strangers.items()}

    def _born(self, program: Program) -> None:
        """Started now, as the kernel would tell: it is not one that has been silent for days."""
        super()._born(program)
        self._facts[program.name] = replace(self._facts[program.name], started=self._clock.now())

    def _on(self, port: int) -> tuple[Program, ProcessFact] | None:
        for name, fact in list(self._facts.items()):
            if fact.pid and name in self._programs and self._ports[name] == port:
                return self._programs[name], fact
        return None


def _home(program: Program) -> Path:
    return Path(dict(program.env)["HERMES_HOME"])


def _server(program: Program) -> dict[str, object]:
    config = yaml.safe_load((_home(program) / "config.yaml").read_text())
    extra: dict[str, object] = config["platforms"]["api_server"]["extra"]
    return extra


def _port(program: Program) -> int:
    return int(str(_server(program)["port"]))


def _key(program: Program) -> str:
    lines = (_home(program) / ".env").read_text().splitlines()
    return next(line.partition("=")[2].strip("'\"") for line in lines if line.startswith("API_SERVER_KEY="))


@dataclass
class Told:
    """Events, as texts."""

    texts: list[str] = field(default_factory=list)

    def emit(self, event: Event) -> None:
        self.texts.append(event.text)


class Site:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "wizards"
        self.state = folder / "state"
        self.remote = Upstream(folder / "fleet.git")
        self.clock = Skipping()
        self.gateways = Gateways(self.clock)
        self.told = Told()
        self.codebase: Document = {
            "kind": "Codebase",
            "name": "hermes-agent",
            "source": {"pypi": "hermes-agent", "version": NEW, "with": ["aiohttp"]},
        }
        self.wizards: dict[str, Document] = {name: _wizard(name, port) for name, port in PORTS.items()}
        self.policy: Document = {}
        self.hosts: Document = {"here": {}}
        (folder / "reconciler.toml").write_text(
            f'host = "here"\nroot = "{self.root}"\nstate = "{self.state}"\n[source]\nurl = "{self.remote.path}"\n'
            '[apply]\ngate_hold = "1s"\ngate_limit = "3s"\nsoak = "2s"\n'
        )
        for version in (OLD, NEW, NEWEST):
            self._install(version)

    # What people do

    def push(self, message: str = "change") -> str:
        """Commits the fleet as it stands in `codebase` and `wizards`."""
        fleet = {"kind": "Fleet", "name": "house", "hosts": self.hosts, "policy": {"max_restarts": 9, **self.policy}}
        model = {"kind": "Model", "name": "local", "id": "m", "provider": "custom", "base_url": "http://127.0.0.1:9/v1"}
        files = {f"fleet/{name}.yaml": yaml.safe_dump(document) for name, document in self.wizards.items()}
        files["fleet/fleet.yaml"] = yaml.safe_dump_all([fleet, model, self.codebase])
        return self.remote.commit(files, message)

    def version(self, version: str, message: str = "another version") -> str:
        self.codebase["source"] = {"pypi": "hermes-agent", "version": version, "with": ["aiohttp"]}
        return self.push(message)

    def config(self, wizard: str, **keys: object) -> str:
        """Declares these keys of a section that is read at start only."""
        self.wizards[wizard]["config"] = {"display": keys}
        return self.push(f"{wizard}: {keys}")

    # What the host does

    @contextmanager
    def bound(
        self, *, change: bool = True, environ: Mapping[str, str] | None = None
    ) -> Iterator[tuple[Host, Reconciler]]:
        settings = compose.load(str(self.folder / "reconciler.toml"), {})
        with compose.open_host(settings, self.told, environ or {}, change=change) as bound:
            host = replace(bound.host, runtime=self.gateways, http=self.gateways, ports=self.gateways, clock=self.clock)
            yield host, Reconciler(host)

    def run(self, request: Request | None = None, environ: Mapping[str, str] | None = None) -> Report:
        """One pass of a new process."""
        with self.bound(environ=environ) as (_, reconciler):
            return reconciler.run(request or Request("test"))

    def settle(self) -> None:
        """A pass that must do everything, after which nothing is left."""
        report = self.run()
        assert (report.done, report.left.changes, report.stuck) == (True, (), ()), report.applied.failures

    def records(self) -> Records:
        with self.bound() as (host, _):
            return host.ledger.records()

    def entries(self, wizard: str | None = None) -> tuple[Entry, ...]:
        """Oldest first."""
        with self.bound() as (host, _):
            return host.ledger.entries(wizard, 1000)[::-1]

    def status(self, wizard: str) -> WizardStatus:
        with self.bound(change=False) as (_, reconciler):
            return next(w for w in reconciler.status().wizards if w.name == wizard)

    # What is seen

    def home(self, wizard: str) -> Path:
        return self.root / wizard / "home"

    def pid(self, wizard: str) -> int | None:
        name = f"{wizard}-body"
        return self.gateways.observe([name])[name].pid

    def pids(self) -> dict[str, int | None]:
        return {name: self.pid(name) for name in self.wizards}

    def display(self, wizard: str) -> object:
        return yaml.safe_load((self.home(wizard) / "config.yaml").read_text()).get("display")

    def port(self, wizard: str) -> int:
        """The port in the wizard's own file."""
        return _port(self.gateways.program(f"{wizard}-body"))

    def key(self, wizard: str) -> str:
        """The API key in the wizard's own file."""
        return _key(self.gateways.program(f"{wizard}-body"))

    def running(self, wizard: str) -> str:
        """The codebase version that the wizard was last started from."""
        return release(self.gateways.program(f"{wizard}-body"))

    def _install(self, version: str, beside: tuple[str, ...] = ("aiohttp",)) -> None:
        """A codebase as an install leaves it, so that no package index is asked."""
        source = PypiInstall("hermes-agent", version, beside)
        path = Path(version_path("hermes-agent", source, str(self.root)))
        (path / "bin").mkdir(parents=True)
        (path / "bin" / "python").symlink_to(sys.executable)
        (path / ".reconciler-complete.json").write_text(json.dumps({"source": json.loads(source_value(source).text)}))


def _wizard(name: str, port: int) -> Document:
    return {
        "kind": "Wizard",
        "name": name,
        "host": "here",
        "port": port,
        "codebase": "hermes-agent",
        "model": "local",
        "soul": {"charter": {"identity": f"{name} of the house"}},
    }


def release(program: Program) -> str:
    """The version that the program is of."""
    return version_name(program.argv[0].removesuffix("/bin/hermes")).rpartition("/")[2]


def runs(version: str) -> Callable[[Program], str]:
    """What is ill: whatever runs this version."""
    return lambda program: "does not listen" if release(program) == version else ""


def deaf(site: Site, wizard: str = "ada") -> None:
    """The wizard's gateway does not listen while its config holds what was last declared in `display`."""
    bad = site.wizards[wizard].get("config")

    def ill(program: Program) -> str:
        return "deaf" if program.name == f"{wizard}-body" and bad == {"display": site.display(wizard)} else ""

    site.gateways.ill = ill


def write(path: Path, text: str) -> None:
    """Puts one row into a database, making it when there is none."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE IF NOT EXISTS said (text TEXT)")
        database.execute("INSERT INTO said VALUES (?)", (text,))


def said(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        return [text for (text,) in database.execute("SELECT text FROM said ORDER BY rowid")]
