"""One connection: uvicorn's HTTP/1.1 with the limits that it has not.

A request has so long for its headers and so long to be there whole; what ends early or can't be understood is answered
where that is possible, told in one line and counted. Not done here: HTTP itself (h11), and the limits that uvicorn does
have (server.py). Built on uvicorn's H11Protocol, which is why its version is pinned.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import h11
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from reconciler.protocols.events import Event, Level
from reconciler.web.counts import Counts, Outcome

Say = Callable[[Event], None]
HEADERS_LATE = "the request's headers did not arrive in time"
ENDED_EARLY = "the request ended before its body did"


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for a request's headers, counted from the connection or its first byte; for all of the request, counted
    from its headers; between two requests."""

    headers: float = 10.0
    request: float = 30.0
    idle: int = 15


class PatientProtocol(H11Protocol):
    """Made by `patient`, which binds the three."""

    patience = Patience()
    counts: Counts
    say: Say

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger = _Log(self)
        self._served = self.app
        self.app = self._measured
        self._awaited: object = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def streaming(self) -> bool:
        """Whether an answer has begun and not ended."""
        return self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete

    # What uvicorn and the event loop call

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.limit_concurrency is not None and len(self.connections) > 2 * self.limit_concurrency:
            self.counts.add(Outcome.CROWDED)
            transport.abort()
            return
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def eof_received(self) -> None:
        """The client sends nothing more. A request that is not whole is told so; the connection closes after this."""
        partial = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
        if partial or self.conn.their_state is h11.SEND_BODY:
            self.send_400_response(ENDED_EARLY)

    def connection_lost(self, exc: Exception | None) -> None:
        self._await(None, 0.0)
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._await(None, 0.0)
        if self.conn.their_state is h11.SEND_BODY:
            self._watch()

    def send_400_response(self, msg: str) -> None:
        """Answers what is no request, unless an answer is on its way already; then the connection just ends. Where an
        application is reading the request, it tells about it."""
        if self.cycle is None or self.cycle.response_complete:
            whole = (
                "it ended too early" if msg == ENDED_EARLY else "it is no HTTP request, or its headers are too large"
            )
            self.tell(Outcome.MALFORMED, f"refused with 400, {whole}")
        self._refuse(msg, super().send_400_response)

    def _should_upgrade(self) -> bool:
        return False

    async def _measured(self, scope: Scope, receive: Receive, send: Send) -> None:
        """h11 limits only headers that arrive in pieces; these came whole."""
        size = sum(len(name) + len(value) + 4 for name, value in scope["headers"]) + len(scope["raw_path"])
        if size + len(scope["query_string"]) <= (self.config.h11_max_incomplete_event_size or size):
            await self._served(scope, receive, send)
            return
        self.tell(Outcome.MALFORMED, "refused with 431, its headers are too large")
        words = "the request's headers are too large"
        await PlainTextResponse(words, 431, {"connection": "close"})(scope, receive, send)

    # Patience

    def _watch(self) -> None:
        match self.conn.their_state:
            case h11.IDLE:
                self._await(h11.IDLE, self.patience.headers)
            case h11.SEND_BODY:
                self._await(h11.SEND_BODY, self.patience.request)
            case _:
                self._await(None, 0.0)

    def _await(self, state: object, seconds: float) -> None:
        """Waits for the client's next step; a step that is awaited already gets no more time."""
        if state is self._awaited:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._awaited = state
        self._timer = None if state is None else self.loop.call_later(seconds, self._late)

    def _late(self) -> None:
        if self.transport.is_closing():
            return
        if self._awaited is h11.IDLE and not self.conn.trailing_data[0]:
            self.transport.close()  # A connection that browsers keep ready says nothing, and is no request.
            return
        self.tell(Outcome.TOO_SLOW, "refused with 408, the request did not arrive in time")
        if self._awaited is h11.IDLE and self.conn.our_state is h11.IDLE:
            self._refuse(HEADERS_LATE, self._send_408)
        else:
            self.transport.close()

    def _send_408(self, words: str) -> None:
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
        response = h11.Response(status_code=408, headers=headers, reason=b"Request Timeout")
        for event in (response, h11.Data(data=words.encode()), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _refuse(self, words: str, answer: Callable[[str], None]) -> None:
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE) and not self.transport.is_closing():
            answer(words)
        self.transport.close()
        if self.cycle is not None and not self.cycle.response_complete:
            # The application must not answer as well.
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def tell(self, outcome: Outcome, words: str) -> None:
        self.counts.add(outcome)
        peer = self.client[0] if self.client else "?"
        self.say(Event(Level.WARNING, f"web: a request from {peer}: {words}"))


def patient(patience: Patience, say: Say, counts: Counts) -> type[PatientProtocol]:
    """The protocol with its limits, and those who hear of refused requests."""
    return type("BoundProtocol", (PatientProtocol,), {"patience": patience, "say": staticmethod(say), "counts": counts})


class _Log(logging.Logger):
    """Takes what uvicorn would log about a connection. Its warnings are told where they arise, or are one of two."""

    def __init__(self, protocol: PatientProtocol) -> None:
        super().__init__("reconciler.web", logging.WARNING)
        self._protocol = protocol

    def handle(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0] if record.exc_info else None
        if kind is asyncio.CancelledError:
            return  # The server stops.
        if record.levelno >= logging.ERROR:
            name = f": {kind.__name__}" if kind else ""
            self._protocol.say(Event(Level.ERROR, f"web: {record.getMessage().strip()}{name}"))
        elif "concurrency" in record.getMessage():
            self._protocol.tell(Outcome.CROWDED, "refused with 503, there are too many at once")
