"""The web server: uvicorn in a thread of its own, on an address that is bound before anything else starts.

What is limited here: connections, the size of headers, the time for them, the time between requests. The time and size
of a body are the application's. Not done here: routes, TLS (a reverse proxy's business), signals (the daemon's).
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event as Flag
from threading import Thread

import uvicorn
from starlette.types import ASGIApp

from reconciler.errors import Terminal
from reconciler.protocols.events import Event, Level
from reconciler.web.counts import Counts
from reconciler.web.protocol import Patience, PatientProtocol, Say, patient

START_SECONDS = 20.0
STREAMS_SECONDS = 0.5
"""How long answers that are on their way get at the end before their connections are closed."""


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """`connections` at once that are served; as many more are told that they are too many, and others are cut off.
    `headers` in bytes, the request line included."""

    connections: int = 128
    headers: int = 16 * 1024
    backlog: int = 256
    patience: Patience = field(default_factory=Patience)


class Server:
    """`bind` is "127.0.0.1:9090" or "[::1]:9090"; `holder` names the program that listens on a port, "" if unknown."""

    def __init__(
        self,
        app: ASGIApp,
        bind: str,
        say: Say,
        counts: Counts,
        holder: Callable[[int], str] = lambda port: "",  # noqa: ARG005 - nobody knows
        limits: ServerLimits = ServerLimits(),
    ) -> None:
        self._bind = bind
        self._say = say
        self._holder = holder
        self._limits = limits
        self._socket: socket.socket | None = None
        self._address = ("", 0)
        self._settled = Flag()
        self._uvicorn = _Uvicorn(self._config(app, say, counts), self._settled, say)
        self._thread = Thread(target=self._run, name="web", daemon=True)

    def _config(self, app: ASGIApp, say: Say, counts: Counts) -> uvicorn.Config:
        limits = self._limits
        return uvicorn.Config(
            app,
            loop="asyncio",
            http=patient(limits.patience, say, counts),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=limits.connections,
            backlog=limits.backlog,
            timeout_keep_alive=limits.patience.idle,
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=limits.headers,
        )

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens, once it has been started."""
        return self._address

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        """Listens when it returns. Raises Terminal when the address can't be had."""
        self._socket = self._listen()
        host, port = self._socket.getsockname()[:2]
        self._address = (str(host), int(port))
        _quiet()
        self._thread.start()
        if not self._settled.wait(START_SECONDS) or not self._uvicorn.started:
            raise Terminal("the web server did not start", where="[web] bind", mend="see the line above this one")

    def stop(self, seconds: float) -> bool:
        """Takes no more requests, lets answers that are on their way end, and closes; False when that took longer."""
        self._uvicorn.config.timeout_graceful_shutdown = max(1, int(seconds))
        self._uvicorn.should_exit = True
        if self._thread.is_alive():
            self._thread.join(seconds + 1.0)
        elif self._socket is not None:
            self._socket.close()
        return not self._thread.is_alive()

    def _run(self) -> None:
        assert self._socket is not None  # noqa: S101 - start() has bound it
        try:
            self._uvicorn.run(sockets=[self._socket])
        except Exception as error:  # noqa: BLE001 - a thread has nobody above it who could tell
            self._say(Event(Level.ERROR, f"web: the server ended: {type(error).__name__}: {error}"))
        finally:
            self._socket.close()
            self._settled.set()

    def _listen(self) -> socket.socket:
        host, _, port = self._bind.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        host = "127.0.0.1" if host == "localhost" else host
        # asyncio turns off the delay of small packets (40 ms an answer) only where the protocol is named.
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        taken = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind((host, int(port)))
            taken.listen(self._limits.backlog)
        except OSError as error:
            taken.close()
            raise self._unavailable(error, int(port)) from error
        return taken

    def _unavailable(self, error: OSError, port: int) -> Terminal:
        match error.errno:
            case errno.EADDRINUSE:
                holder = self._holder(port)
                what = f"{self._bind} is taken{f' by {holder}' if holder else ''}"
                mend = "stop what listens there, or choose another port in web.bind"
            case errno.EACCES:
                what, mend = f"{self._bind} may not be listened on by this user", "choose a port above 1023 in web.bind"
            case errno.EADDRNOTAVAIL:
                what, mend = f"{self._bind} is no address of this host", "choose one in web.bind that is"
            case _:
                what, mend = f"{self._bind} can't be listened on: {error.strerror}", "change web.bind"
        return Terminal(what, where="[web] bind", mend=mend)


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, settled: Flag, say: Say) -> None:
        super().__init__(config)
        self._settled = settled
        self._say = say

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self._stumbled(context))
        await super().startup(sockets)
        self._settled.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Streams never end by themselves: after a moment for the others, the applications see their clients leave."""
        asyncio.get_running_loop().call_later(STREAMS_SECONDS, self._hang_up)
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)

    def _hang_up(self) -> None:
        for connection in list(self.server_state.connections):
            if isinstance(connection, PatientProtocol) and connection.streaming:
                connection.transport.close()

    def _stumbled(self, context: Mapping[str, object]) -> None:
        """What went wrong in the event loop outside of any request."""
        error = context.get("exception")
        name = f": {type(error).__name__}: {error}" if error else ""
        self._say(Event(Level.ERROR, f"web: {context.get('message', 'the event loop stumbled')}{name}"))


def _quiet() -> None:
    """uvicorn's remarks about its own start and stop go nowhere; what matters is told by `say`."""
    log = logging.getLogger("uvicorn.error")
    log.propagate = False
    if not log.handlers:
        log.addHandler(logging.NullHandler())
