"""/metrics in Prometheus' text form: one collector that reads the board, the queues and what passes added up.

A registry of its own, so that nothing of another library appears in it. Labels are closed sets and the names of this
host's wizards. Not done here: adding up (metrics_tally.py), the families of a status (metrics_status.py).
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from anyio import to_thread
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from reconciler import __version__
from reconciler.engine.daemon import Daemon
from reconciler.engine.queue import WorkQueue
from reconciler.web.api_access import may_read
from reconciler.web.api_problem import ApiProblem
from reconciler.web.health import Fresh, Heart, not_ready
from reconciler.web.metrics_status import Revisions, status_families
from reconciler.web.metrics_tally import BOUNDS, REASONS, Tallies, Tally
from reconciler.web.session import Access

SENT, FAILED = "sent", "failed"


def _none() -> Mapping[str, int]:
    return {}


@dataclass(frozen=True, slots=True)
class Besides:
    """What is counted elsewhere. `webhooks`: (event, outcome) -> requests; `notifications`: "sent" and "failed" -> how
    many."""

    webhooks: Callable[[], Mapping[tuple[str, str], int]] = dict
    notifications: Callable[[], Mapping[str, int]] = _none


class Metrics(Collector):
    """Make it before the daemon runs, and `close` it after."""

    def __init__(self, daemon: Daemon, heart: Heart, fresh: Fresh, besides: Besides = Besides()) -> None:
        self._daemon = daemon
        self._heart = heart
        self._fresh = fresh
        self._besides = besides
        self._tally = Tally(daemon.board, daemon.host.ledger)
        self._revisions = Revisions(daemon)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def text(self) -> bytes:
        return generate_latest(self._registry)

    def close(self) -> None:
        self._tally.close()

    def describe(self) -> list[Metric]:
        """Nothing: the registry must not collect when it is made."""
        return []

    def collect(self) -> Iterator[Metric]:
        view = self._daemon.board.view
        wizards = frozenset(one.name for one in view.status.wizards) if view.status else frozenset()
        yield _info("reconciler_build", "Version of the reconciler.", _build())
        yield from self._loop()
        yield from _passes(self._tally.taken(wizards), wizards)
        yield from status_families(view)
        yield from self._revisions.families(view)
        yield from _queues({"passes": self._daemon.passes, "forge": self._daemon.desk.queue})
        yield from self._elsewhere()

    def _loop(self) -> Iterator[Metric]:
        view, daemon = self._daemon.board.view, self._daemon
        reasons = not_ready(daemon, self._heart, self._fresh)
        yield _gauge("reconciler_ready", "1 when /readyz says so.", float(not reasons))
        yield _gauge("reconciler_loop_beat_age_seconds", "Since the loop went round last.", self._heart.age)
        running = view.running
        since = daemon.host.clock.now() - running.since if running else 0.0
        yield _gauge("reconciler_pass_running", "1 while a pass runs.", float(running is not None))
        yield _gauge(
            "reconciler_pass_running_seconds", "How long the pass that runs has taken; 0 when none runs.", since
        )
        last = GaugeMetricFamily("reconciler_last_pass_timestamp_seconds", "When the last pass ended.")
        if view.ended is not None:
            last.add_metric([], view.ended.at)
        yield last

    def _elsewhere(self) -> Iterator[Metric]:
        webhooks = CounterMetricFamily(
            "reconciler_webhook_requests_total", "Deliveries by event and outcome.", labels=["event", "outcome"]
        )
        for (event, outcome), count in sorted(self._besides.webhooks().items()):
            webhooks.add_metric([event, outcome], count)
        yield webhooks
        counts = self._besides.notifications()
        told = CounterMetricFamily("reconciler_notifications_total", "Notifications by result.", labels=["result"])
        for result in (SENT, FAILED):
            told.add_metric([result], counts.get(result, 0))
        yield told


def metrics_routes(metrics: Metrics, access: Callable[[], Access]) -> list[BaseRoute]:
    """`access` is asked at each request; where others reach the address, scrapes need the token as bearer."""

    async def endpoint(request: Request) -> Response:
        try:
            may_read(access(), request.headers)
        except ApiProblem as problem:
            return problem.response()
        return Response(await to_thread.run_sync(metrics.text), headers={"content-type": CONTENT_TYPE_LATEST})

    return [Route("/metrics", endpoint, methods=["GET"])]


def _build() -> dict[str, str]:
    return {"version": __version__, "python": platform.python_version()}


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value)


def _info(name: str, words: str, labels: dict[str, str]) -> Metric:
    return InfoMetricFamily(name, words, labels)


def _passes(tallies: Tallies, wizards: frozenset[str]) -> Iterator[Metric]:
    outcomes = CounterMetricFamily("reconciler_passes_total", "Passes by how they ended.", labels=["outcome"])
    for outcome, count in sorted(tallies.passes.items()):
        outcomes.add_metric([outcome], count)
    yield outcomes
    yield HistogramMetricFamily(
        "reconciler_pass_duration_seconds", "How long passes took.", _buckets(tallies), tallies.seconds
    )
    restarts = CounterMetricFamily(
        "reconciler_wizard_restarts_total", "Restarts by what they were due to.", labels=["wizard", "reason"]
    )
    corrected = CounterMetricFamily(
        "reconciler_drift_corrected_total", "Things that were put back as Git wants them.", labels=["wizard"]
    )
    for wizard in sorted(wizards):
        corrected.add_metric([wizard], tallies.corrected.get(wizard, 0))
        for reason in REASONS:
            restarts.add_metric([wizard, reason], tallies.restarts.get((wizard, reason), 0))
    yield restarts
    yield corrected


def _buckets(tallies: Tallies) -> list[tuple[str, float]]:
    """Cumulated, as Prometheus wants them."""
    found, total = [], 0
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), tallies.durations, strict=True):
        total += count
        found.append((bound, float(total)))
    return found


def _queues(queues: Mapping[str, WorkQueue]) -> Iterator[Metric]:
    depth = GaugeMetricFamily("reconciler_queue_depth", "Keys that wait.", labels=["queue"])
    failing = GaugeMetricFamily("reconciler_queue_failing", "Keys that wait after a failure.", labels=["queue"])
    adds = CounterMetricFamily("reconciler_queue_adds_total", "How often a key was asked for.", labels=["queue"])
    for name, queue in queues.items():
        waiting = queue.waiting()
        depth.add_metric([name], len(waiting))
        failing.add_metric([name], sum(one.failures > 0 for one in waiting))
        adds.add_metric([name], queue.added)
    yield from (depth, failing, adds)
