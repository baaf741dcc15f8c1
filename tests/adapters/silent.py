"""A server that takes a connection and never says a word."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread


@contextmanager
def silent() -> Iterator[tuple[str, Event]]:
    """Its address, and what is set once somebody waits for an answer."""
    asked = Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            with server.accept()[0] as connection:
                asked.set()
                while connection.recv(4096):
                    pass

        thread = Thread(target=take)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", asked
        thread.join()
