"""A real smart-HTTP Git server for tests: `git http-backend` behind a small HTTP server on loopback."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def _environment(root: Path) -> dict[str, str]:
    """Exports everything below `root`, and takes pushes."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.receivepack",
        "GIT_CONFIG_VALUE_0": "true",
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    root: Path
    token: str | None
    redirect: str | None
    old: bool

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self._body()
        if self.redirect:
            self._answer(302, [("Location", self.redirect + self.path)], b"")
        elif self.token and not self._allowed():
            self._answer(401, [("WWW-Authenticate", 'Basic realm="git"')], b"who are you\n")
        else:
            self._backend(body)

    def _allowed(self) -> bool:
        """Takes the token as a bearer, or as the password (or the user name) of basic authentication."""
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        if kind == "Bearer":
            return value == self.token
        return kind == "Basic" and self.token in base64.b64decode(value).decode().split(":", 1)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _backend(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        environment = _environment(self.root) | {
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": "" if self.old else self.headers.get("Git-Protocol", ""),
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = [line.split(": ", 1) for line in head.decode().splitlines() if line]
        status = next((value for name, value in headers if name == "Status"), "200 OK")
        self._answer(int(status.split()[0]), [(n, v) for n, v in headers if n != "Status"], content)

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def smart_http(
    root: Path, token: str | None = None, redirect: str | None = None, *, old: bool = False
) -> Iterator[str]:
    """Serves the repositories below `root`; yields the base URL, such as http://127.0.0.1:40123. With `token`, only to
    those who send it; with `redirect`, sends everybody to that base URL instead. An `old` one speaks protocol 0."""
    handler = type("Handler", (_Handler,), {"root": root, "token": token, "redirect": redirect, "old": old})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
