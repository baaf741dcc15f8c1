"""A daemon's pages behind the real web server, as `reconciler run` serves them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from reconciler.engine.daemon import Daemon
from reconciler.web.app import create_app
from reconciler.web.counts import Counts
from reconciler.web.pages import Dashboard
from reconciler.web.server import Server
from reconciler.web.session import Access

TOKEN = "correct-horse-battery-staple"
ACCESS = Access(TOKEN)


@contextmanager
def served(daemon: Daemon, access: Access = ACCESS) -> Iterator[str]:
    """The address of the first page."""
    counts, pages = Counts(), Dashboard(daemon, access)
    hosts = frozenset({"127.0.0.1", "localhost"})
    app = create_app(pages.routes, lambda: hosts, daemon.host.events.emit, counts, {"/": pages.face})
    server = Server(app, "127.0.0.1:0", daemon.host.events.emit, counts)
    server.start()
    try:
        yield f"http://127.0.0.1:{server.address[1]}"
    finally:
        assert server.stop(10.0)
