from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest

from reconciler.engine.daemon import Daemon
from reconciler.web.pages_events import LISTENERS
from tests.web.house import PATIENCE, House
from tests.web.serving import served


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    made.push()
    return made


@pytest.fixture
def daemon(house: House) -> Iterator[Daemon]:
    with house.open() as daemon:
        yield daemon


Listening = Callable[[str], http.client.HTTPResponse]


@pytest.fixture
def listen() -> Iterator[Listening]:
    """Asks for the events; what is not closed by the test is closed after it."""
    with ExitStack() as stack:

        def ask(address: str) -> http.client.HTTPResponse:
            connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE)
            stack.callback(connection.close)
            connection.request("GET", "/events", headers={"Connection": "close"})  # so that closing really closes
            stream = connection.getresponse()
            stack.callback(stream.close)
            return stream

        yield ask


def message(stream: http.client.HTTPResponse) -> dict[str, object]:
    """The next one."""
    while True:
        line = stream.readline().decode()
        assert line, "the stream has ended"
        if line.startswith("data: "):
            found: dict[str, object] = json.loads(line[6:])
            return found


def test_it_tells_the_newest_state(daemon: Daemon, listen: Listening) -> None:
    with served(daemon) as address:
        stream = listen(address)
        assert stream.status == 200
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert message(stream)["state"] == "starting"
        for number in range(100):
            daemon.board.begin(f"trigger {number}")
            daemon.board.end("done")
        last, heard = {"version": 0}, 0
        while last["version"] != daemon.board.view.version:
            last, heard = message(stream), heard + 1
        assert last["state"] == "done"
        assert heard < 50, "what is overtaken is not told"
        stream.close()


def test_listeners_are_bounded_and_places_become_free(daemon: Daemon, listen: Listening) -> None:
    with served(daemon) as address:
        streams = [listen(address) for _ in range(LISTENERS)]
        assert {stream.status for stream in streams} == {200}
        refused = listen(address)
        assert refused.status == 503
        refused.close()
        for stream in streams:
            stream.close()
        deadline = time.monotonic() + PATIENCE
        while listen(address).status != 200:
            assert time.monotonic() < deadline, "no place became free"
            time.sleep(0.05)


def test_one_that_reads_nothing_holds_nobody_up(daemon: Daemon, listen: Listening) -> None:
    with served(daemon) as address:
        host, _, port = urlsplit(address).netloc.partition(":")
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            deaf.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            other = listen(address)
            for _ in range(3):
                daemon.board.begin("again")
                daemon.board.end("done")
                while message(other)["version"] != daemon.board.view.version:
                    pass
            other.close()


def test_it_ends_when_the_daemon_does(house: House, listen: Listening) -> None:
    with house.living() as daemon, served(daemon) as address:
        stream = listen(address)
        message(stream)
        reader = Thread(target=stream.read)
        reader.start()
        daemon.stop()
        reader.join(PATIENCE)
        assert not reader.is_alive()
        stream.close()
    assert not daemon.board._listeners, "nobody is left behind"
