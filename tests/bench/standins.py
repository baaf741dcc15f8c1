"""What a benchmark can't have for real, a thousand gateways and their clock, answering as healthy ones do.

Everything else of a host is the real thing: Git, disk, SQLite, secrets, the look for the codebase.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from reconciler.adapters.memory import Memory
from reconciler.plan.fact import Listener, ProcessFact
from reconciler.protocols.events import Event
from reconciler.protocols.http import Reply

COMMAND = "hermes"


class Gateways:
    """HTTP and ports of the programs that the runtime in memory keeps: each answers on its port as itself."""

    def __init__(self, runtime: Memory, wizards: Mapping[int, str]) -> None:
        self._runtime = runtime
        self._wizards = wizards

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
        fact = self._fact(address.port or 0)
        if fact is None or fact.pid is None:
            return Reply(0, "connection refused")
        if not bearer:
            return Reply(401, "")
        if address.path == "/v1/models":
            return Reply(200, json.dumps({"object": "list", "data": [{"id": self._wizards[address.port or 0]}]}))
        return Reply(200, _health(fact.pid))

    def listeners(self, ports: Iterable[int]) -> Mapping[int, Listener]:
        facts = ((port, self._fact(port)) for port in ports)
        return {port: Listener(port, fact.pid, COMMAND) for port, fact in facts if fact is not None and fact.pid}

    def _fact(self, port: int) -> ProcessFact | None:
        wizard = self._wizards.get(port)
        return self._runtime.observe([f"{wizard}-body"])[f"{wizard}-body"] if wizard else None


class HastyClock:
    """The system's clock, but nobody waits: a sleep moves `monotonic` on and returns at once."""

    def __init__(self) -> None:
        self._skipped = 0.0

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic() + self._skipped

    def sleep(self, seconds: float) -> None:
        self._skipped += seconds


class Silence:
    """Events that nobody hears."""

    def emit(self, event: Event) -> None:
        pass


def _health(pid: int) -> str:
    checks = {"background_queues": {"active_api_runs": 0}}
    return json.dumps(
        {
            "status": "ok",
            "version": "0.19.0",
            "gateway_state": "running",
            "platforms": {"api_server": {"state": "connected"}},
            "pid": pid,
            "readiness": {"checks": checks},
        }
    )
