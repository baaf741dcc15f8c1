"""The real server over real sockets: slow, broken, oversized and too many clients; start, stop and a taken port."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable

import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from reconciler.errors import Terminal
from reconciler.protocols.events import Level
from reconciler.web.app import create_app
from reconciler.web.server import Server, ServerLimits
from reconciler.web.webhook import LARGEST, BodyLimits
from tests.web.knock import Door, push, signed
from tests.web.wire import HASTY, SECONDS, closing, connect, request, rest, serving, status, talk


def settle(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def good(body: bytes = push()) -> bytes:
    return request(body, closing(signed(body)))


def test_a_delivery_over_a_socket() -> None:
    door = Door()
    with serving(door) as server:
        answer = talk(server, good())
    assert status(answer) == 202
    assert answer.endswith(b"\r\n\r\naccepted")
    assert b"server:" not in answer.lower()
    assert b"x-content-type-options: nosniff" in answer
    assert door.woken.calls == [("push", "b" * 40, "webhook")]


def test_many_on_one_connection_and_in_pieces() -> None:
    door = Door()
    whole = request(push()) * 3 + good()
    with serving(door) as server:
        answer = talk(server, *(whole[i : i + 37] for i in range(0, len(whole), 37)))
    assert answer.count(b"HTTP/1.1 202") == 4
    assert len(door.woken.calls) == 4


def test_slow_headers() -> None:
    door = Door()
    with serving(door, patience=HASTY) as server:
        answer = talk(server, b"POST /webhook/gitea HTTP/1.1\r\nHost: loc")
    assert status(answer) == 408
    assert door.outcomes == {"too_slow": 1}
    assert [event.level for event in door.said] == [Level.WARNING]


def test_headers_that_drip_get_no_more_time() -> None:
    door = Door()
    with serving(door, patience=HASTY) as server, connect(server) as client:
        answered = threading.Event()

        def drip() -> None:
            client.sendall(b"POST /webhook/gitea HTTP/1.1\r\n")
            while not answered.wait(0.05):
                try:
                    client.sendall(b"X-Drip: 1\r\n")
                except OSError:
                    return

        dripping = threading.Thread(target=drip)
        dripping.start()
        answer = rest(client)
        answered.set()
        dripping.join()
    assert status(answer) in (0, 408)  # 0: our answer was lost, because the client was still sending
    assert door.outcomes == {"too_slow": 1}


def test_a_connection_that_says_nothing_is_closed_without_a_word() -> None:
    door = Door()
    with serving(door, patience=HASTY) as server:
        assert talk(server) == b""
    assert door.said == []


def test_slow_body() -> None:
    door = Door(limits=BodyLimits(seconds=0.1))
    with serving(door) as server:
        answer = talk(server, good()[:-5])
    assert status(answer) == 408
    assert door.outcomes == {"too_slow": 1}
    assert door.woken.calls == []


def test_a_body_that_nobody_reads_does_not_keep_the_connection() -> None:
    """The webhook is not asked; the server's own patience ends it."""
    door = Door()
    with serving(door, patience=HASTY) as server:
        answer = talk(server, b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\nx")
    assert status(answer) == 404


@pytest.mark.parametrize("half_close", [True, False])
def test_truncated(half_close: bool) -> None:
    door = Door()
    with serving(door) as server:
        if half_close:
            assert status(talk(server, good()[:-5], half_close=True)) == 400
        else:
            with connect(server) as client:
                client.sendall(good()[:-5])
        settle(lambda: bool(door.outcomes))
    assert door.outcomes == {"truncated": 1}
    assert [event.level for event in door.said] == [Level.WARNING]
    assert door.woken.calls == []


def test_truncated_headers() -> None:
    door = Door()
    with serving(door) as server:
        assert status(talk(server, b"POST /webhook/gitea HTTP/1.1\r\nHost:", half_close=True)) == 400
    assert door.outcomes == {"malformed": 1}


@pytest.mark.parametrize("size", [LARGEST + 1, 3 * LARGEST])
def test_oversized(size: int) -> None:
    door = Door()
    with serving(door) as server:
        assert status(talk(server, good(b" " * size))) == 413
    assert door.outcomes == {"too_large": 1}


def test_oversized_in_chunks() -> None:
    door = Door()
    headers = [("Host", "localhost"), ("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")]
    chunk = b"%x\r\n%s\r\n" % (65536, b" " * 65536)
    with serving(door) as server:
        assert status(talk(server, request(b"", closing(headers)), *[chunk] * 20, b"0\r\n\r\n")) == 413
    assert door.outcomes == {"too_large": 1}


def test_far_too_large_is_refused_before_it_is_sent() -> None:
    door = Door()
    headers = [("Host", "localhost"), ("Content-Type", "application/json"), ("Content-Length", str(10**12))]
    with serving(door) as server:
        assert status(talk(server, request(b"", headers))) == 413
    assert door.outcomes == {"too_large": 1}


@pytest.mark.parametrize(
    "flood",
    [
        b"X-Long: " + b"a" * 40_000,
        b"\r\n".join(b"X-%d: %s" % (number, b"b" * 50) for number in range(2000)),
        b"X-Gitea-Signature: " + b"0" * 20_000,
    ],
    ids=["long", "many", "signature"],
)
def test_header_floods(flood: bytes) -> None:
    door = Door()
    with serving(door) as server:
        answer = talk(server, b"POST /webhook/gitea HTTP/1.1\r\nHost: localhost\r\n" + flood + b"\r\n\r\n")
        assert status(talk(server, good())) == 202
    assert status(answer) in (0, 400, 431)  # 0: our answer was lost, because the client had sent more than was read
    assert door.outcomes == {"malformed": 1, "accepted": 1}
    assert len(door.said) == 2


@pytest.mark.parametrize(
    "bytes_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nBad Header: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    ],
)
def test_what_is_no_http(bytes_: bytes) -> None:
    door = Door()
    with serving(door) as server:
        assert status(talk(server, bytes_)) == 400
    assert door.outcomes == {"malformed": 1}
    assert [event.level for event in door.said] == [Level.WARNING]


def test_broken_chunks_in_the_middle_of_a_request() -> None:
    door = Door()
    headers = [("Host", "localhost"), ("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")]
    with serving(door) as server:
        assert status(talk(server, request(b"", headers), b"zz\r\n")) == 400
        settle(lambda: bool(door.outcomes))
    assert len(door.said) == 1


def test_an_upgrade_is_not_taken() -> None:
    door = Door()
    headers = closing([*signed(push()), ("Upgrade", "websocket")])
    headers[-1], headers[-2] = ("Connection", "Upgrade, close"), headers[-2]
    with serving(door) as server:
        assert status(talk(server, request(push(), headers))) == 202


def test_too_many_at_once_are_told_so_and_even_more_are_cut_off() -> None:
    door = Door()
    with serving(door, ServerLimits(connections=4)) as server:
        idle = [connect(server) for _ in range(5)]
        try:
            assert status(talk(server, request(push(), signed(push())), half_close=True)) == 503
            idle += [connect(server) for _ in range(8)]
            settle(lambda: door.outcomes.get("crowded", 0) >= 4)
        finally:
            for client in idle:
                client.close()
        answers: list[int] = []
        settle(lambda: answers.append(status(talk(server, good()))) or answers[-1] == 202)  # type: ignore[func-returns-value]
    assert len(door.woken.calls) == 1


def test_other_host_names() -> None:
    door = Door()
    with serving(door) as server:
        for name, expected in [
            ("localhost", 202),
            ("LOCALHOST:80", 202),
            ("127.0.0.1:9090", 202),
            ("evil.example", 421),
            ("localhost.evil.example", 421),
            ("[::1]", 421),
            ("local host", 400),
            ("", 400),
            ("a/b", 400),
        ]:
            headers = [("Host", name), *signed(push())[1:]]
            assert status(talk(server, request(push(), closing(headers)))) == expected, name
    assert door.outcomes["accepted"] == 3
    assert door.outcomes["wrong_host"] + door.outcomes.get("malformed", 0) == 6  # h11 refuses some itself


def test_a_taken_port_says_where_and_who() -> None:
    door = Door()
    with serving(door) as first:
        bind = f"127.0.0.1:{first.address[1]}"
        second = Server(door.app, bind, door.said.append, door.counts, holder=lambda port: f"pid 7 on {port}")
        with pytest.raises(Terminal) as caught:
            second.start()
        assert not second.alive
        assert status(talk(first, good())) == 202
    assert f"{bind} is taken by pid 7 on {first.address[1]}" in str(caught.value)
    assert "web.bind" in caught.value.mend


def test_an_address_of_somebody_else() -> None:
    with pytest.raises(Terminal, match="no address of this host"):
        Server(Door().app, "192.0.2.1:9090", Door().said.append, Door().counts).start()


@pytest.mark.parametrize("bind", ["localhost:0", "[::1]:0"])
def test_other_addresses(bind: str) -> None:
    if bind.startswith("["):
        try:
            with socket.socket(socket.AF_INET6) as probe:
                probe.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 on this machine")
    door = Door()
    server = Server(door.app, bind, door.said.append, door.counts)
    server.start()
    try:
        headers = [("Host", f"{bind.rpartition(':')[0]}:9"), *signed(push())[1:]]
        assert status(talk(server, request(push(), closing(headers)))) == 202
    finally:
        assert server.stop(10.0)


def test_stopping_frees_the_port_and_ends_the_thread() -> None:
    door = Door()
    with serving(door) as server:
        port = server.address[1]
        with connect(server) as client:
            client.sendall(request(push()))
            assert client.recv(9) == b"HTTP/1.1 "
            assert server.stop(10.0)
            assert rest(client).endswith(b"accepted")
    assert not server.alive
    again = Server(door.app, f"127.0.0.1:{port}", door.said.append, door.counts)
    again.start()
    assert again.stop(10.0)
    assert [event.level for event in door.said] == [Level.INFO]


def test_stopping_ends_streams_and_lets_answers_finish() -> None:
    began, ended = threading.Event(), threading.Event()

    async def endless(request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"data: x\n\n"
                    began.set()
                    await asyncio.sleep(0.01)
            finally:
                ended.set()

        return StreamingResponse(parts(), media_type="text/event-stream")

    door = Door()
    door.app = create_app([Route("/live", endless)], lambda: frozenset({"localhost"}), door.said.append, door.counts)
    with serving(door) as server, connect(server) as client:
        client.sendall(request(b"", [("Host", "localhost")], "GET", "/live"))
        assert began.wait(SECONDS)
        assert server.stop(10.0)
        assert ended.wait(SECONDS)
        assert rest(client).startswith(b"HTTP/1.1 200")
    assert door.said == []


def test_a_server_that_was_never_started_can_be_stopped() -> None:
    assert Server(Door().app, "127.0.0.1:0", Door().said.append, Door().counts).stop(1.0)
