"""A plan for some wizards of which one takes a port: the whole ring comes along, or it says what moves both."""

from __future__ import annotations

import pytest

from reconciler.engine.demand import Demand
from reconciler.engine.request import Request
from reconciler.plan.build import Rules
from reconciler.plan.change import Disposition, Plan
from reconciler.plan.resource import Process
from tests.engine.site import NEWEST, Site
from tests.engine.test_who_goes_first import only, pause


def exchange(site: Site, ada: int = 8644, bo: int = 8643) -> None:
    site.wizards["ada"]["port"], site.wizards["bo"]["port"] = ada, bo
    site.push("ports")


def plan(site: Site, request: Request) -> Plan:
    with site.bound(change=False) as (_, reconciler):
        return reconciler.plan(request).plan


def resumed(site: Site, name: str) -> Plan:
    """What `resume` shows."""
    return plan(site, Request("test", Rules(only=frozenset({name})), demand=Demand(resume=name)))


def reasons(shown: Plan) -> dict[str | None, set[str]]:
    """Of the processes that are to change."""
    return {c.wizard: {r.text for r in c.reasons} for c in shown.pending if isinstance(c.resource, Process)}


@pytest.mark.parametrize("named", ["ada", "bo"])
def test_one_of_a_ring_takes_the_ring_along(site: Site, named: str) -> None:
    pid = site.pid("cy")
    exchange(site)
    site.wizards["cy"]["port"] = 8650
    site.push("cy too")
    told = reasons(plan(site, only(named)))
    assert ("exchanges ports with bo" in told["ada"], "exchanges ports with ada" in told["bo"]) == (True, True)
    report = site.run(only(named))
    assert (report.done, report.left.changes) == (True, ())
    assert (site.port("ada"), site.port("bo"), site.pid("cy")) == (8644, 8643, pid)
    site.settle()


def test_who_takes_a_port_is_told_which_command_moves_both(site: Site) -> None:
    exchange(site, ada=8650)
    (body,) = (c for c in plan(site, only("bo")).changes if isinstance(c.resource, Process))
    assert body.disposition is Disposition.BLOCKED
    assert body.obstacle == (
        "port 8643 is kept for ada until that has held on another: this plan does not look at it; "
        "`reconciler apply ada bo` moves both"
    )
    assert site.run(only("ada", "bo")).done
    assert (site.port("ada"), site.port("bo")) == (8650, 8643)


@pytest.mark.parametrize("ada", [8644, 8650])
def test_the_end_of_a_pause_shows_what_the_next_pass_does(site: Site, ada: int) -> None:
    exchange(site, ada=ada)
    pause(site, "bo")
    shown = resumed(site, "bo")
    assert {c.wizard for c in shown.pending} == ({"ada", "bo"} if ada == 8644 else {"bo"})
    assert shown.waiting == ()
    assert set(shown.wizards) == {c.wizard for c in shown.pending}


def test_the_end_of_a_pause_of_one_that_is_not_the_canary_shows_after_whom_it_comes(site: Site) -> None:
    pause(site, "cy")
    site.codebase["canary"] = "bo"
    site.version(NEWEST)
    shown = resumed(site, "cy")
    assert shown.waiting == ()
    assert set(reasons(shown)) == {"cy"}
    assert "after ada" in reasons(shown)["cy"]
    assert {step.wizard for step in shown.steps} == {None, "cy"}
