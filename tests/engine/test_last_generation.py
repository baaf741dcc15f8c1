"""Wizards that are down while what Git declares for them has to wait: they run on what they were last healthy on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.engine.host import Host
from reconciler.engine.reconcile import Reconciler
from reconciler.engine.report import Report
from reconciler.engine.request import Request, restart, retry, rollback
from reconciler.errors import ReconcilerError, Retryable, Terminal
from reconciler.plan.change import Disposition
from reconciler.plan.fact import FileFact
from reconciler.plan.held import Pause
from reconciler.plan.repeat import LIMIT
from reconciler.plan.resource import CodebaseVersion
from reconciler.protocols.codebases import Codebases
from tests.engine.site import NEW, NEWEST, Site, runs

BODY = "wizard/bo/body"
BO = frozenset({"bo"})


class Shop:
    """An index that does not have what is not installed yet."""

    def __init__(self, real: Codebases, error: ReconcilerError) -> None:
        self._real = real
        self._error = error

    def observe(self, versions: Sequence[CodebaseVersion]) -> Mapping[str, FileFact]:
        return self._real.observe(versions)

    def install(self, version: CodebaseVersion, cancelled: Callable[[], bool] = lambda: False) -> None:
        raise self._error

    def remove(self, version: CodebaseVersion) -> None:
        self._real.remove(version)


class Place(Site):
    """Where nothing can be installed while there is an `error`."""

    error: ReconcilerError | None = None

    @contextmanager
    def bound(
        self, *, change: bool = True, environ: Mapping[str, str] | None = None
    ) -> Iterator[tuple[Host, Reconciler]]:
        with super().bound(change=change, environ=environ) as (host, _):
            found = replace(host, codebases=Shop(host.codebases, self.error)) if self.error else host
            yield found, Reconciler(found)


@pytest.fixture
def site(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.push()
    made.settle()
    return made


def commit(site: Site) -> str:
    return site.remote.git("rev-parse", "main")[:7]


def reboot(site: Site) -> None:
    for name in site.wizards:
        if site.pid(name):
            site.gateways.crash(f"{name}-body", 0)


def all_run(site: Site, version: str = NEW) -> None:
    """All run on this version, and another pass changes nothing of that."""
    pids = site.pids()
    assert None not in pids.values()
    assert {site.running(name) for name in site.wizards} == {version}
    assert site.run().applied.outcomes == ()
    assert site.pids() == pids


def stuck_behind_ada(site: Site) -> str:
    """Ada, the canary, failed on a version; bo and cy are held. The commit that all are healthy on."""
    good = commit(site)
    site.version(NEWEST)
    site.gateways.ill = runs(NEWEST)
    assert site.run().stuck == ("ada",)
    return good


def test_who_waits_behind_a_failed_canary_runs_again_after_a_reboot(site: Place) -> None:
    good = stuck_behind_ada(site)
    reboot(site)
    report = site.run()
    assert report.done
    all_run(site)
    body = report.left.change(BODY)
    assert body.disposition is Disposition.HELD
    assert f"ada failed on hermes-agent/{NEWEST}" in body.obstacle
    assert body.obstacle.endswith(f"; generation 1 (commit {good}) runs instead until then")
    status = site.status("bo")
    assert (status.healthy, status.generation) == (True, 1)
    assert any(f"generation 1 (commit {good}) runs instead" in line for line in status.differences)
    site.gateways.ill = lambda program: ""
    site.run(retry(frozenset({"ada"})))
    site.settle()
    all_run(site, NEWEST)


def test_the_plan_says_what_it_runs_on_and_why_before_it_does(site: Place) -> None:
    good = stuck_behind_ada(site)
    site.gateways.crash("bo-body", 0)
    with site.bound(change=False) as (_, reconciler):
        plan = reconciler.plan(Request()).plan
    body = plan.change(BODY)
    assert body.disposition is Disposition.APPLY
    (why,) = [reason.text for reason in body.reasons if "runs instead" in reason.text]
    assert why.startswith(f"generation 1 (commit {good}) runs instead: waits: ada failed on")
    assert {change.wizard for change in plan.pending} == {"bo"}
    assert {change.key for change in plan.waiting if change.wizard == "bo"} == {
        "wizard/bo/link/hermes-agent",
        "wizard/bo/file/start-gateway.sh",
    }


def test_one_that_is_held_can_be_restarted_on_what_it_runs_on(site: Place) -> None:
    stuck_behind_ada(site)
    before = site.pids()
    report = site.run(restart(BO))
    assert report.done
    after = site.pids()
    assert {name for name in after if after[name] != before[name]} == {"bo"}
    all_run(site)
    before = site.pids()
    site.run(restart(BO))
    assert site.pid("bo") != before["bo"]
    site.gateways.crash("bo-body", 0)
    assert site.run(restart(BO)).done
    all_run(site)


def test_a_rollback_of_it_tells_what_it_is_on(site: Place) -> None:
    good = stuck_behind_ada(site)
    site.gateways.crash("bo-body", 0)
    with pytest.raises(Terminal, match=rf"bo is on generation 1 \(commit {good}\) already"):
        site.run(rollback("bo"))


def test_a_paused_one_and_one_that_is_to_be_dead_stay_as_they_are(site: Place) -> None:
    stuck_behind_ada(site)
    reboot(site)
    with site.bound() as (host, _):
        host.ledger.pause(Pause("bo", "", "2026-01-01T00:00:00Z"))
    site.wizards["cy"]["desired"] = "dead"
    site.push("cy sleeps")
    site.run()
    assert (site.pid("bo"), site.pid("cy"), bool(site.pid("ada"))) == (None, None, True)


@pytest.mark.parametrize("error", [Retryable("the index is away"), Terminal("there is no such version")])
def test_where_the_version_can_not_be_installed_it_runs_on_the_one_before(site: Place, error: ReconcilerError) -> None:
    site.error = error
    site.version("9.9.9")
    assert not site.run().done
    reboot(site)
    report = site.run()
    pids = site.pids()
    assert (report.done, None in pids.values()) == (False, False)
    for _ in range(LIMIT + 1):
        report = site.run()
    assert (site.pids(), report.stuck) == (pids, ())
    site.version(NEWEST)
    site.settle()
    all_run(site, NEWEST)


def test_a_daemon_does_not_ask_the_index_again_for_that(site: Place) -> None:
    """Nothing else is done while it rests."""
    site.error = Retryable("the index is away")
    site.version("9.9.9")
    with site.bound() as (_, reconciler):
        reconciler.run(Request(patient=True))
        reboot(site)
        report = reconciler.run(Request(patient=True))
        pids = site.pids()
        assert (report.done, None in pids.values()) == (True, False)
        again = reconciler.run(Request(patient=True))
        assert (again.applied.outcomes, site.pids()) == ((), pids)
    assert "the index is away" in report.left.change(BODY).obstacle


def test_where_its_new_port_is_a_strangers_it_runs_on_the_old_one(site: Place) -> None:
    site.wizards["bo"]["port"] = 8650
    site.gateways.strangers[8650] = 4711
    site.push("to a port that is taken")
    site.run()
    site.gateways.crash("bo-body", 0)
    report = site.run()
    assert (report.done, site.port("bo"), bool(site.pid("bo"))) == (True, 8644, True)
    all_run(site)
    assert "port 8650 is held by pid 4711" in report.left.change(BODY).obstacle
    site.gateways.strangers.clear()
    site.settle()
    assert site.port("bo") == 8650


def test_a_stranger_who_comes_while_it_starts_costs_one_restart(site: Place) -> None:
    site.wizards["bo"]["port"] = 8650
    site.gateways.acts = lambda program: (
        site.gateways.strangers.update({8650: 4711}) if program.name == "bo-body" else None
    )
    site.push("to a port that somebody takes meanwhile")
    report = site.run()
    assert "port 8650 is held by pid 4711" in report.applied.failures[0].text
    assert (site.port("bo"), bool(site.pid("bo"))) == (8644, True)
    all_run(site)


def test_where_its_old_port_is_a_strangers_too_the_first_words_stand(site: Place) -> None:
    site.wizards["bo"]["port"] = 8650
    site.gateways.strangers |= {8650: 4711, 8644: 4712}
    site.gateways.crash("bo-body", 0)
    site.push("to a port that is taken")
    report = site.run()
    body = report.left.change(BODY)
    assert (report.applied.outcomes, site.pid("bo")) == ((), None)
    assert body.obstacle == "port 8650 is held by pid 4711 (nginx); stop it, or give the wizard another port"


def test_a_chain_of_ports_behind_one_that_failed_runs_again(site: Place) -> None:
    site.wizards["ada"] |= {"port": 8646, "config": {"display": {"bad": True}}}
    site.wizards["bo"]["port"], site.wizards["cy"]["port"] = 8643, 8644
    site.push("a chain")
    site.gateways.ill = lambda program: (
        "deaf" if program.name == "ada-body" and site.display("ada") == {"bad": True} else ""
    )
    assert site.run().stuck == ("ada",)
    reboot(site)
    site.run()
    all_run(site)
    assert [site.port(name) for name in ("ada", "bo", "cy")] == [8643, 8644, 8645]
    site.wizards["ada"]["config"] = {"display": {"bad": False}}
    site.push("mended")
    site.settle()
    assert [site.port(name) for name in ("ada", "bo", "cy")] == [8646, 8643, 8644]


def test_behind_a_database_that_can_not_be_copied_all_run_again(site: Place) -> None:
    (site.home("ada") / "state.db").write_bytes(b"no database at all, but long enough to be looked at")
    site.version(NEWEST)
    site.run()
    reboot(site)
    site.run()
    all_run(site)


def test_a_canary_that_runs_on_its_last_generation_lets_nobody_past(site: Place) -> None:
    site.codebase["canary"] = "bo"
    site.wizards["bo"]["port"] = 8650
    site.gateways.strangers[8650] = 4711
    site.version(NEWEST)
    site.run()
    reboot(site)
    report = site.run()
    all_run(site)
    assert "waits for the canary bo, which can't move: port 8650" in report.left.change("wizard/cy/body").obstacle
    site.gateways.strangers.clear()
    site.settle()
    all_run(site, NEWEST)


def test_one_that_does_not_hold_any_more_is_not_started_for_ever(site: Place) -> None:
    stuck_behind_ada(site)
    site.gateways.crash("bo-body", 0)
    ill = site.gateways.ill
    site.gateways.ill = lambda program: "busy" if program.name == "bo-body" else ill(program)
    reports: list[Report] = [site.run() for _ in range(LIMIT + 3)]
    assert [bool(report.applied.outcomes) for report in reports] == [*([True] * LIMIT), False, False, False]
    assert reports[-1].stuck == ("ada", BODY)
    assert set(site.records().quarantines) == {"ada"}
    site.gateways.ill = ill
    site.run(retry(BO))
    all_run(site)


def test_crashes_of_different_days_are_no_fight(site: Place) -> None:
    stuck_behind_ada(site)
    for _ in range(LIMIT + 1):
        site.gateways.crash("bo-body", 0)
        site.run()
        all_run(site)
