"""A gateway's run API on a port of its own, as far as `ask` needs it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Gateway(ThreadingHTTPServer):
    """Answers every run with `answer`; `asked` are (key, input) pairs."""

    def __init__(self, answer: dict[str, object]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.asked: list[tuple[str, str]] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        if self.path == "/v1/runs":
            key = str(self.headers.get("Authorization", "")).removeprefix("Bearer ")
            self.server.asked.append((key, str(body.get("input"))))
            self._send(202, {"run_id": "run_1", "status": "started"})
        else:
            self._send(200, {})

    def do_GET(self) -> None:
        self._send(200, {"object": "run", "run_id": "run_1", "error": None, **self.server.answer})

    def _send(self, status: int, document: object) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextmanager
def gateway(**answer: object) -> Iterator[Gateway]:
    with Gateway(dict(answer)) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
