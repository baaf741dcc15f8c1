"""A host with its daemon, for tests of what it shows: tests/engine/site.py's host, and a real `Daemon` that may run.

`House(folder)` has a fleet with services and reserved ports; `with house.open() as daemon` binds the daemon, and
`with house.living() as daemon` runs its loop in a thread as well and waits for the first pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import yaml

from reconciler.engine.board import Board, View
from reconciler.engine.daemon import Daemon, Doors
from reconciler.engine.desk import Desk
from reconciler.engine.reconcile import Reconciler
from reconciler.engine.timers import Pace, Timers
from reconciler.protocols.events import Event
from tests.engine.site import Site

PATIENCE = 60.0
"""Seconds that anything may take on a loaded machine."""


class Heard:
    """Events, as texts and for whoever else listens."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.sinks: list[Callable[[Event], None]] = []

    def emit(self, event: Event) -> None:
        self.texts.append(event.text)
        for sink in self.sinks:
            sink(event)


class NoExits:
    def watch(self, pids: Iterable[int], ended: Callable[[int], None]) -> None:
        """Nothing ends by itself here."""

    def close(self) -> None:
        pass


class House(Site):
    """`services`, `models` and `ports` are what the fleet has besides its wizards. A `change` by hand is
    `(house.home("ada") / "config.yaml").write_text(...)`."""

    def __init__(self, folder: Path, host: str = "here") -> None:
        super().__init__(folder)
        self.host = host
        settings = folder / "reconciler.toml"
        settings.write_text(settings.read_text().replace('host = "here"', f'host = "{host}"'))
        self.heard = Heard()
        self.told = self.heard  # type: ignore[assignment]
        self.models: dict[str, dict[str, object]] = {
            "local": {"id": "m", "provider": "custom", "base_url": "http://127.0.0.1:9/v1"}
        }
        self.services: dict[str, int] = {"gitea": 3000, "searxng": 8080, "ollama": 11434}
        self.ports: dict[str, object] = {"reserved": {8646: "the next wizard"}}
        self.environ: dict[str, str] = {}

    def push(self, message: str = "change") -> str:
        fleet = {
            "kind": "Fleet",
            "name": "house",
            "hosts": {self.host: {"address": "192.0.2.7"}},
            "ports": self.ports,
            "policy": {"max_restarts": 9, **self.policy},
        }
        rest: list[object] = [{"kind": "Model", "name": name, **model} for name, model in self.models.items()]
        rest += [{"kind": "Service", "name": name, "port": port} for name, port in self.services.items()]
        files = {f"fleet/{n}.yaml": yaml.safe_dump({**d, "host": self.host}) for n, d in self.wizards.items()}
        files["fleet/fleet.yaml"] = yaml.safe_dump_all([fleet, *rest, self.codebase])
        return self.remote.commit(files, message)

    @contextmanager
    def _looking(self) -> Iterator[Reconciler]:
        with self.bound(change=False, environ=self.environ) as (_, reconciler):
            yield reconciler

    @contextmanager
    def open(self) -> Iterator[Daemon]:
        """The daemon, not running."""
        with self.bound(environ=self.environ) as (host, reconciler):
            board = Board(host.clock)
            doors = Doors(looking=self._looking, exits=NoExits(), desk=Desk(host.clock, self.heard))
            daemon = Daemon(host, reconciler, board, Timers(Pace(3600.0, 3600.0)), doors)
            self.heard.sinks += [board.emit, daemon.heard]
            try:
                yield daemon
            finally:
                self.heard.sinks.clear()

    @contextmanager
    def living(self) -> Iterator[Daemon]:
        """The daemon while it runs, after its first pass."""
        with self.open() as daemon:
            thread = Thread(target=daemon.run, name="daemon")
            thread.start()
            try:
                wait_for(daemon, lambda view: view.ended is not None)
                yield daemon
            finally:
                daemon.stop()
                thread.join()

    def pass_(self, daemon: Daemon, trigger: str = "test") -> View:
        """Wakes the running daemon and waits until it rests after a pass that was woken so."""
        before, woken = daemon.board.view.ended, False

        def rests(view: View) -> bool:
            nonlocal woken
            now = view.running.trigger if view.running else ""
            last = view.ended.trigger if view.ended and view.ended is not before else ""
            woken = woken or trigger in now or trigger in last
            due = any(one.seconds == 0 for one in daemon.passes.waiting())
            over = view.ended is not before and view.ended is not None and view.ended.result != "abandoned"
            return woken and over and view.running is None and not due

        daemon.wake(trigger)
        return wait_for(daemon, rests)


def wait_for(daemon: Daemon, seen: Callable[[View], bool]) -> View:
    """The board's view, once it is so."""
    deadline = time.monotonic() + PATIENCE
    while not seen(daemon.board.view):
        assert time.monotonic() < deadline, f"it never came to that: {daemon.board.view.ended}"
        time.sleep(0.01)
    return daemon.board.view
