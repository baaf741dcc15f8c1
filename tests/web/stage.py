"""A fleet with a past, for screenshots: a drift, a quarantine, a pause with something held, and a pass that is running.

The host is that of the tests (gateways in memory); only the times of its history are moved into the past.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import yaml

from reconciler.engine.board import View
from reconciler.engine.daemon import PASS, Daemon
from reconciler.engine.request import Request
from reconciler.plan.presence import Presence
from reconciler.protocols.runtime import Program
from tests.web.house import House, wait_for

WIZARDS = {
    "allegro": (8644, "claude-opus", "Tempo and dispatch: hands out the day's tasks"),
    "allegro-primus": (8643, "qwen", "The first of the line; watches over the others"),
    "bezalel": (8647, "qwen", "Builds and repairs tools"),
    "ezra": (8645, "claude-opus", "Archivist; writes the history of the house"),
}
HOURS = (167.0, 141.5, 96.2, 51.0, 26.4, 7.8, 3.1, 0.4)
LOG = """\
{day} 06:58:11,204 INFO gateway.run: Hermes gateway 0.19.0 starting, home /root/wizards/allegro/home
{day} 06:58:12,031 INFO gateway.platforms.api_server: listening on 127.0.0.1:8644 as allegro
{day} 06:58:12,044 INFO gateway.cron: ticker started, 3 jobs
{day} 07:00:02,518 INFO agent.run: run_01k3x9 started (session dispatch-0700)
{day} 07:00:02,731 DEBUG http: POST https://api.anthropic.com/v1/messages Authorization: Bearer {canary}
{day} 07:00:09,940 INFO agent.tools: read_file TASKS/queue.md (2,114 bytes)
{day} 07:00:31,377 INFO agent.run: run_01k3x9 completed in 28.8 s, 4 tool calls
{day} 07:20:01,102 INFO agent.run: run_01k3ye started (session dispatch-0720)
{day} 07:20:17,655 WARNING agent.tools: terminal: command needs approval, waiting 60 s
{day} 07:20:44,200 INFO agent.run: run_01k3ye completed in 43.1 s, 6 tool calls
"""
CANARY = "sk-ant-canary-0123456789abcdefghij"


class Stage(House):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder, host="hermes-vps")
        self.models = {
            "claude-opus": {
                "id": "claude-opus-4.6",
                "provider": "anthropic",
                "env": {"ANTHROPIC_API_KEY": {"env": "ANTHROPIC_API_KEY"}},
            },
            "qwen": {
                "id": "qwen2.5:1.5b",
                "provider": "custom",
                "base_url": "http://127.0.0.1:11434/v1",
                "context_length": 65536,
                "ollama_num_ctx": 65536,
            },
        }
        self.environ = {"ANTHROPIC_API_KEY": CANARY}
        self.ports = {"first": 8643, "last": 8699, "reserved": {8646: "the next wizard", 8650: "kept free"}}
        self.wizards = {
            name: {**self.wizards["ada"], "name": name, "port": port, "model": model, "role": role}
            for name, (port, model, role) in WIZARDS.items()
        }
        for name in self.wizards:
            self.wizards[name]["soul"] = {"charter": {"identity": f"{name}, of the house of wizards."}}
        self.waits = threading.Event()
        self.waits.set()

    def past(self) -> None:
        """A week of passes."""
        self.codebase["source"] = {"pypi": "hermes-agent", "version": "0.18.2", "with": ["aiohttp"]}
        self.push("The fleet, as it was made by hand")
        self.run(Request("webhook"), environ=self.environ)
        self.wizards["ezra"]["role"] = WIZARDS["ezra"][2]
        self.config_of("allegro", "Dispatch: shorter summaries", personality="concise")
        self.config_of("bezalel", "Bezalel shows its tool calls", tool_progress="all")
        self.version("0.19.0", "Hermes 0.19.0 for everybody, behind the canary")
        self.run(Request("webhook"), environ=self.environ)
        self.wizards["allegro-primus"]["port"] = 8643
        self.config_of("allegro-primus", "Allegro-Primus speaks plainly", personality="plain")

    def config_of(self, wizard: str, message: str, **keys: object) -> None:
        self.wizards[wizard]["config"] = {"display": keys}
        self.push(message)
        self.run(Request("webhook"), environ=self.environ)

    def ill_ezra(self) -> None:
        """A commit that Ezra can't live with."""
        self.gateways.ill = lambda program: "silent" if program.name == "ezra-body" and self._broken(program) else ""
        self.wizards["ezra"]["config"] = {"display": {"skin": "parchment", "personality": "chronicler"}}
        self.push("Ezra writes on parchment")
        self.run(Request("webhook"), environ=self.environ)

    def _broken(self, program: Program) -> bool:
        home = Path(dict(program.env)["HERMES_HOME"])
        return "parchment" in (home / "config.yaml").read_text()

    def aged(self) -> None:
        """Moves the history into the past."""
        with closing(sqlite3.connect(self.state / "ledger.db")) as ledger, ledger:
            found = [number for (number,) in ledger.execute("SELECT id FROM pass ORDER BY id")]
            for number, hours in zip(found, HOURS[-len(found) :], strict=False):
                shift = hours * 3600
                ledger.execute("UPDATE pass SET at = at - ?, ended = ended - ? WHERE id = ?", (shift, shift, number))
                ledger.execute(
                    "UPDATE entry SET at = at - ?, ended = ended - ? WHERE pass_id = ?", (shift, shift, number)
                )

    def watched(self, daemon: Daemon) -> None:
        """A day of looks: Ezra was away for two hours, Allegro for a few minutes."""
        now = time.time()
        for minutes in range(24 * 60, 0, -4):
            down = {"ezra"} if 40 <= minutes <= 165 else {"allegro"} if 470 <= minutes <= 500 else set[str]()
            states = {name: Presence.DOWN if name in down else Presence.UP for name in self.wizards}
            daemon.host.ledger.presence(now - minutes * 60, states)

    def logged(self) -> None:
        day = time.strftime("%Y-%m-%d", time.gmtime())
        program = self.gateways.program("allegro-body")
        Path(program.log).write_text(LOG.format(day=day, canary=CANARY))

    def edited(self) -> None:
        """Somebody changes Allegro's port and model on the host."""
        path = self.home("allegro") / "config.yaml"
        config = yaml.safe_load(path.read_text())
        config["platforms"]["api_server"]["extra"]["port"] = 8699
        config["model"]["default"] = "claude-haiku-4.5"
        config["memory"] = {"nudge_interval": 10}
        path.write_text(yaml.safe_dump(config))

    @contextmanager
    def performed(self) -> Iterator[Daemon]:
        """All of it, with a pass that stands still before Allegro is started again."""
        self.past()
        self.ill_ezra()
        self.aged()
        with self.living() as daemon:
            self.watched(daemon)
            daemon.pause("bezalel", "trying a new prompt by hand, ask Ann")
            self.wizards["bezalel"]["config"] = {"display": {"tool_progress": "new", "personality": "builder"}}
            self.push("Bezalel: fewer lines, and a builder's tone")
            self.pass_(daemon, "webhook")
            self.logged()
            self.edited()
            self.gateways.fail_start("allegro-body", 137)
            self.gateways.crash("allegro-body", -9)
            self.gateways.fail_start("allegro-body", None)
            self.gateways.acts = lambda program: (self.waits.wait(300), None)[1]
            self.waits.clear()
            try:
                daemon.wake("process exit")
                wait_for(daemon, _starts)
                daemon.passes.add(PASS, "poll", 41.0)
                yield daemon
            finally:
                self.waits.set()


def _starts(view: View) -> bool:
    steps = view.running.steps if view.running else ()
    return any(s.step.operation.value == "start" and s.began is not None and s.result is None for s in steps)
