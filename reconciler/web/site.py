"""Everything that the daemon serves, put together: webhook, pages, API, health and metrics behind one address.

Not done here: each of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from reconciler.compose.daemon import Service
from reconciler.engine.daemon import Daemon
from reconciler.settings import Settings
from reconciler.settings.values import loopback, repository_in
from reconciler.web.api import api_routes
from reconciler.web.api_problem import problem_face
from reconciler.web.app import Face, Problem, create_app
from reconciler.web.counts import Counts
from reconciler.web.deliveries import Watched
from reconciler.web.health import Fresh, Heart, health_routes
from reconciler.web.hosts import allowed_hosts
from reconciler.web.metrics import FAILED, SENT, Besides, Metrics, metrics_routes
from reconciler.web.pages import Dashboard
from reconciler.web.server import Server
from reconciler.web.session import Access
from reconciler.web.webhook import Expects, Webhook

STOP_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Wakes:
    """Hands deliveries on to the daemon, as keys alone: what they claim is not believed."""

    daemon: Daemon

    def push(self, commit: str, trigger: str) -> None:
        self.daemon.named(commit)
        self.daemon.wake(trigger)

    def pull(self, number: int, trigger: str, head: str) -> None:
        stale = f"its head has moved{f' to {head[:7]}' if head else ''}"
        self.daemon.desk.preview(number, trigger, stale)

    def closed(self, number: int, trigger: str, merged: bool) -> None:
        self.daemon.desk.closed(number)
        if merged:
            self.daemon.wake(trigger)

    def asked(self, number: int, trigger: str) -> None:
        self.daemon.desk.preview(number, trigger)


@contextmanager
def served(settings: Settings, service: Service, heart: Heart) -> Iterator[Server | None]:
    """Serves for as long as the block runs; nothing when the settings say so.

    Raises Terminal when the address is taken or is none of this machine's.
    """
    if not settings.web.enabled:
        yield None
        return
    counts, daemon = Counts(), service.daemon
    access = Access(service.web.token, not loopback(settings.web.bind), settings.web.url or "")
    fresh = Fresh.polled(settings.source.poll)
    herald = service.herald
    besides = Besides(counts.taken, lambda: {SENT: herald.sent, FAILED: herald.failed})
    metrics, dashboard = Metrics(daemon, heart, fresh, besides), Dashboard(daemon, access)
    routes = [
        *_webhook(settings, service, counts).routes(),
        *health_routes(daemon, heart, fresh),
        *metrics_routes(metrics, lambda: access),
        *api_routes(daemon, lambda: access),
        *dashboard.routes,
    ]
    plain: dict[str, Face] = {path: _plain for path in ("/webhook/", "/metrics", "/healthz", "/readyz")}
    faces = {**plain, "/api/": problem_face, "/": dashboard.face}
    app = create_app(routes, lambda: allowed_hosts(settings.web), service.log, counts, faces)
    server = Server(app, settings.web.bind, service.log, counts, lambda port: _holder(daemon, port))
    try:
        server.start()
        yield server
    finally:
        server.stop(STOP_SECONDS)
        metrics.close()


def _webhook(settings: Settings, service: Service, counts: Counts) -> Webhook:
    repository = settings.gitea_repository or repository_in(settings.source.url)
    watched = Watched(repository, settings.source.branch)
    expects = Expects(watched, service.web.webhook, settings.web.insecure_webhooks)
    return Webhook(lambda: expects, Wakes(service.daemon), service.log, counts)


def _plain(_: Request, problem: Problem) -> Response:
    """For programs that are no browsers."""
    return PlainTextResponse(str(problem), problem.status)


def _holder(daemon: Daemon, port: int) -> str:
    listener = daemon.host.ports.listeners([port]).get(port)
    return f"pid {listener.pid} ({listener.command})" if listener and listener.pid else ""
