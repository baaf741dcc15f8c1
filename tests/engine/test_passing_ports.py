"""Wizards that pass ports to each other: who fails has a way back, and nobody is left between two ports."""

from __future__ import annotations

import pytest

from reconciler.engine.request import Request, retry, rollback
from reconciler.errors import Refused
from reconciler.plan.fact import Listener
from reconciler.plan.held import Pause
from reconciler.protocols.runtime import Program
from tests.engine.site import Document, Site, deaf

BAD = {"compact": True}


def test_wizards_that_exchange_ports_go_back_together(site: Site) -> None:
    pids = site.pids()
    site.wizards["ada"]["port"], site.wizards["bo"]["port"] = 8644, 8643
    site.push("swap")
    site.gateways.ill = lambda program: "deaf" if program.name == "ada-body" and site.port("ada") == 8644 else ""
    report = site.run()
    assert report.stuck == ("ada", "bo")
    assert (site.port("ada"), site.port("bo")) == (8643, 8644)
    assert "ada failed, with which it exchanges ports" in site.status("bo").quarantined
    assert report.left.changes == ()
    assert site.pid("cy") == pids["cy"]
    site.wizards["ada"]["port"], site.wizards["bo"]["port"] = 8643, 8644
    site.push("swap back")
    site.settle()


def _di(site: Site) -> Document:
    """A wizard that joins on the port that ada had."""
    return {**site.wizards["bo"], "name": "di", "port": 8643, "soul": {"charter": {"identity": "di"}}}


def _exchange(site: Site, ada: int = 8644, bo: int = 8643) -> None:
    site.wizards["ada"]["port"], site.wizards["bo"]["port"] = ada, bo


def _failed_exchange(site: Site) -> None:
    """Ada and bo exchange ports, ada's config is bad, and both are back."""
    _exchange(site)
    site.config("ada", **BAD)
    deaf(site)
    assert site.run().stuck == ("ada", "bo")


def test_the_commit_that_mends_one_of_a_ring_is_applied_to_all_of_it_at_once(site: Site) -> None:
    _failed_exchange(site)
    site.config("ada", compact=False)
    site.settle()
    assert (site.port("ada"), site.port("bo")) == (8644, 8643)
    assert site.records().quarantines == {}


@pytest.mark.parametrize("named", ["ada", "bo"])
def test_a_retry_of_one_takes_the_whole_ring(site: Site, named: str) -> None:
    _failed_exchange(site)
    site.gateways.ill = lambda program: ""
    with site.bound(change=False) as (_, reconciler):
        planned = reconciler.plan(retry(frozenset({named})))
    (body,) = (c for c in planned.plan.changes if c.key == f"wizard/{named}/body")
    other = "bo" if named == "ada" else "ada"
    assert f"exchanges ports with {other}" in [reason.text for reason in body.reasons]
    report = site.run(retry(frozenset({named})))
    assert (report.done, report.stuck, report.left.changes) == (True, (), ())
    assert (site.port("ada"), site.port("bo")) == (8644, 8643)
    assert site.records().quarantines == {}


def test_who_takes_a_port_of_one_that_fails_is_left_running_where_it_is(site: Site) -> None:
    pids = site.pids()
    _exchange(site, ada=8650)
    site.config("ada", **BAD)
    deaf(site)
    assert site.run().stuck == ("ada",)
    assert (site.port("ada"), site.display("ada"), site.pid("bo")) == (8643, None, pids["bo"])
    assert site.pid("ada")
    assert site.port("bo") == 8644
    assert site.run().applied.outcomes == ()
    assert any("port 8643 is kept for ada, which is quarantined" in text for text in site.status("bo").differences)
    site.config("ada", compact=False)
    site.settle()
    assert (site.port("ada"), site.port("bo")) == (8650, 8643)


def test_a_wizard_that_joins_does_not_get_the_port_on_which_a_quarantined_one_runs(site: Site) -> None:
    site.wizards["ada"]["port"] = 8650
    site.config("ada", **BAD)
    deaf(site)
    site.run()
    site.wizards["di"] = _di(site)
    site.push("di joins on the port that Git has free")
    site.run()
    site.run()
    assert site.pid("ada")
    assert (site.port("ada"), site.pid("di")) == (8643, None)
    told = " ".join(site.status("di").differences)
    assert "port 8643 is kept for ada, which is quarantined and goes back to it" in told
    assert "push a commit that mends ada, or give di another port" in told


def test_an_exchange_of_ports_with_one_that_gets_another_name_goes_back_too(site: Site) -> None:
    bo, old = site.pid("bo"), site.wizards.pop("ada")
    site.wizards["adda"] = {**old, "name": "adda", "formerly": ["ada"], "port": 8644}
    site.wizards["bo"]["port"] = 8643
    site.config("adda", **BAD)
    deaf(site, "adda")
    assert site.run().stuck == ("adda", "bo")
    assert site.pid("adda")
    assert site.pid("bo") not in (None, bo)
    assert (site.port("adda"), site.port("bo"), site.display("adda")) == (8643, 8644, None)


def test_a_way_back_to_a_port_that_is_taken_puts_its_files_back_all_the_same(site: Site) -> None:
    site.wizards["ada"]["port"] = 8650
    site.config("ada", **BAD)
    listening = site.gateways.listeners

    def ill(program: Program) -> str:
        if program.name != "ada-body" or site.display("ada") != BAD:
            return ""
        stranger = {8643: Listener(8643, 1, "stranger")}
        site.gateways.listeners = lambda ports: {**listening(ports), **stranger}  # type: ignore[method-assign]
        return "deaf"

    site.gateways.ill = ill
    site.run()
    assert site.pid("ada") is None
    assert (site.port("ada"), site.display("ada")) == (8643, None)
    assert "port 8643 is held by pid 1 (stranger)" in " ".join(site.status("ada").differences)
    site.gateways.listeners = listening  # type: ignore[method-assign]
    site.run()
    assert site.pid("ada")


def test_who_waits_for_a_secret_keeps_the_port_of_the_generation_that_runs_instead(site: Site) -> None:
    site.wizards["ada"] |= {"port": 8650, "env": {"A_TOKEN": {"env": "NOT_THERE"}}}
    site.wizards["di"] = _di(site)
    site.push("ada leaves its port, and needs a secret that is not there; di joins on it")
    site.run()
    site.gateways.crash("ada-body", 0)
    site.run()
    assert site.pid("ada")
    assert (site.port("ada"), site.pid("di")) == (8643, None)
    site.gateways.crash("ada-body", 0)
    with site.bound(change=False) as (_, reconciler):
        obstacle = reconciler.plan(Request("test")).plan.change("wizard/di/body").obstacle
    assert obstacle.startswith("port 8643 is kept for ada, which runs on its last generation there; ")
    assert site.run(environ={"NOT_THERE": "a-secret-that-is-there"}).done
    site.run(environ={"NOT_THERE": "a-secret-that-is-there"})
    assert (site.port("ada"), site.port("di")) == (8650, 8643)
    assert site.pid("di")


# By hand


def test_a_rollback_takes_along_whoever_has_its_port_now(site: Site) -> None:
    _exchange(site)
    site.push("swap")
    site.settle()
    with site.bound(change=False) as (_, reconciler):
        planned = reconciler.plan(rollback("ada"))
    assert planned.plan.wizards == ("ada", "bo")
    assert "rolled back by hand with ada, with which it exchanges ports" in dict(planned.plan.quarantined)["bo"]
    report = site.run(rollback("ada"))
    assert (report.done, report.stuck, report.left.changes) == (True, (), ())
    assert (site.port("ada"), site.port("bo")) == (8643, 8644)
    assert site.run().applied.outcomes == ()
    site.config("ada", compact=False)
    site.settle()
    assert (site.port("ada"), site.port("bo")) == (8644, 8643)


def test_a_rollback_to_a_port_that_can_not_be_had_changes_nothing(site: Site) -> None:
    site.wizards["ada"]["port"] = 8650
    site.wizards["di"] = _di(site)
    site.push("ada moves away, and di takes its port")
    site.settle()
    with pytest.raises(Refused, match="ada would go back to a port that is di's now, and di has no earlier generation"):
        site.run(rollback("ada"))
    assert site.records().quarantines == {}
    with site.bound() as (host, _):
        host.ledger.pause(Pause("di", "looking", "2026-01-01T00:00:00Z"))
    with pytest.raises(Refused, match="a port that is di's now, and di is paused"):
        site.run(rollback("ada"))


def test_a_rollback_that_fails_is_taken_back_for_all_of_the_ring(site: Site) -> None:
    """Ada can't be on its old port any more: in the same pass both are where they ran before."""
    _exchange(site)
    site.push("swap")
    site.settle()
    site.gateways.ill = lambda program: "deaf" if program.name == "ada-body" and site.port("ada") == 8643 else ""
    report = site.run(rollback("ada"))
    assert not report.done
    assert (site.port("ada"), site.port("bo")) == (8644, 8643)
    assert site.pid("ada")
    assert site.pid("bo")
    assert any("the rollback to generation 1 (commit " in entry.reason for entry in site.entries("ada"))
    site.settle()
    assert site.records().quarantines == {}
