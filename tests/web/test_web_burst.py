"""2,000 signed deliveries over real sockets: few keys, flat memory, nothing left open."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterable

import pytest
from psutil import Process

from reconciler.engine.queue import Key, Kind, WorkQueue
from reconciler.protocols.events import Event
from reconciler.web.app import create_app
from reconciler.web.counts import Counts
from reconciler.web.deliveries import Watched
from reconciler.web.server import Server
from reconciler.web.webhook import Expects, Webhook
from tests.web.knock import SECRET, push, signed
from tests.web.wire import closing, connect, request, rest

MANY = 2000
FEW = 200
CLIENTS = 8
SIZE = 30_000
"""Bytes of a delivery: were they kept, it would show."""


class RealClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        raise AssertionError(seconds)


class Keys:
    """As the daemon is woken: each delivery adds a key to the real queue."""

    def __init__(self) -> None:
        self.queue = WorkQueue(RealClock())

    def push(self, commit: str, trigger: str) -> None:
        self.queue.add(Key(Kind.PASS), trigger)

    def pull(self, number: int, trigger: str, head: str) -> None:
        self.queue.add(Key(Kind.PREVIEW, str(number)), trigger)

    def closed(self, number: int, trigger: str, merged: bool) -> None:
        self.queue.forget(Key(Kind.PREVIEW, str(number)))

    def asked(self, number: int, trigger: str) -> None:
        self.queue.add(Key(Kind.PREVIEW, str(number)), trigger)


class Lines:
    """Counts lines, and keeps none: what holds them is the log's business."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, event: Event) -> None:
        self.count += 1


@pytest.mark.system
def test_a_burst_becomes_one_key_and_leaves_no_memory() -> None:
    keys, lines, counts = Keys(), Lines(), Counts()
    expects = Expects(Watched("sovereign/fleet", "main"), SECRET)
    webhook = Webhook(lambda: expects, keys, lines.add, counts)
    app = create_app(webhook.routes(), lambda: frozenset({"localhost"}), lines.add, counts)
    server = Server(app, "127.0.0.1:0", lines.add, counts)
    server.start()
    try:
        _burst(server, 0, FEW)  # whatever is made once is made now
        taken = keys.queue.take(0.0)
        assert taken is not None
        keys.queue.done(taken.key)
        gc.collect()
        before = Process().memory_info().rss
        _burst(server, 1, MANY)
        gc.collect()
        grown = Process().memory_info().rss - before
    finally:
        assert server.stop(10.0)
    assert counts.taken() == {("push", "accepted"): FEW + MANY}
    assert lines.count == FEW + MANY
    waiting = keys.queue.waiting()
    assert [(one.key, one.triggers) for one in waiting] == [(Key(Kind.PASS), ("webhook",))]
    assert grown < MANY * SIZE / 4, f"grown by {grown} bytes; the bodies had {MANY * SIZE}"


def _body(number: int, one: int) -> bytes:
    return push(after=f"{number:08x}{one:032x}") + b" " * SIZE


def _burst(server: Server, number: int, many: int) -> None:
    """Each its own commit and identifier, from several clients, half of them with a connection for each delivery."""
    failed: list[str] = []

    def send(client: int) -> None:
        mine = range(client, many, CLIENTS)
        bodies = ((_body(number, one), f"{number}-{one}") for one in mine)
        accepted = sum(_one(server, *one) for one in bodies) if client % 2 else _all(server, bodies)
        if accepted != len(mine):
            failed.append(f"client {client}: {accepted} of {len(mine)}")

    threads = [threading.Thread(target=send, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def _one(server: Server, body: bytes, name: str) -> int:
    with connect(server) as client:
        client.sendall(request(body, closing(signed(body, delivery=name))))
        return rest(client).count(b"\r\n\r\naccepted")


def _all(server: Server, bodies: Iterable[tuple[bytes, str]]) -> int:
    """On one connection, the next when the last was answered."""
    accepted = 0
    with connect(server) as client:
        for body, name in bodies:
            client.sendall(request(body, signed(body, delivery=name)))
            answer = b""
            while not answer.endswith(b"accepted"):
                piece = client.recv(65536)
                if not piece:
                    return accepted
                answer += piece
            accepted += 1
    return accepted
