"""The application: routes that others made, behind what holds for all of them.

Known hosts only, headers that keep browsers careful, errors in plain words. Not done here: the routes, tokens, serving.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePath

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler import __version__
from reconciler.errors import ReconcilerError, Refused, Retryable
from reconciler.protocols.events import Event, Level
from reconciler.web.counts import Counts, Outcome
from reconciler.web.hosts import KnownHosts
from reconciler.web.shown import shown

POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
CAREFUL = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
WORDS = {404: "there is nothing here", 405: "this can't be done here"}
Say = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is told to somebody whose request failed."""

    status: int
    what: str
    where: str = ""
    mend: str = ""

    def __str__(self) -> str:
        where = f"\nwhere: {self.where}" if self.where else ""
        mend = f"\nmend: {self.mend}" if self.mend else ""
        return f"{self.what}{where}{mend}\n"


Face = Callable[[Request, Problem], Response]
"""How a part of the site shows a problem."""


def create_app(
    routes: Sequence[BaseRoute],
    hosts: Callable[[], frozenset[str]],
    say: Say,
    counts: Counts,
    faces: Mapping[str, Face] | None = None,
) -> ASGIApp:
    """The whole site. `hosts`: see hosts.allowed_hosts. `faces`: by the beginning of a path, such as "/api/", the
    longest first; plain text for all others."""
    problems = _Problems(say, counts, dict(faces or {}))
    app = Starlette(
        routes=list(routes),
        middleware=[Middleware(KnownHosts, allowed=hosts, refuse=problems.of_host)],
        exception_handlers={
            HTTPException: problems.of_request,
            ReconcilerError: problems.expected,
            ClientDisconnect: problems.left,
            Exception: problems.bug,
        },
    )
    app.router.redirect_slashes = False
    return _Careful(app)


class _Careful:
    """Outermost: sets headers that the answer has not set itself, and keeps bugs, which were told, from the server."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def carefully(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in CAREFUL.items():
                    headers.setdefault(name, value)
            await send(message)

        # Starlette raises again what `_Problems.bug` has told and answered.
        with suppress(Exception):
            await self._app(scope, receive, carefully)


class _Problems:
    """Answers what went wrong."""

    def __init__(self, say: Say, counts: Counts, faces: dict[str, Face]) -> None:
        self._say = say
        self._counts = counts
        self._faces = sorted(faces.items(), key=lambda item: -len(item[0]))

    async def of_request(self, request: Request, error: Exception) -> Response:
        """The request is at fault."""
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
        what = WORDS.get(error.status_code, error.detail)
        response = self._answer(request, Problem(error.status_code, what))
        response.headers.update(error.headers or {})
        return response

    def of_host(self, request: Request, status: int, words: str) -> Response:
        """It came under a name that is not ours."""
        self._counts.add(Outcome.HOST)
        peer = request.client.host if request.client else "?"
        self._say(Event(Level.WARNING, f"web: a request from {peer}: refused with {status}, {words}"))
        return self._answer(request, Problem(status, words))

    async def expected(self, request: Request, error: Exception) -> Response:
        """Our own errors: refused by policy, away for now, or for a person to mend."""
        assert isinstance(error, ReconcilerError)  # noqa: S101 - registered for it alone
        status = 409 if isinstance(error, Refused) else 503 if isinstance(error, Retryable) else 422
        return self._answer(request, Problem(status, error.what, error.where, error.mend))

    async def left(self, request: Request, error: Exception) -> Response:  # noqa: ARG002 - as Starlette calls it
        """The client went away; nobody reads this."""
        return self._answer(request, Problem(400, "the request ended before its body did"))

    async def bug(self, request: Request, error: Exception) -> Response:
        self._counts.add(Outcome.BUG)
        self._say(Event(Level.ERROR, f"web: bug at {request.method} {shown(request.scope['path'])}: {_told(error)}"))
        mend = f'report it with the log\'s line that begins with "web: bug", and: reconciler {__version__}'
        return self._answer(request, Problem(500, "this is a bug in reconciler", mend=mend))

    def _answer(self, request: Request, problem: Problem) -> Response:
        for beginning, face in self._faces:
            if request.scope["path"].startswith(beginning):
                return face(request, problem)
        return PlainTextResponse(str(problem), problem.status)


def _told(error: Exception) -> str:
    """The error and the way to it, in one line; no values but the error's own text."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    way = " > ".join(f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
    return f"{type(error).__name__}: {shown(str(error))} ({way})"
