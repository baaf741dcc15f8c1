"""A rollback from what a wizard has gone back to already: to the generation before, and never by mistake."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.engine.demand import Demand
from reconciler.engine.request import Request, retry, rollback
from reconciler.engine.saved import SavedPlan, fingerprint
from reconciler.errors import Interrupted, Refused, Terminal
from reconciler.plan.build import Rules
from reconciler.protocols.runtime import Program
from tests.engine.site import NEW, NEWEST, OLD, Site, runs
from tests.engine.test_who_goes_first import waiting

ADA = frozenset({"ada"})


def lived(site: Site, *values: str) -> None:
    """Ada was healthy on each of these, after what it began on."""
    for value in values:
        site.config("ada", v=value)
        site.settle()


def rejected(site: Site) -> dict[int, bool]:
    return {g.number: g.rejected for g in site.records().generations["ada"]}


def test_a_second_rollback_goes_one_further_until_there_is_no_other(site: Site) -> None:
    lived(site, "B", "C")
    assert site.run(rollback("ada")).done
    assert site.display("ada") == {"v": "B"}
    assert site.run(rollback("ada")).done
    assert (site.display("ada"), rejected(site)) == (None, {1: False, 2: True, 3: True})
    assert "rolled back by hand" in site.status("ada").quarantined
    assert "generation 1 " in site.status("ada").quarantined
    pid = site.pid("ada")
    with pytest.raises(Terminal, match=r"ada has gone back already: .*; there is no generation before that"):
        site.run(rollback("ada"))
    assert (site.pid("ada"), site.display("ada")) == (pid, None)
    assert site.run().applied.outcomes == ()
    assert site.run(retry(ADA)).done
    assert (site.display("ada"), rejected(site)) == ({"v": "C"}, {1: False, 2: True, 3: False})


def test_a_commit_that_fails_then_goes_to_none_that_was_passed_over(site: Site) -> None:
    lived(site, "B", "C")
    site.run(rollback("ada"))
    site.run(rollback("ada"))
    site.config("ada", v="D")
    site.gateways.ill = _ill_on(site, {"v": "D"})
    assert site.run().stuck == ("ada",)
    assert site.display("ada") is None
    site.gateways.ill = lambda program: ""
    site.config("ada", v="E")
    site.settle()
    assert site.display("ada") == {"v": "E"}


def _ill_on(site: Site, *displays: object):  # type: ignore[no-untyped-def]
    def ill(program: Program) -> str:
        return "deaf" if program.name == "ada-body" and site.display("ada") in displays else ""

    return ill


def test_what_it_went_back_to_does_not_run_any_more(site: Site) -> None:
    """The last generation can't start with what the agent wrote meanwhile; the one before it is whole."""
    site.version(NEWEST)
    site.settle()
    site.version(OLD)
    site.gateways.ill = lambda program: runs(OLD)(program) or (runs(NEWEST)(program) if program.name[0] == "a" else "")
    for _ in range(5):
        site.run()
    before = site.running("bo")
    assert (site.running("ada"), site.run().applied.outcomes) == (NEWEST, ())
    assert site.run(rollback("ada")).done
    assert (site.running("ada"), before, site.running("bo")) == (NEW, NEWEST, NEWEST)
    quarantined = site.status("ada").quarantined
    assert "did not pass its gate" in quarantined
    assert "rolled back further by hand" in quarantined
    assert f"ada failed on hermes-agent/{OLD}" in waiting(site)["bo"], "it has failed all the same"
    site.gateways.ill = lambda program: ""
    site.run(retry(ADA))
    site.settle()
    assert {site.running(name) for name in site.wizards} == {OLD}


def test_one_that_holds_on_what_it_went_back_to_after_a_failure_goes_further(site: Site) -> None:
    lived(site, "B")
    site.config("ada", v="bad")
    site.gateways.ill = _ill_on(site, {"v": "bad"})
    assert site.run().stuck == ("ada",)
    assert site.display("ada") == {"v": "B"}
    assert site.run(rollback("ada")).done
    assert (site.display("ada"), rejected(site)) == (None, {1: False, 2: True})


def test_a_further_rollback_that_fails_leads_back_to_what_ran_and_lifts_no_quarantine(site: Site) -> None:
    lived(site, "B")
    site.config("ada", v="bad")
    site.gateways.ill = _ill_on(site, {"v": "bad"}, None)
    site.run()
    report = site.run(rollback("ada"))
    assert (report.done, site.display("ada")) == (False, {"v": "B"})
    assert any("the rollback to generation 1 (commit " in e.reason for e in site.entries("ada"))
    assert rejected(site) == {1: True, 2: False}
    assert site.run().applied.outcomes == ()
    assert site.display("ada") == {"v": "B"}
    with pytest.raises(Terminal, match="there is no generation before that"):
        site.run(rollback("ada"))


def test_a_second_rollback_that_fails_leads_back_to_the_first(site: Site) -> None:
    lived(site, "B", "C")
    site.run(rollback("ada"))
    site.gateways.ill = _ill_on(site, None)
    assert not site.run(rollback("ada")).done
    assert site.display("ada") == {"v": "B"}
    assert site.run().applied.outcomes == ()


# By mistake


def test_a_rollback_that_was_interrupted_is_the_same_one_when_it_is_asked_for_again(site: Site) -> None:
    lived(site, "B", "C")
    pid = site.pid("ada")
    with site.bound() as (_, reconciler), pytest.raises(Interrupted):
        reconciler.run(rollback("ada"), lambda: site.pid("ada") not in (None, pid))
    assert site.run(rollback("ada")).done
    assert site.display("ada") == {"v": "B"}


def test_two_who_saw_the_same_rollback_go_one_back(site: Site) -> None:
    """Two commands at once, each of which showed the way to B before either had begun."""
    lived(site, "B", "C")
    seen = replace(rollback("ada"), demand=Demand(roll_back="ada", target=2))
    assert site.run(seen).done
    with pytest.raises(Refused, match="ada was to go back to generation 2, and by now that would be generation 1"):
        site.run(seen)
    assert site.display("ada") == {"v": "B"}


def test_a_rollback_that_is_bound_to_what_was_shown_is_done_once(site: Site) -> None:
    """The form of a page, sent twice, or a request that a daemon has twice."""
    lived(site, "B", "C")
    with site.bound(change=False) as (_, reconciler):
        planned = reconciler.plan(rollback("ada"))
    bound = SavedPlan(planned.plan.commit, "here", planned.rules, fingerprint(planned.plan, planned.records))
    asked = replace(rollback("ada"), saved=bound)
    assert site.run(asked).done
    with pytest.raises(Refused, match="quarantine of ada"):
        site.run(asked)
    assert site.display("ada") == {"v": "B"}
    assert site.run(Request("test", Rules(only=ADA))).applied.outcomes == ()
