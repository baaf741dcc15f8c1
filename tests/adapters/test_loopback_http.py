"""Requests to real servers on this host: good ones, slow ones, broken ones and none."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from reconciler.adapters.http import MAX_BODY, LoopbackHttp


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/large":
                self.answer(200, b"x" * (MAX_BODY + 100_000))
            case "/moved":
                self.send_response(302)
                self.send_header("Location", "/health")
                self.send_header("Content-Length", "0")
                self.end_headers()
            case "/missing":
                self.answer(404, b"\xffno")
            case _:
                self.answer(200, json.dumps([self.command, self.path, self.headers.get("Authorization")]).encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(202, json.dumps([self.headers["Content-Type"], json.loads(body)]).encode())

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):  # the client stops at its limit
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def base() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@contextmanager
def raw(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does with its one connection what no server should."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.recv(65536)
                behave(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join()


def test_get_and_post(base: str) -> None:
    http = LoopbackHttp()
    reply = http.request("GET", f"{base}/v1/models?limit=1", bearer="key")
    assert (reply.status, json.loads(reply.body)) == (200, ["GET", "/v1/models?limit=1", "Bearer key"])
    reply = http.request("POST", f"{base}/v1/runs", body={"input": "ü"})
    assert (reply.status, json.loads(reply.body)) == (202, ["application/json", {"input": "ü"}])
    assert http.request("GET", base.replace("127.0.0.1", "localhost")).status == 200


def test_what_a_server_says_is_a_reply(base: str) -> None:
    http = LoopbackHttp()
    assert http.request("GET", f"{base}/missing").status == 404
    assert http.request("GET", f"{base}/moved").status == 302
    large = http.request("GET", f"{base}/large")
    assert (large.status, len(large.body)) == (200, MAX_BODY)


def test_no_proxy_is_used(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert LoopbackHttp().request("GET", base).status == 200


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    reply = LoopbackHttp().request("GET", f"http://127.0.0.1:{port}/")
    assert (reply.status, reply.body) == (0, "nothing listens there")


def drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(600):
        connection.sendall(b"x")
        time.sleep(0.05)


def drip_head(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for _ in range(600):
        connection.sendall(b"X: y\r\n" if _ < 50 else b"z")
        time.sleep(0.05)


@pytest.mark.parametrize("behave", [lambda connection: connection.recv(1), drip, drip_head])
def test_the_whole_time_is_bounded(behave: Callable[[socket.socket], None]) -> None:
    """Each of these would go on for 30 s or for ever."""
    with raw(behave) as url:
        reply = LoopbackHttp().request("GET", url, seconds=0.4)
    assert (reply.status, reply.body) == (0, "no answer within 0.4 s")


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "closed without an answer"),
        (b"SSH-2.0-OpenSSH\r\n", "no HTTP answer"),
        (b"HTTP/1.1 abc\r\n\r\n", "no HTTP answer"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", "no HTTP answer"),
    ],
)
def test_what_is_no_http(sent: bytes, reason: str) -> None:
    with raw(lambda connection: connection.sendall(sent)) as url:
        reply = LoopbackHttp().request("GET", url)
    assert reply.status == 0
    assert reason in reply.body


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.1/",
        "https://127.0.0.1/",
        "http://example.org/",
        "ftp://127.0.0.1/",
        "x",
        "http://127.0.0.1:x/",
        "http://127.0.0.1:99999999/",
    ],
)
def test_only_this_host_is_asked(url: str) -> None:
    reply = LoopbackHttp().request("GET", url, bearer="s3cret")
    assert reply.status == 0
    assert reply.body
    assert "s3cret" not in reply.body


def test_a_key_that_is_no_header_is_not_told(base: str) -> None:
    for key in ("s3cret\r\nX: y", "s3cret\u20ac"):
        reply = LoopbackHttp().request("GET", base, bearer=key)
        assert reply.status == 0
        assert "s3cret" not in reply.body


def test_several_threads(base: str) -> None:
    http = LoopbackHttp()
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda n: http.request("GET", f"{base}/{n}"), range(40)))
    assert [json.loads(reply.body)[1] for reply in replies] == [f"/{n}" for n in range(40)]
