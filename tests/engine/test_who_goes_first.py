"""Whoever moves first to a codebase version soaks for the others, and what speaks for a version is looked at anew."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.engine.request import Request, retry
from reconciler.plan.build import Rules
from reconciler.plan.change import Disposition, Operation
from reconciler.plan.held import Pause
from reconciler.plan.resource import Process
from reconciler.protocols.ledger import Result
from reconciler.protocols.runtime import Program
from tests.engine.site import NEW, NEWEST, Site, release, runs

NAMES = ("ada", "bo", "cy")
SOAKED = 3.0
"""Seconds of gate and soak of a site."""


def only(*names: str) -> Request:
    return Request("test", Rules(only=frozenset(names)))


def weary(site: Site, version: str = NEWEST) -> Callable[[Program], str]:
    """Ill is whatever has run the version for longer than its gate looks at it."""

    def ill(program: Program) -> str:
        started = site.gateways.observe([program.name])[program.name].started
        return "tired" if release(program) == version and started and site.clock.now() - started > 2.0 else ""

    return ill


def soaks(site: Site) -> list[tuple[str, bool]]:
    """(wizard, whether it held) of every soak so far."""
    return [(e.wizard or "", e.result is Result.DONE) for e in site.entries() if e.operation == "soak"]


def running(site: Site) -> list[str]:
    return [site.running(name) for name in NAMES]


def pause(site: Site, *names: str) -> None:
    with site.bound() as (host, _):
        for name in names:
            host.ledger.pause(Pause(name, "", "2026-01-01T00:00:00Z"))


def resume(site: Site, *names: str) -> None:
    with site.bound() as (host, _):
        for name in names:
            host.ledger.resume(name)


def waiting(site: Site) -> dict[str, str]:
    with site.bound(change=False) as (_, reconciler):
        plan = reconciler.plan(Request()).plan
    return {c.wizard: c.obstacle for c in plan.changes if c.wizard and c.disposition is Disposition.HELD}


def test_a_canary_that_is_tried_again_soaks_again(site: Site) -> None:
    site.version(NEWEST)
    site.gateways.ill = weary(site)
    assert site.run().stuck == ("ada",)
    with site.bound(change=False) as (_, reconciler):
        plan = reconciler.plan(retry(frozenset({"ada"}))).plan
    (body,) = (change for change in plan.changes if isinstance(change.resource, Process))
    assert body.reasons[-1].text == "canary first"
    assert [step.wizard for step in plan.steps if step.operation is Operation.SOAK] == ["ada"]
    assert not site.run(retry(frozenset({"ada"}))).done
    assert soaks(site) == [("ada", False), ("ada", False)]
    assert (running(site), list(site.records().quarantines)) == ([NEW] * 3, ["ada"])
    for _ in range(2):
        assert site.run().applied.outcomes == ()


def test_one_that_moves_alone_by_name_soaks_for_those_who_have_still_to_move(site: Site) -> None:
    site.version(NEWEST)
    site.gateways.ill = weary(site)
    assert not site.run(only("cy")).done
    assert (soaks(site), running(site)) == ([("cy", False)], [NEW] * 3)
    assert "cy failed on" in waiting(site)["ada"]
    site.gateways.ill = lambda program: ""
    assert site.run(retry(frozenset({"cy"}))).done
    assert site.run(only("bo")).done
    assert soaks(site) == [("cy", False), ("cy", True)], "what is proven is not proven again"
    site.settle()


def test_the_declared_canary_is_waited_for_where_the_plan_leaves_it_out(site: Site) -> None:
    site.codebase["canary"] = "bo"
    site.version(NEWEST)
    report = site.run(only("cy"))
    assert ({o.step.wizard for o in report.applied.outcomes}, running(site)) == ({None}, [NEW] * 3)
    assert {change.obstacle for change in report.plan.changes if change.wizard == "cy"} == {
        "waits for the canary bo, which this plan does not look at; `reconciler apply bo` lets it go first"
    }
    assert site.run(only("bo")).done
    assert site.run(only("cy")).done
    assert (soaks(site), running(site)) == ([("bo", True)], [NEW, NEWEST, NEWEST])


def test_a_declared_canary_that_rests_is_not_waited_for(site: Site) -> None:
    site.codebase["canary"] = "bo"
    site.wizards["bo"]["desired"] = "dead"
    site.push("bo rests")
    site.settle()
    site.version(NEWEST)
    assert site.run(only("cy")).done
    assert site.running("cy") == NEWEST


def behind_one_that_failed(site: Site) -> None:
    """Ada has moved and holds; bo has failed for itself; cy is paused."""
    pause(site, "cy")
    site.version(NEWEST)
    site.gateways.ill = lambda program: runs(NEWEST)(program) if program.name == "bo-body" else ""
    assert site.run().stuck == ("bo",)
    resume(site, "cy")
    assert waiting(site) == {}


def test_who_is_not_healthy_now_is_no_proof(site: Site) -> None:
    behind_one_that_failed(site)
    site.gateways.ill = runs(NEWEST)
    assert "no other wizard has moved to it yet" in waiting(site)["cy"]
    site.gateways.ill = lambda program: ""
    assert waiting(site) == {}


def test_who_came_up_again_by_itself_is_no_proof_before_it_has_held(site: Site) -> None:
    behind_one_that_failed(site)
    site.gateways.crash("ada-body", 1)
    site.run()
    assert "no other wizard has moved to it yet" in waiting(site)["cy"]
    site.clock.sleep(SOAKED)
    assert waiting(site) == {}


def test_a_canary_that_failed_weighs_more_than_who_had_moved_before_it(site: Site) -> None:
    pause(site, "bo", "cy")
    site.version(NEWEST)
    assert site.run().done
    resume(site, "bo", "cy")
    site.gateways.ill = weary(site)
    site.clock.sleep(SOAKED)
    assert "bo" in site.run().stuck
    assert soaks(site) == [("ada", True), ("bo", False)]
    site.gateways.ill = lambda program: ""
    site.clock.sleep(SOAKED)
    assert "bo failed on" in waiting(site)["cy"]
    assert "no other wizard has moved to it and held since" in waiting(site)["cy"]
    assert site.run(retry(frozenset({"bo"}))).done
    site.settle()
    assert running(site) == [NEWEST] * 3
