"""A gateway that somebody started by hand on a wizard's home: taken over, never doubled, and left alone in a pause."""

from __future__ import annotations

from reconciler.plan.fact import ProcessState
from reconciler.plan.held import Pause
from reconciler.plan.status import WizardState
from reconciler.protocols.runtime import Program
from tests.engine.site import NEWEST, Site

ADA = "ada-body"


def by_hand(site: Site) -> int | None:
    """Ada's gateway has ended, and somebody starts one in a terminal."""
    site.gateways.crash(ADA, 0)
    site.gateways.by_hand(ADA)
    site.gateways.calls.clear()
    return site.pid("ada")


def test_it_is_stopped_and_started_under_its_supervisor_whatever_has_changed_meanwhile(site: Site) -> None:
    pid = by_hand(site)
    site.wizards["ada"]["port"] = 8650
    site.version(NEWEST)
    with site.bound(change=False) as (_, reconciler):
        plan = reconciler.status().wizards[0].differences
    assert any(f"(a gateway started by hand, pid {pid}, is stopped first; " in line for line in plan)
    site.settle()
    ada = [verb for verb, name in site.gateways.calls if name == ADA]
    assert ada.index("stop") < ada.index("start")
    assert site.gateways.observe([ADA])[ADA].state is ProcessState.RUNNING
    assert (site.port("ada"), site.running("ada"), site.records().quarantines) == (8650, NEWEST, {})


def test_a_paused_wizard_is_left_alone_and_says_so(site: Site) -> None:
    with site.bound() as (host, _):
        host.ledger.pause(Pause("ada", "a look by hand", "2026-01-01T00:00:00Z"))
    pid = by_hand(site)
    site.run()
    assert (site.pid("ada"), site.gateways.calls) == (pid, [])
    status = site.status("ada")
    assert status.observed is WizardState.UNROBED
    assert f"orphan as pid {pid} was started by hand" in str(status.evidence)
    (line,) = status.differences
    assert line.startswith(
        f"! restart wizard/ada/body (a gateway started by hand, pid {pid}, is stopped first) [held: "
    )
    with site.bound() as (host, _):
        host.ledger.resume("ada")
    site.settle()
    assert site.gateways.observe([ADA])[ADA].state is ProcessState.RUNNING


def test_one_that_git_wants_dead_is_stopped(site: Site) -> None:
    site.wizards["ada"]["desired"] = "dead"
    site.push("ada rests")
    site.settle()
    site.gateways.by_hand(ADA)
    pid = site.pid("ada")
    report = site.run()
    assert report.done
    assert site.pid("ada") is None
    reason = f"Git wants it dead; a gateway started by hand, pid {pid}, is stopped"
    assert reason in [entry.reason for entry in site.entries("ada")]


def test_one_that_comes_up_while_the_gate_watches_is_no_fault_of_the_commit(site: Site) -> None:
    def replaced(program: Program) -> None:
        if program.name == ADA:
            site.gateways.acts = lambda program: None
            site.gateways.crash(ADA, 0)
            site.gateways.by_hand(ADA)

    site.gateways.acts = replaced
    site.config("ada", compact=True)
    report = site.run()
    assert not report.done
    assert "a gateway was started by hand on its home meanwhile, as pid " in report.applied.failures[0].text
    assert site.records().quarantines == {}
    site.settle()
    assert site.display("ada") == {"compact": True}
