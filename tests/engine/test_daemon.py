"""The daemon's loop: what wakes it, what it makes of troubles, and how it ends."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from reconciler.adapters.clock import SystemClock
from reconciler.engine.outcome import Ending, Outcome
from reconciler.engine.request import retry, rollback
from reconciler.engine.timers import Pace
from reconciler.protocols.runtime import Program
from tests.adapters.silent import silent
from tests.engine.running import NEVER, running
from tests.engine.site import NEW, Site
from tests.engine.test_trust import port_in_use


@pytest.fixture
def site(tmp_path: Path) -> Site:
    found = Site(tmp_path)
    found.push("The fleet")
    return found


def done(view: object) -> bool:
    ended = view.ended  # type: ignore[attr-defined]
    return ended is not None and ended.result == "done" and view.running is None  # type: ignore[attr-defined]


def test_it_converges_at_its_start_and_tells_the_board(site: Site) -> None:
    with running(site, clock=site.clock) as house:
        view = house.until(done)
        assert view.status is not None
        assert {wizard.name for wizard in view.status.wizards if wizard.settled} == {"ada", "bo", "cy"}
        assert view.left is not None
        assert view.left.changes == ()
        assert house.ends.pids == {site.pid(name) for name in ("ada", "bo", "cy")}
    assert house.ending == [Ending.STOP]


def test_a_wake_finds_what_was_pushed(site: Site) -> None:
    with running(site, clock=site.clock) as house:
        house.until(done)
        commit = site.config("ada", compact=True)
        house.daemon.wake("webhook")
        view = house.until(lambda v: done(v) and v.ended.commit == commit)
        assert view.ended is not None
        assert view.ended.trigger == "webhook"
        assert site.display("ada") == {"compact": True}
        assert house.daemon.host.ledger.passes(1)[0].trigger == "webhook"


def test_two_thousand_wakes_in_a_burst_are_one_or_two_passes(site: Site) -> None:
    with running(site, clock=site.clock) as house:
        house.until(done)
        ended: list[str] = []
        house.daemon.board.listen(lambda: ended.append(repr(house.daemon.board.view.ended)))
        before = house.daemon.board.view.ended
        for _ in range(2000):
            house.daemon.wake("webhook")
        house.until(lambda v: done(v) and v.ended != before and not house.daemon.passes.waiting())
        assert 1 <= len(set(ended) - {repr(before)}) <= 2


def test_deliveries_that_keep_coming_are_one_or_two_passes_and_a_push_among_them_is_applied(site: Site) -> None:
    """They come for longer than several passes take, each after the pass before it has ended."""
    with running(site) as house:
        house.until(done)
        ended: set[str] = set()
        house.daemon.board.listen(lambda: ended.add(repr(house.daemon.board.view.ended)))
        before = repr(house.daemon.board.view.ended)
        house.daemon.wake("webhook")
        house.until(lambda v: done(v) and repr(v.ended) != before)
        for _ in range(2000):
            house.daemon.wake("webhook")
        assert 1 <= len(ended - {before}) <= 2  # on a busy machine they take longer than the calm between two passes
        commit = site.config("ada", compact=True)
        house.daemon.wake("webhook")
        view = house.until(lambda v: done(v) and v.ended.commit == commit)
        assert view.ended is not None
        assert "a newer commit" in view.ended.trigger
        assert 2 <= len(ended - {before}) <= 3


def test_drift_is_found_without_asking_the_remote(site: Site) -> None:
    pace = Pace(poll=3600.0, drift=0.2, pulls=3600.0)
    with running(site, pace=pace) as house:
        house.until(done)
        site.remote.path.rename(site.remote.path.with_suffix(".away"))
        (site.home("ada") / "SOUL.md").write_text("hacked")
        house.until(lambda v: "hacked" not in (site.home("ada") / "SOUL.md").read_text())
        view = house.until(done)
        assert view.status is not None
        assert not any("could not be fetched" in notice for notice in view.status.notices)
        site.remote.path.with_suffix(".away").rename(site.remote.path)


def test_a_poll_finds_a_push(site: Site) -> None:
    with running(site, pace=Pace(poll=0.2, drift=3600.0, pulls=3600.0)) as house:
        house.until(done)
        commit = site.config("bo", compact=True)
        house.until(lambda v: done(v) and v.ended.commit == commit)


def test_the_end_of_a_process_wakes_it(site: Site) -> None:
    with running(site, clock=site.clock) as house:
        house.until(done)
        pid = site.pid("cy")
        site.gateways.crash("cy-body", 0)
        house.ends.ended(pid or 0)
        house.until(lambda v: site.pid("cy") not in (None, pid))


def test_a_commit_that_is_broken_is_said_once_and_the_next_one_is_applied(site: Site) -> None:
    with running(site, clock=site.clock) as house:
        house.until(done)
        site.wizards["ada"]["port"] = "no port"
        site.push("broken")
        house.daemon.wake("webhook")
        view = house.until(lambda v: v.ended is not None and v.ended.result == Outcome.INVALID.value)
        assert "1 error" in view.ended.trouble if view.ended else False
        house.daemon.wake("webhook")
        house.until(lambda v: not house.daemon.passes.waiting() and v.running is None)
        assert sum("has 1 error" in text for text in site.told.texts) == 1
        site.wizards["ada"]["port"] = 8653
        commit = site.push("mended")
        house.daemon.wake("webhook")
        house.until(lambda v: done(v) and v.ended.commit == commit)
        assert site.port("ada") == 8653


def test_a_pass_on_a_commit_that_hangs_at_its_gate_is_abandoned_for_a_newer_one(site: Site) -> None:
    """The gate would take a minute: the newer commit is there long before."""
    toml = site.folder / "reconciler.toml"
    toml.write_text(toml.read_text().replace('gate_limit = "3s"', 'gate_limit = "600s"'))
    with running(site, clock=SystemClock()) as house:
        house.until(done)
        site.gateways.ill = lambda program: "deaf" if site.display("ada") == {"compact": True} else ""
        broken = site.config("ada", compact=True)
        house.daemon.wake("webhook")
        house.until(lambda v: v.running is not None and any(s.began and not s.ended for s in v.running.steps))
        house.until(lambda v: v.running is not None and v.running.commit == broken)
        fixed = site.config("ada", compact=False)
        house.daemon.wake("webhook")
        view = house.until(lambda v: done(v) and v.ended.commit == fixed)
        assert view.status is not None
        assert all(not wizard.quarantined for wizard in view.status.wizards)
        assert site.display("ada") == {"compact": False}


def test_a_pass_on_a_commit_whose_source_hangs_is_abandoned_for_a_newer_one(site: Site) -> None:
    with silent() as (address, asked):
        environ = {**os.environ, "UV_DEFAULT_INDEX": f"{address}/simple", "UV_CACHE_DIR": str(site.folder / "cache")}
        with running(site, clock=SystemClock(), environ=environ) as house:
            house.until(done)
            site.version("0.21.0")
            house.daemon.wake("webhook")
            assert asked.wait(60)
            site.codebase["source"] = {"pypi": "hermes-agent", "version": NEW, "with": ["aiohttp"]}
            fixed = site.config("ada", compact=False)
            house.daemon.wake("webhook")
            house.until(lambda v: done(v) and v.ended.commit == fixed)
            assert site.display("ada") == {"compact": False}
    assert not list((site.root / ".codebases" / "hermes-agent").glob("0.21.0*"))


def test_stopping_at_a_gate_leaves_the_rest_to_the_next_daemon(site: Site) -> None:
    toml = site.folder / "reconciler.toml"
    toml.write_text(toml.read_text().replace('gate_limit = "3s"', 'gate_limit = "600s"'))
    site.gateways.ill = lambda program: "deaf"
    with running(site) as house:
        house.until(lambda v: v.running is not None and any(s.began and not s.ended for s in v.running.steps))
        house.until(lambda v: site.pid("ada") is not None)
    assert house.ending == [Ending.STOP]
    site.gateways.ill = lambda program: ""
    with running(site, clock=site.clock) as house:
        house.until(done)


def test_a_reload_lets_the_pass_end(site: Site) -> None:
    with running(site, clock=site.clock) as house:
        house.until(lambda v: v.running is not None)
        house.daemon.reload()
        house.until(lambda v: house.ending)
    assert house.ending == [Ending.RELOAD]
    assert site.status("ada").settled


def test_what_is_asked_for_is_what_was_shown_or_nothing(site: Site) -> None:
    with running(site, clock=site.clock) as house:
        house.until(done)
        site.config("ada", compact=True)
        house.daemon.wake("webhook")
        house.until(lambda v: done(v) and site.display("ada") == {"compact": True})
        request = rollback("ada")
        shown = house.daemon.look(request)
        house.daemon.submit(request, shown)
        house.until(lambda v: v.running is None and site.display("ada") is None)
        lifted = retry(frozenset({"ada"}))
        shown = house.daemon.look(lifted)
        site.config("ada", compact=False)
        house.daemon.wake("webhook")
        house.until(lambda v: done(v) and site.display("ada") == {"compact": False})
        ticket = house.daemon.submit(lifted, shown)
        ended = house.until(lambda v: v.answer(ticket)).answer(ticket)
        assert ended is not None
        assert ended.result == Outcome.REFUSED.value
        assert "stale" in ended.trouble


def test_a_paused_wizard_waits_until_it_is_resumed(site: Site) -> None:
    with running(site, clock=site.clock) as house:
        house.until(done)
        house.daemon.pause("ada", "by hand")
        commit = site.config("ada", compact=True)
        house.daemon.wake("webhook")
        house.until(lambda v: v.running is None and v.ended is not None and v.ended.commit == commit)
        assert site.display("ada") is None
        assert house.daemon.resume("ada")
        assert not house.daemon.resume("ada")
        house.until(lambda v: site.display("ada") == {"compact": True})


def test_a_bug_in_a_pass_does_not_end_the_daemon(site: Site) -> None:
    def broken() -> list[str]:
        raise ZeroDivisionError("of the test's own")

    whole = site.gateways.unplanned
    with running(site, clock=site.clock, pace=NEVER) as house:
        house.until(done)
        site.gateways.unplanned = broken  # type: ignore[method-assign, assignment]
        house.daemon.wake("webhook")
        assert isinstance(house.bug(), ZeroDivisionError)
        site.gateways.unplanned = whole  # type: ignore[method-assign]
        house.until(done)


def test_what_is_blocked_waits_for_its_next_try_and_a_person_need_not(site: Site) -> None:
    """The port of one is held by a stranger that no look can see, so its start is tried and blocked."""
    site.gateways.ill = lambda program: "taken" if program.name == "ada-body" else ""

    def act(program: Program) -> None:
        if program.name == "ada-body":
            (site.home("ada") / "gateway_state.json").write_text(port_in_use(time.time()))
            site.gateways.crash(program.name, 78)

    site.gateways.acts = act
    with running(site, clock=SystemClock()) as house:
        view = house.until(lambda v: v.running is None and v.ended is not None)
        assert view.left is not None
        waiting = [w for w in house.daemon.passes.waiting() if "next try" in w.triggers]
        assert [w.seconds for w in waiting if 0 < w.seconds <= 5.0], house.daemon.passes.waiting()
        starts = [text for text in site.told.texts if text.startswith("starting wizard/ada/body")]
        house.daemon.wake("drift")
        view = house.until(lambda v: v.running is None and v.ended is not None and "drift" in v.ended.trigger)
        if view.ended and view.ended.trigger != "next try and drift":
            pytest.skip("the machine was so slow that the next try was due")
        assert [text for text in site.told.texts if text.startswith("starting wizard/ada/body")] == starts
        house.until(
            lambda v: sum(text.startswith("starting wizard/ada/body") for text in site.told.texts) > len(starts)
        )
