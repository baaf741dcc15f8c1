"""Where a wizard goes back to: what it ran on, never what a person rejected, and with secrets that are in force."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.engine.desired import InvalidFleet
from reconciler.engine.request import Request, retry, rollback
from reconciler.engine.saved import SavedPlan, fingerprint
from reconciler.errors import Refused, Terminal
from reconciler.plan.build import Rules
from reconciler.protocols.runtime import Program
from tests.engine.site import Site, _wizard, deaf

TOKEN = {"TOK": "a-token-of-the-daemon"}
ADA = frozenset({"ada"})


def ill_on(site: Site, display: object) -> None:
    """Ada's gateway does not listen while this is what its config holds."""

    def ill(program: Program) -> str:
        return "deaf" if program.name == "ada-body" and site.display("ada") == display else ""

    site.gateways.ill = ill


def break_the_head(site: Site) -> str:
    port = site.wizards["cy"]["port"]
    site.wizards["cy"]["port"] = "no port"
    commit = site.push("a typing mistake")
    site.wizards["cy"]["port"] = port
    return commit


# The last good commit


def test_a_quarantined_wizard_does_not_freeze_the_last_good_commit(site: Site) -> None:
    site.config("ada", bad=True)
    deaf(site)
    site.run()
    site.wizards["di"] = _wizard("di", 8646)
    good = site.config("bo", v=2)
    assert site.run().stuck == ("ada",)
    pids = site.pids()
    bad = break_the_head(site)
    with pytest.raises(InvalidFleet, match=f"{bad[:7]} has 1 error; nothing of it .*commit {good[:7]} stays in force"):
        site.run()
    assert (site.pids(), site.display("bo")) == (pids, {"v": 2})
    site.gateways.crash("di-body", 1)
    with pytest.raises(InvalidFleet):
        site.run()
    assert site.pid("di")
    assert "ada" in site.records().quarantines


def test_an_older_commit_that_is_in_force_lifts_no_quarantine(site: Site) -> None:
    """The mended typing mistake must not bring the bad change back."""
    site.config("ada", bad=True)
    deaf(site)
    site.run()
    break_the_head(site)
    with pytest.raises(InvalidFleet):
        site.run()
    pid = site.pid("ada")
    site.push("the mistake is mended")
    assert site.run().stuck == ("ada",)
    assert site.pid("ada") == pid


def test_a_rollback_and_a_restart_are_possible_while_the_head_is_broken(site: Site) -> None:
    site.config("ada", v=1)
    site.settle()
    break_the_head(site)
    with site.bound(change=False) as (_, reconciler):
        planned = reconciler.plan(rollback("ada"))
    assert any("stays in force" in text for text in planned.plan.warnings)
    bound = SavedPlan(planned.plan.commit, "here", planned.rules, fingerprint(planned.plan, planned.records))
    report = site.run(replace(rollback("ada"), saved=bound))
    assert (report.done, site.display("ada")) == (True, None)
    assert any("stays in force" in text for text in report.notices)
    with pytest.raises(InvalidFleet):
        site.run()
    assert site.display("ada") is None


# What it ran on


def test_a_rollback_whose_generation_fails_goes_back_to_what_ran(site: Site) -> None:
    site.config("ada", v="B")
    site.settle()
    ill_on(site, None)
    report = site.run(rollback("ada"))
    assert (report.done, report.applied.back) == (False, frozenset())
    assert (site.display("ada"), site.records().quarantines) == ({"v": "B"}, {})
    assert site.pid("ada")
    assert any("the rollback to generation 1 (commit " in entry.reason for entry in site.entries("ada"))
    site.settle()


def test_a_retry_that_fails_goes_back_to_what_ran_before_it(site: Site) -> None:
    """It was healthy once, as a generation: that is no reason to stay on it."""
    site.config("ada", v="B")
    site.settle()
    site.run(rollback("ada"))
    ill_on(site, {"v": "B"})
    report = site.run(retry(ADA))
    assert report.stuck == ("ada",)
    assert site.display("ada") is None
    assert site.pid("ada")


def test_a_failure_does_not_lead_back_to_what_a_person_rejected(site: Site) -> None:
    site.config("ada", v="B")
    site.settle()
    site.run(rollback("ada"))
    site.config("ada", v="C")
    ill_on(site, {"v": "C"})
    assert site.run().stuck == ("ada",)
    assert site.display("ada") is None


def test_a_rollback_passes_over_what_was_rejected_before_until_it_is_tried_again(site: Site) -> None:
    site.config("ada", v="B")
    site.settle()
    site.run(rollback("ada"))
    site.config("ada", v="C")
    site.settle()
    site.run(rollback("ada"))
    assert site.display("ada") is None
    rejected = {g.number for g in site.records().generations["ada"] if g.rejected}
    assert rejected == {2, 3}
    site.run(retry(ADA))
    assert site.display("ada") == {"v": "C"}
    assert {g.number for g in site.records().generations["ada"] if g.rejected} == {2}
    del site.wizards["ada"]["config"]
    site.config("ada", v="B")
    site.settle()
    assert not [g for g in site.records().generations["ada"] if g.rejected]


def test_a_rollback_offers_nothing_that_runs_already(site: Site) -> None:
    """What Git declares was not applied yet: what a person sees running is what they go back from."""
    site.config("ada", v="B")
    site.settle()
    site.config("ada", v="C")
    site.run(rollback("ada"))
    assert site.display("ada") is None


# Secrets


def with_token(site: Site) -> None:
    site.wizards["ada"]["env"] = {"A_TOKEN": {"env": "TOK"}}
    site.push("a token of the daemon's environment")
    site.run(None, TOKEN)


def test_a_rollback_where_a_secret_can_not_be_read_is_refused_and_says_which(site: Site) -> None:
    with_token(site)
    site.config("ada", v="B")
    site.run(None, TOKEN)
    with pytest.raises(Terminal, match="a secret of ada can't be read here: the variable TOK is not set") as error:
        site.run(rollback("ada"))
    assert "with the environment of the daemon" in error.value.mend
    assert site.run(rollback("ada"), TOKEN).done
    assert site.display("ada") is None
    assert site.run(None, TOKEN).applied.outcomes == ()


def test_a_quarantine_is_known_where_a_secret_can_not_be_read(site: Site) -> None:
    with_token(site)
    site.config("ada", bad=True)
    deaf(site)
    site.run(None, TOKEN)
    pid, status = site.pid("ada"), site.status("ada")
    assert "failed here" in status.quarantined
    assert status.differences == ()
    assert site.run().stuck == ("ada",)
    assert site.run(None, TOKEN).stuck == ("ada",)
    assert site.pid("ada") == pid


def test_a_secret_that_changes_reaches_what_it_went_back_to_and_lifts_nothing(site: Site) -> None:
    secret = site.folder / "token"
    secret.write_text("first\n")
    site.wizards["ada"]["env"] = {"A_TOKEN": {"file": str(secret)}}
    site.push("a token")
    site.settle()
    site.config("ada", bad=True)
    deaf(site)
    site.run()
    secret.write_text("second\n")
    report = site.run()
    assert (report.done, report.stuck, site.display("ada")) == (True, ("ada",), None)
    env = site.home("ada") / ".env"
    assert "second" in env.read_text()
    secret.write_text("third\n")
    site.gateways.ill = lambda program: "deaf" if program.name == "ada-body" and "third" in env.read_text() else ""
    report = site.run()
    assert (report.done, site.display("ada")) == (False, None)
    assert "second" in env.read_text()
    assert site.pid("ada")
    assert any("failed with a secret that was changed since" in entry.reason for entry in site.entries("ada"))
    site.run()
    assert site.run().applied.outcomes == ()


# What is a change of the wizard


def test_a_sibling_that_joins_lifts_no_quarantine_and_makes_no_generation(site: Site) -> None:
    site.config("ada", bad=True)
    deaf(site)
    site.run()
    pid = site.pid("ada")
    site.wizards["di"] = _wizard("di", 8646)
    site.push("di joins")
    assert site.run().stuck == ("ada",)
    assert site.pid("ada") == pid
    assert "di" in (site.home("bo") / "SOUL.md").read_text()
    assert len(site.records().generations["bo"]) == 1


def test_what_was_dead_in_between_is_tried_again(site: Site) -> None:
    site.config("ada", bad=True)
    deaf(site)
    site.run()
    site.wizards["ada"]["desired"] = "dead"
    site.push("dead")
    site.run()
    assert site.records().quarantines == {}
    del site.wizards["ada"]["desired"]
    site.push("alive")
    site.gateways.ill = lambda program: ""
    site.settle()
    assert site.display("ada") == {"bad": True}


# Policy


def test_what_a_person_names_may_restart_whatever_the_fleet_allows(site: Site) -> None:
    site.policy = {"max_restarts": 0}
    for name in ("ada", "bo"):
        site.config(name, v=1)
        site.run(_allowing())
    site.run(rollback("ada"))
    site.run(rollback("bo"))
    assert (site.display("ada"), site.display("bo")) == (None, None)
    with pytest.raises(Refused, match="--allow-restarts 2"):
        site.run(retry(frozenset()))
    site.run(retry(ADA))
    site.run(retry(frozenset(), 1))
    assert (site.display("ada"), site.display("bo")) == ({"v": 1}, {"v": 1})


def _allowing() -> Request:
    return Request("test", Rules(restarts=9))
