"""A place on this machine that takes what Apprise posts (json://), and places that don't."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import ClassVar

from reconciler.plan.announcement import Announcement, Kind

LETTER = Announcement(Kind.FAILED, "ezra", "vps: ezra failed", "observed dead <b>\nsee & mend", "wizard ezra")


@dataclass
class Office:
    """What came, and how it is answered."""

    address: str = ""
    status: int = 200
    came: list[dict[str, str]] = field(default_factory=list)
    arrived: Event = field(default_factory=Event)
    answering: Event = field(default_factory=Event)

    def titles(self) -> list[str]:
        return [letter["title"] for letter in self.came]


@contextmanager
def office() -> Iterator[Office]:
    """Answers at once unless `answering` is cleared."""
    mine = Office()
    mine.answering.set()

    class Handler(BaseHTTPRequestHandler):
        server_version: ClassVar[str] = "Office"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            mine.came.append(json.loads(body))
            mine.arrived.set()
            mine.answering.wait(60)
            self.send_response(mine.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    mine.address = f"json://ada:hunter2secret@127.0.0.1:{server.server_address[1]}/hook/t0pT0ken?rto=20"
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield mine
    finally:
        mine.answering.set()
        server.shutdown()
        server.server_close()
        thread.join()


def closed_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def said(text: str) -> Callable[[], str]:
    return lambda: text
