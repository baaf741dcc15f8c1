"""A gateway that its supervisor may start any moment: stopped before anything of it is touched, and never to blame."""

from __future__ import annotations

import pytest

from reconciler.engine.request import rollback
from reconciler.plan.fact import ProcessState
from reconciler.protocols.events import Event
from tests.engine.site import NEW, NEWEST, Site, Told, said, write
from tests.engine.test_canary import story

ADA = "ada-body"


def waits(site: Site) -> None:
    """Ada's gateway has ended too often and is to be started again in a while; a new start would hold."""
    site.gateways.fail_start(ADA, 3)
    site.gateways.crash(ADA, 3)
    assert site.gateways.observe([ADA])[ADA].state is ProcessState.BACKOFF
    site.gateways.fail_start(ADA, None)


def test_the_commit_that_mends_a_crash_loop_is_applied(site: Site) -> None:
    waits(site)
    site.version(NEWEST)
    site.settle()
    ada = [step for step in story(site) if step[0] == "ada"]
    assert [step for _, step, _ in ada] == ["stop", "copy databases", "start", "gate"]
    assert (site.running("ada"), site.records().quarantines) == (NEWEST, {})


def test_a_rollback_out_of_a_crash_loop(site: Site) -> None:
    site.version(NEWEST)
    site.settle()
    waits(site)
    assert site.run(rollback("ada")).done
    assert site.running("ada") == NEW


def test_a_crash_loop_that_is_over_is_started_afresh_and_not_judged_by_its_wait(site: Site) -> None:
    waits(site)
    site.settle()
    assert [step for _, step, _ in story(site)] == ["stop", "start", "gate"]


@pytest.mark.parametrize("moment", ["copying the databases", "starting"])
def test_what_comes_up_between_look_and_start_is_no_fault_of_the_commit(site: Site, moment: str) -> None:
    """Whoever did it: databases are copied at rest, what runs in the old way is never doubled, and nothing is
    quarantined."""
    write(site.home("ada") / "state.db", "long ago")
    site.gateways.crash(ADA, 0)
    old = site.gateways.program(ADA)
    site.told = Meddler(moment, lambda: site.gateways.start(old))
    site.version(NEWEST)
    report = site.run()
    assert (site.records().quarantines, report.done) == ({}, moment != "starting")
    site.settle()
    assert site.running("ada") == NEWEST
    assert said(site.home("ada") / "state.db") == ["long ago"]


class Meddler(Told):
    """Does something once, when a step of ada's is said to begin with these words."""

    def __init__(self, words: str, act: object) -> None:
        super().__init__()
        self._words, self._act = words, act

    def emit(self, event: Event) -> None:
        super().emit(event)
        if event.text.startswith(self._words) and "ada" in event.text and callable(self._act):
            act, self._act = self._act, None
            act()
