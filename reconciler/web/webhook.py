"""POST /webhook/gitea: believes a delivery or refuses it, and wakes what it is about.

The answer goes out before any work: waking only adds a key to a queue. Each request is one count and one line.
Not done here: what a key leads to, and anything that a delivery claims.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, assert_never

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from reconciler.protocols.events import Event, Level
from reconciler.web.body import read_body
from reconciler.web.counts import Counts, Outcome
from reconciler.web.deliveries import (
    Delivery,
    Ignored,
    PlanAsked,
    PullClosed,
    PullMoved,
    Pushed,
    Watched,
    delivery_of,
    event_of,
    label,
    parse,
)
from reconciler.web.payload import form_of, object_of, text_of
from reconciler.web.refusal import RefusedRequest
from reconciler.web.replays import Replays
from reconciler.web.shown import shown
from reconciler.web.signature import objection, signatures

PATH = "/webhook/gitea"
LARGEST = 1024 * 1024
SLOWEST_SECONDS = 10.0
TRIGGER = "webhook"
Say = Callable[[Event], None]


class Wakes(Protocol):
    """What deliveries wake. Called in the server's thread: each only adds a key, and returns at once. Commits are ""
    where the forge named none; none of them is to be believed."""

    def push(self, commit: str, trigger: str) -> None: ...

    def pull(self, number: int, trigger: str, head: str) -> None: ...

    def closed(self, number: int, trigger: str, merged: bool) -> None: ...

    def asked(self, number: int, trigger: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Expects:
    """What deliveries have to be. `insecure`: signatures are not looked at."""

    watched: Watched
    secret: bytes | None
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class BodyLimits:
    size: int = LARGEST
    seconds: float = SLOWEST_SECONDS


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    outcome: Outcome
    words: str
    ours: bool = False


class Webhook:
    """An ASGI application for one path. `expects` is asked at each request, because settings can be read again."""

    def __init__(
        self, expects: Callable[[], Expects], wakes: Wakes, say: Say, counts: Counts, limits: BodyLimits = BodyLimits()
    ) -> None:
        self._expects = expects
        self._wakes = wakes
        self._say = say
        self._counts = counts
        self._limits = limits
        self._replays = Replays()

    def routes(self) -> list[BaseRoute]:
        return [Route(PATH, endpoint=self, name="webhook")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        event = event_of(headers)
        extra = {}
        try:
            answer = await self._answer(scope["method"], headers, receive)
        except RefusedRequest as refused:
            answer = _Answer(refused.status, refused.outcome, refused.words)
            extra = {"connection": "close"} if refused.unread else {}
            extra |= {"allow": "POST"} if refused.status == 405 else {}
        self._counts.add(answer.outcome, label(event))
        self._say(_line(scope, event, delivery_of(headers), answer))
        await PlainTextResponse(answer.words, answer.status, extra)(scope, receive, send)

    async def _answer(self, method: str, headers: Headers, receive: Receive) -> _Answer:
        if method != "POST":
            raise RefusedRequest(405, Outcome.METHOD, "deliveries are sent with POST", unread=True)
        form = form_of(headers)
        body = await read_body(headers, receive, self._limits.size, self._limits.seconds)
        expects = self._expects()
        found = signatures(headers.items())
        text = text_of(form, body)
        wrong = "" if expects.insecure else objection(found, (body, text) if text != body else (body,), expects.secret)
        if wrong:
            raise RefusedRequest(401, Outcome.SIGNATURE, f"the delivery is refused: {wrong}")
        return self._believed(event_of(headers), delivery_of(headers), text, expects)

    def _believed(self, event: str, delivery: str, text: bytes, expects: Expects) -> _Answer:
        if self._replays.knows(delivery):
            return _Answer(202, Outcome.REPLAY, "ignored: replay")
        found = parse(event, object_of(text), expects.watched)
        self._wake(found)
        self._replays.remember(delivery)
        if isinstance(found, Ignored):
            return _Answer(202, Outcome.IGNORED, f"ignored: {found.reason}", found.ours)
        return _Answer(202, Outcome.ACCEPTED, "accepted")

    def _wake(self, found: Delivery) -> None:
        match found:
            case Pushed():
                self._wakes.push(found.after, TRIGGER)
            case PullMoved():
                self._wakes.pull(found.number, TRIGGER, found.head)
            case PullClosed():
                self._wakes.closed(found.number, TRIGGER, found.merged)
            case PlanAsked():
                self._wakes.asked(found.number, TRIGGER)
            case Ignored():
                pass
            case _:
                assert_never(found)


def _line(scope: Scope, event: str, delivery: str, answer: _Answer) -> Event:
    peer = scope.get("client") or ("?", 0)
    named = f", delivery {shown(delivery)}" if delivery else ""
    refused = f"refused with {answer.status}, " if answer.status >= 400 else ""
    text = f"webhook: {shown(event) or 'no event'} from {peer[0]}{named}: {refused}{answer.words}"
    level = Level.WARNING if refused else Level.DETAIL if answer.ours else Level.INFO
    return Event(level, text)
