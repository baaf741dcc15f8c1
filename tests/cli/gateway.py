"""A gateway's run API on a port of its own, as far as `ask` needs it, running as the supervised program `ada-body`:
a wizard's key is sent to its own process only.

    python gateway.py PORT ANSWER ASKED
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cli.site import Site


@dataclass(frozen=True)
class Gateway:
    """`asked` are (key, input) pairs, as they came."""

    port: int
    log: Path

    @property
    def asked(self) -> list[tuple[str, str]]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [(key, text) for key, text in map(json.loads, lines)]


@contextmanager
def gateway(site: Site, **answer: object) -> Iterator[Gateway]:
    """Answers every run with `answer`."""
    from reconciler.adapters.supervisord import Supervisord
    from reconciler.protocols.runtime import INPUTS_VARIABLE, PROGRAM_VARIABLE, Program
    from tests.e2e.world import free_ports

    here = Gateway(free_ports(1)[0], site.folder / "asked.jsonl")
    program = Program(
        name="ada-body",
        argv=(sys.executable, __file__, str(here.port), json.dumps(answer), str(here.log)),
        env=((INPUTS_VARIABLE, "inputs"), (PROGRAM_VARIABLE, "ada-body")),
        cwd=str(site.folder),
        log=str(site.folder / "gateway.log"),
        stop_signal="TERM",
        stop_seconds=10,
        quiet_exits=(),
    )
    runtime = Supervisord(site.state)
    runtime.start(program)
    try:
        _wait(here.port)
        yield here
    finally:
        runtime.shutdown()


def _wait(port: int) -> None:
    import socket

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"the stand-in gateway does not listen on {port}")


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        if self.path == "/v1/runs":
            key = str(self.headers.get("Authorization", "")).removeprefix("Bearer ")
            with Path(sys.argv[3]).open("a") as asked:
                asked.write(json.dumps([key, str(body.get("input"))]) + "\n")
            self._send(202, {"run_id": "run_1", "status": "started"})
        else:
            self._send(200, {})

    def do_GET(self) -> None:
        self._send(200, {"object": "run", "run_id": "run_1", "error": None, **json.loads(sys.argv[2])})

    def _send(self, status: int, document: object) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Says nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()
