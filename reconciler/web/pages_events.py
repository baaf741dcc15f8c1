"""/events: tells pages that something changed, by server-sent events.

Each listener keeps one flag, whatever happens meanwhile, so a slow one costs nothing and misses nothing: it hears the
newest state. One that takes nothing for long is cut off. Not done here: what changed; a page asks for itself again.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from reconciler.web.pages_shell import HEADERS, Shell, state

LISTENERS = 48
PAUSE_SECONDS = 0.25
"""Least time between two messages to one listener."""
TICK_SECONDS = 1.0
"""How often it is looked whether the daemon has ended."""
BEAT_SECONDS = 15.0
STUCK_SECONDS = 30.0
_START = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]


@dataclass
class Events:
    """The ASGI application. `listening` is how many listen now; all of it runs in the server's one thread."""

    shell: Shell
    most: int = LISTENERS
    listening: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if not self.shell.sessions.may_read(request):
            await PlainTextResponse("log in first", 401, HEADERS)(scope, receive, send)
            return
        if self.listening >= self.most:
            headers = {**HEADERS, "Retry-After": "30"}
            await PlainTextResponse("too many listeners; reload the page instead", 503, headers)(scope, receive, send)
            return
        self.listening += 1
        try:
            await self._listen(request, receive, send)
        finally:
            self.listening -= 1

    async def _listen(self, request: Request, receive: Receive, send: Send) -> None:
        loop, changed = asyncio.get_running_loop(), asyncio.Event()
        changed.set()

        def tell() -> None:
            with suppress(RuntimeError):  # the server has closed its loop; nobody listens any more
                loop.call_soon_threadsafe(changed.set)

        deaf = self.shell.daemon.board.listen(tell)
        left = asyncio.ensure_future(_left(receive))
        left.add_done_callback(lambda _: changed.set())
        try:
            await self._send_all(request, changed, left, send)
        except (TimeoutError, OSError):
            return  # it takes nothing, or is gone
        finally:
            deaf()
            left.cancel()

    async def _send_all(self, request: Request, changed: asyncio.Event, left: asyncio.Future[None], send: Send) -> None:
        headers = [*_START, *((k.lower().encode(), v.encode()) for k, v in HEADERS.items())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await _send(send, b"retry: 3000\n\n")
        quiet = 0.0
        while not left.done() and not self.shell.daemon.passes.closed and self.shell.sessions.may_read(request):
            if await _within(changed, TICK_SECONDS):
                if left.done():
                    return
                changed.clear()
                await _send(send, self._message())
                quiet = 0.0
                await asyncio.sleep(PAUSE_SECONDS)
            elif (quiet := quiet + TICK_SECONDS) >= BEAT_SECONDS:
                quiet = 0.0
                await _send(send, b": still here\n\n")
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _message(self) -> bytes:
        view = self.shell.daemon.board.view
        now = state(view)
        body = json.dumps({"version": view.version, "state": now.kind, "words": now.words})
        return f"id: {view.version}\nevent: changed\ndata: {body}\n\n".encode()


async def _send(send: Send, body: bytes) -> None:
    async with asyncio.timeout(STUCK_SECONDS):
        await send({"type": "http.response.body", "body": body, "more_body": True})


async def _within(changed: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await changed.wait()
    return changed.is_set()


async def _left(receive: Receive) -> None:
    """Until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
