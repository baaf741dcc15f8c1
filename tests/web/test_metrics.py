"""/metrics: what it tells, in names and units as Prometheus wants them, and never more than the fleet is large."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from reconciler.engine.daemon import Daemon
from reconciler.web.counts import Counts
from reconciler.web.counts import Outcome as Request
from reconciler.web.health import Fresh, Heart, health_routes
from reconciler.web.metrics import Besides, Metrics, metrics_routes
from reconciler.web.session import Access
from tests.engine.site import NEWEST, runs
from tests.web.apihouse import OPEN, TOKEN, Client, app_of
from tests.web.house import House

NO_UNIT = re.compile(r"_(milliseconds|ms|minutes|hours|days|kb|mb|kilobytes|percent|count|sum|bucket)(_|$)")
LABELS = {
    "wizard",
    "state",
    "reason",
    "outcome",
    "event",
    "queue",
    "result",
    "disposition",
    "commit",
    "version",
    "python",
    "port",
    "model",
    "codebase",
    "le",
    "generation",
}


@dataclass
class Scraped(Client):
    """A client with what the metrics are made of."""

    counts: Counts = field(default_factory=Counts)
    beat: list[float] = field(default_factory=lambda: [0.0])
    told: dict[str, int] = field(default_factory=dict)

    def text(self) -> str:
        answer = self.ask("GET", "/metrics")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/plain; version=")
        return answer.text

    def families(self) -> Mapping[str, Metric]:
        return {family.name: family for family in text_string_to_metric_families(self.text())}

    def value(self, name: str, **labels: str) -> float | None:
        samples = (s for family in self.families().values() for s in family.samples)
        return next((s.value for s in samples if s.name == name and labels.items() <= s.labels.items()), None)


@contextmanager
def scraped(daemon: Daemon, house: House, access: Access = OPEN) -> Iterator[Scraped]:
    client = Scraped(app_of(daemon), daemon, house)
    heart = Heart(lambda: client.beat[0])
    besides = Besides(client.counts.taken, lambda: client.told)
    metrics = Metrics(daemon, heart, Fresh(900.0, 300.0), besides)
    routes = [*metrics_routes(metrics, lambda: access), *health_routes(daemon, heart, Fresh(900.0, 300.0))]
    client.app = app_of(daemon, access, routes)
    try:
        yield client
    finally:
        metrics.close()


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    made.push("three wizards")
    return made


def test_a_settled_host_in_numbers(house: House) -> None:
    with house.living() as daemon, scraped(daemon, house) as client:
        assert [client.value("reconciler_wizard_healthy", wizard=name) for name in house.wizards] == [1.0, 1.0, 1.0]
        assert client.value("reconciler_wizard_state", wizard="ada", state="unrobed") == 1.0
        assert client.value("reconciler_wizard_state", wizard="ada", state="dead") == 0.0
        assert client.value("reconciler_wizard_desired", wizard="ada", state="unrobed") == 1.0
        commit = daemon.board.view.status.commit if daemon.board.view.status else ""
        assert client.value("reconciler_applied_revision_info", commit=commit) == 1.0
        assert client.value("reconciler_revision_behind") == 0.0
        assert client.value("reconciler_drift_changes") == 0.0
        made = client.value("reconciler_applied_revision_timestamp_seconds")
        assert made is not None
        assert 0 <= daemon.host.clock.now() - made < 3600
        assert client.value("reconciler_ready") == 1.0
        assert client.value("reconciler_queue_adds_total", queue="passes") == daemon.passes.added


def test_each_wizard_is_in_one_observed_and_one_desired_state(house: House) -> None:
    with house.living() as daemon, scraped(daemon, house) as client:
        families = client.families()
        for name in ("reconciler_wizard_state", "reconciler_wizard_desired"):
            for wizard in house.wizards:
                values = [s.value for s in families[name].samples if s.labels["wizard"] == wizard]
                assert sorted(values)[-2:] == [0.0, 1.0], (name, wizard)


def test_passes_are_counted_by_outcome_and_timed(house: House) -> None:
    with house.living() as daemon, scraped(daemon, house) as client:
        assert client.value("reconciler_passes_total", outcome="done") == 0.0
        house.pass_(daemon)
        house.pass_(daemon)
        house.remote.commit({"fleet/ada.yaml": "kind: Wizard\n"}, "broken")
        house.pass_(daemon)
        assert client.value("reconciler_passes_total", outcome="done") == 2.0
        assert client.value("reconciler_passes_total", outcome="invalid") == 1.0
        assert client.value("reconciler_pass_duration_seconds_count") == 3.0
        assert client.value("reconciler_pass_duration_seconds_bucket", le="+Inf") == 3.0


def test_restarts_are_counted_by_what_they_were_due_to(house: House) -> None:
    with house.living() as daemon, scraped(daemon, house) as client:
        reasons = lambda: {  # noqa: E731
            (s.labels["wizard"], s.labels["reason"]): s.value
            for s in client.families()["reconciler_wizard_restarts"].samples
            if s.value
        }
        assert reasons() == {}
        house.config("ada", theme="dark")
        house.pass_(daemon)
        assert reasons() == {("ada", "needs"): 1.0}
        house.gateways.stop("bo-body", 1)
        house.pass_(daemon)
        assert reasons() == {("ada", "needs"): 1.0, ("bo", "ended"): 1.0}


def test_a_crash_that_the_supervisor_mended_is_counted_too(house: House) -> None:
    with house.living() as daemon, scraped(daemon, house) as client:
        assert client.value("reconciler_wizard_restarts_total", wizard="cy", reason="crash") == 0.0
        house.gateways.crash("cy-body", -9)
        house.pass_(daemon)
        house.gateways.crash("cy-body", 1)
        house.pass_(daemon)
        assert client.value("reconciler_wizard_restarts_total", wizard="cy", reason="crash") == 2.0
        assert client.value("reconciler_wizard_restarts_total", wizard="cy", reason="crash") == 2.0


def test_a_crash_before_anybody_looked_is_counted(house: House) -> None:
    with house.living() as daemon, scraped(daemon, house) as client:
        house.gateways.crash("cy-body", -9)
        house.pass_(daemon)
        assert client.value("reconciler_wizard_restarts_total", wizard="cy", reason="crash") == 1.0


def test_drift_that_is_put_back_is_counted_and_drift_that_stays_is_shown(house: House) -> None:
    with house.living() as daemon, scraped(daemon, house) as client:
        soul = house.home("ada") / "SOUL.md"
        soul.write_text("somebody else\n")
        house.pass_(daemon)
        assert client.value("reconciler_drift_corrected_total", wizard="ada") == 1.0
        assert client.value("reconciler_drift_changes") == 0.0
        daemon.pause("ada", "by hand")
        soul.write_text("somebody else again\n")
        house.pass_(daemon)
        assert client.value("reconciler_drift_changes") == 1.0
        assert client.value("reconciler_pending_changes", disposition="held") == 1.0
        assert client.value("reconciler_wizard_paused", wizard="ada") == 1.0
        assert client.value("reconciler_drift_corrected_total", wizard="ada") == 1.0


def test_a_quarantined_wizard_is_shown_and_its_way_back_is_a_restart(house: House) -> None:
    with house.living() as daemon, scraped(daemon, house) as client:
        house.gateways.ill = runs(NEWEST)
        house.version(NEWEST)
        house.pass_(daemon)
        assert client.value("reconciler_revision_behind") == 1.0
        flags = [client.value("reconciler_wizard_quarantined", wizard=name) for name in house.wizards]
        assert flags.count(1.0) >= 1
        backs = [client.value("reconciler_wizard_restarts_total", wizard=name, reason="back") for name in house.wizards]
        assert sum(value or 0 for value in backs) >= 1.0


def test_webhooks_and_notifications_are_told_as_others_counted_them(house: House) -> None:
    with house.open() as daemon, scraped(daemon, house) as client:
        client.counts.add(Request.ACCEPTED, "push")
        client.counts.add(Request.ACCEPTED, "push")
        client.counts.add(Request.SIGNATURE)
        client.told["failed"] = 3
        assert client.value("reconciler_webhook_requests_total", event="push", outcome="accepted") == 2.0
        assert client.value("reconciler_webhook_requests_total", event="none", outcome="bad_signature") == 1.0
        assert client.value("reconciler_notifications_total", result="failed") == 3.0
        assert client.value("reconciler_notifications_total", result="sent") == 0.0


def test_names_types_and_units_are_as_prometheus_wants_them(house: House) -> None:
    with house.living() as daemon, scraped(daemon, house) as client:
        client.counts.add(Request.ACCEPTED, "push")
        text = client.text()
        families = list(text_string_to_metric_families(text))
        assert len(families) == len({family.name for family in families})
        for family in families:
            assert re.fullmatch(r"[a-z][a-z0-9_]*", family.name), family.name
            assert family.documentation, family.name
            assert family.type in ("counter", "gauge", "histogram"), family.name
            assert not NO_UNIT.search(family.name), family.name
            ours = family.name.startswith("reconciler_")
            assert not ours or family.documentation.endswith("."), family.name
            for sample in family.samples:
                assert not ours or set(sample.labels) <= LABELS, sample
            if family.type == "counter":
                assert {s.name for s in family.samples} <= {f"{family.name}_total", f"{family.name}_created"}
            elif family.type == "gauge":
                assert not family.name.endswith("_total"), family.name
            if "time" in family.name or "age" in family.name.split("_") or "duration" in family.name:
                assert family.name.endswith("_seconds"), family.name
        samples = [(s.name, tuple(sorted(s.labels.items()))) for family in families for s in family.samples]
        assert len(samples) == len(set(samples))
        assert text.endswith("\n")


def test_series_grow_with_the_fleet_alone(house: House) -> None:
    with house.living() as daemon, scraped(daemon, house) as client:
        before = len(client.text().splitlines())
        for number in range(3):
            house.config("ada", theme=f"theme {number}")
            house.pass_(daemon, f"a trigger of its own {number}")
            daemon.wake(f"another {number}")
        for number in range(50):
            client.ask("GET", f"/api/v1/wizards/w{number}")
            client.counts.add(Request.IGNORED, "other")
        assert len(client.text().splitlines()) <= before + 1
        del house.wizards["cy"]
        house.policy["max_deletions"] = 1
        house.push("cy goes")
        house.pass_(daemon)
        assert 'wizard="cy"' not in client.text()


def test_before_the_first_pass_there_are_no_numbers_of_wizards(house: House) -> None:
    with house.open() as daemon, scraped(daemon, house) as client:
        text = client.text()
        assert "reconciler_ready 0.0" in text
        assert not re.search(
            r"^reconciler_(wizard|drift_changes|last_pass|revision|applied)[a-z_]*[{ ]", text, re.MULTILINE
        )


def test_where_others_reach_it_scrapes_need_the_token(house: House) -> None:
    with house.open() as daemon, scraped(daemon, house, Access(TOKEN, reading=True)) as client:
        assert client.ask("GET", "/metrics").status_code == 401
        assert client.ask("GET", "/metrics", token=TOKEN).status_code == 200
        assert client.ask("GET", "/healthz").status_code == 200


def test_alive_until_the_loop_stands_still(house: House) -> None:
    with house.open() as daemon, scraped(daemon, house) as client:
        assert client.ask("GET", "/healthz").json() == {"alive": True, "reasons": []}
        client.beat[0] = 1000.0
        answer = client.ask("GET", "/healthz")
        assert (answer.status_code, answer.json()["reasons"]) == (503, ["the loop has not gone round for 16 min"])


def test_ready_when_the_host_was_seen_and_not_too_long_ago(house: House) -> None:
    with house.open() as daemon, scraped(daemon, house) as client:
        answer = client.ask("GET", "/readyz")
        assert (answer.status_code, answer.json()["reasons"]) == (503, ["no whole pass has been made since the start"])
    with house.living() as daemon, scraped(daemon, house) as client:
        assert client.ask("GET", "/readyz").json() == {"ready": True, "reasons": []}
        ended = daemon.board.view.ended
        assert ended is not None
        heart, fresh = Heart(), Fresh(look=-1.0)
        late = Client(app_of(daemon, OPEN, health_routes(daemon, heart, fresh)), daemon, house).ask("GET", "/readyz")
        assert late.status_code == 503
        assert late.json()["reasons"][0].startswith("the last pass was ")
        daemon.stop()
        assert "it is stopping" in client.ask("GET", "/readyz").json()["reasons"]


def test_a_commit_that_is_invalid_from_the_start_is_not_ready_and_says_why(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.remote.commit({"fleet/fleet.yaml": "kind: Fleet\n"}, "broken")
    with house.living() as daemon, scraped(daemon, house) as client:
        reasons = client.ask("GET", "/readyz").json()["reasons"]
        assert reasons == ["no whole pass has been made since the start; the last one ended invalid"]
