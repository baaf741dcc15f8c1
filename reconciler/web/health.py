"""/healthz: is the process alive, does its loop go round. /readyz: does it know its host, and is that fresh.

Both answer without a token and say nothing about the host but that. Not done here: how wizards are.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from reconciler.engine.daemon import Daemon
from reconciler.plan.lasting import lasting

STALLED_SECONDS = 900.0
"""A step may take that long, an install say, before the loop counts as stuck."""
POLLS = 5
"""Polls of the remote after which a last pass is too old."""


class Heart:
    """When the loop went round last. `beat` belongs into `Doors.beat`; any thread may ask."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._at = now()

    def beat(self) -> None:
        self._at = self._now()

    @property
    def age(self) -> float:
        """Seconds."""
        return max(0.0, self._now() - self._at)


@dataclass(frozen=True, slots=True)
class Fresh:
    """Seconds. `loop`: how long it may take to go round; `look`: how old the last pass may be."""

    loop: float = STALLED_SECONDS
    look: float = POLLS * 60.0

    @classmethod
    def polled(cls, poll: float) -> Fresh:
        """For a remote that is asked every so many seconds."""
        return cls(look=max(POLLS * poll, 60.0))


def health_routes(daemon: Daemon, heart: Heart, fresh: Fresh) -> list[BaseRoute]:
    async def alive(_: Request) -> Response:
        return _answer("alive", not_alive(heart, fresh))

    async def ready(_: Request) -> Response:
        return _answer("ready", not_ready(daemon, heart, fresh))

    return [Route("/healthz", alive, methods=["GET"]), Route("/readyz", ready, methods=["GET"])]


def not_alive(heart: Heart, fresh: Fresh) -> tuple[str, ...]:
    """Why it does not count as alive, in words; nothing when it does."""
    if heart.age <= fresh.loop:
        return ()
    return (f"the loop has not gone round for {lasting(heart.age)}",)


def not_ready(daemon: Daemon, heart: Heart, fresh: Fresh) -> tuple[str, ...]:
    """Why it can't be relied on now, in words; nothing when it can."""
    view = daemon.board.view
    reasons = list(not_alive(heart, fresh))
    if daemon.passes.closed:
        reasons.append("it is stopping")
    if view.status is None:
        tried = f"; the last one ended {view.ended.result}" if view.ended else ""
        reasons.append(f"no whole pass has been made since the start{tried}")
    elif view.running is None and view.ended is not None:
        age = daemon.host.clock.now() - view.ended.at
        if age > fresh.look:
            reasons.append(f"the last pass was {lasting(age)} ago, and there should be one every {lasting(fresh.look)}")
    return tuple(reasons)


def _answer(word: str, reasons: tuple[str, ...]) -> Response:
    """200 or 503, `{"alive": true, "reasons": []}`."""
    text = json.dumps({word: not reasons, "reasons": reasons})
    return Response(text, 503 if reasons else 200, media_type="application/json")
