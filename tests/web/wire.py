"""The real server on a port of its own, and clients that write bytes, for tests over sockets."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from reconciler.web.protocol import Patience
from reconciler.web.server import Server, ServerLimits
from reconciler.web.webhook import PATH
from tests.web.knock import Door, Headers, signed

SECONDS = 60.0
"""How long a client waits for the server on a loaded machine."""
HASTY = Patience(headers=0.3, request=0.5, idle=60)
"""For tests of what is too slow; everything else has the usual patience."""


@contextmanager
def serving(door: Door, limits: ServerLimits | None = None, patience: Patience | None = None) -> Iterator[Server]:
    found = limits or ServerLimits()
    found = replace(found, patience=patience) if patience else found
    server = Server(door.app, "127.0.0.1:0", door.said.append, door.counts, limits=found)
    server.start()
    try:
        yield server
    finally:
        assert server.stop(10.0)


def request(body: bytes, headers: Headers | None = None, method: str = "POST", path: str = PATH) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(f"{n}: {v}" for n, v in (signed(body) if headers is None else headers))]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def connect(server: Server) -> socket.socket:
    return socket.create_connection(server.address, timeout=SECONDS)


def talk(server: Server, *pieces: bytes, half_close: bool = False) -> bytes:
    """All that comes back until the server closes the connection."""
    with connect(server) as client:
        for piece in pieces:
            client.sendall(piece)
        if half_close:
            client.shutdown(socket.SHUT_WR)
        return rest(client)


def rest(client: socket.socket) -> bytes:
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := client.recv(65536):
            found += piece
    return found


def status(answer: bytes) -> int:
    """Of the first answer; 0 when there was none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def closing(headers: Sequence[tuple[str, str]]) -> Headers:
    """So that the server closes the connection after its answer."""
    return [*headers, ("Connection", "close")]
