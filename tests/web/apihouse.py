"""The API and the metrics over a living house, asked as a client would ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from reconciler.engine.daemon import Daemon
from reconciler.protocols.events import Event
from reconciler.web.api import BEGINNING, api_routes
from reconciler.web.api_problem import problem_face
from reconciler.web.app import create_app
from reconciler.web.counts import Counts
from reconciler.web.session import Access
from tests.web.house import House, wait_for

TOKEN = "t0ken-of-the-tests-0123456789"
OPEN = Access(TOKEN)
Document = dict[str, object]


@dataclass
class Client:
    """Asks the application in this process."""

    app: ASGIApp
    daemon: Daemon
    house: House
    said: list[Event] = field(default_factory=list)

    def ask(self, method: str, path: str, *, token: str = "", **more: object) -> httpx.Response:
        headers = {**({"authorization": f"Bearer {token}"} if token else {}), **more.pop("headers", {})}  # type: ignore[dict-item]

        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return await client.request(method, path, headers=headers, **more)  # type: ignore[arg-type]

        return asyncio.run(go())

    def get(self, path: str, status: int = 200) -> Document:
        answer = self.ask("GET", f"/api/v1{path}")
        assert answer.status_code == status, answer.text
        found: Document = answer.json()
        return found

    def post(self, path: str, status: int = 200, **body: object) -> Document:
        answer = self.ask("POST", f"/api/v1{path}", token=TOKEN, json=body)
        assert answer.status_code == status, answer.text
        found: Document = answer.json()
        return found

    def done(self, path: str, **body: object) -> Document:
        """Looks first, then does exactly that, and waits for its pass."""
        shown = self.post(path, **body)
        answer = self.post(path, 202, **{**body, "fingerprint": shown["fingerprint"]})
        if answer["ticket"]:
            wait_for(self.daemon, lambda v: v.answer(answer["ticket"]))
        return answer


def app_of(
    daemon: Daemon, access: Access = OPEN, more: Sequence[BaseRoute] = (), said: list[Event] | None = None
) -> ASGIApp:
    say: Callable[[Event], None] = (said if said is not None else []).append
    faces: Mapping[str, object] = {BEGINNING: problem_face}
    routes = [*api_routes(daemon, lambda: access), *more]
    return create_app(routes, lambda: frozenset({"127.0.0.1"}), say, Counts(), faces)  # type: ignore[arg-type]


@contextmanager
def living(house: House, access: Access = OPEN) -> Iterator[Client]:
    """The house's daemon while it runs, and a client of its API."""
    with house.living() as daemon:
        said: list[Event] = []
        yield Client(app_of(daemon, access, said=said), daemon, house, said)
