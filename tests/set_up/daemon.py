"""Something on a port that hears what a hook says. It has the port from the beginning, and answers once it listens."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


class Daemon:
    def __init__(self) -> None:
        self.status = 202
        self.raw = b""
        self.headers: dict[str, str] = {}
        daemon = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                daemon.raw = self.rfile.read(int(self.headers["Content-Length"]))
                daemon.headers = {name.lower(): value for name, value in self.headers.items()}
                self.send_response(daemon.status)
                self.end_headers()
                self.wfile.write(b"accepted" if daemon.status == 202 else b"said so")

            def log_message(self, format: str, *args: Any) -> None:
                """Says nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.bind = f"127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.server_close()


@contextmanager
def listening(daemon: Daemon) -> Iterator[None]:
    thread = threading.Thread(target=daemon.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        daemon.server.shutdown()
        thread.join()
        daemon.close()


def heard(daemon: Daemon) -> tuple[dict[str, str], dict[str, object]]:
    """Headers in lower case, and the body."""
    return daemon.headers, json.loads(daemon.raw)
