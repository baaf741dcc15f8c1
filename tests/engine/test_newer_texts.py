"""Secrets that change while a wizard waits: the old text may be revoked, and its change may wait for days."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.engine.request import Request, restart
from reconciler.plan.build import Rules
from reconciler.plan.change import Disposition, Operation
from reconciler.plan.fields import secret_refs
from reconciler.plan.held import Pause
from reconciler.plan.repeat import LIMIT
from reconciler.plan.value import SecretRef
from reconciler.protocols.runtime import Program
from tests.engine.site import NEW, NEWEST, Site, release, runs


@pytest.fixture
def tokens(site: Site) -> tuple[Path, Path]:
    """Files that two tokens of bo come from; cy has the first one as well. Both are healthy with them."""
    first, second = site.folder / "first", site.folder / "second"
    first.write_text("a1\n")
    second.write_text("b1\n")
    site.wizards["bo"]["env"] = {"A_TOKEN": {"file": str(first)}, "B_TOKEN": {"file": str(second)}}
    site.wizards["cy"]["env"] = {"A_TOKEN": {"file": str(first)}}
    site.push("tokens")
    site.settle()
    return first, second


@pytest.fixture
def waiting(site: Site, tokens: tuple[Path, Path]) -> tuple[Path, Path]:
    """The canary has failed, and the others wait behind it."""
    site.gateways.ill = runs(NEWEST)
    site.version(NEWEST)
    site.run()
    assert site.run().applied.outcomes == ()
    return tokens


def env(site: Site, wizard: str = "bo") -> str:
    return (site.home(wizard) / ".env").read_text()


def test_one_that_is_down_starts_with_the_text_of_now(site: Site, waiting: tuple[Path, Path]) -> None:
    waiting[1].write_text("b2\n")
    site.gateways.crash("bo-body", 0)
    site.run()
    assert (site.running("bo"), "b2" in env(site)) == (NEW, True)
    assert site.run().applied.outcomes == ()


def test_one_text_that_can_not_be_read_keeps_no_other_one_old(site: Site, tokens: tuple[Path, Path]) -> None:
    tokens[0].unlink()
    tokens[1].write_text("b2\n")
    site.gateways.crash("bo-body", 0)
    report = site.run()
    assert site.pid("bo")
    assert "A_TOKEN=a1" in env(site)
    assert "B_TOKEN=b2" in env(site)
    body = report.left.change("wizard/bo/body").obstacle
    assert "generation 2 (commit" in body
    assert "runs instead until then" in body
    assert site.run(restart(frozenset({"bo"}))).done
    assert "B_TOKEN=b2" in env(site)


def test_it_reaches_those_who_read_it_and_wait_behind_a_canary(site: Site, waiting: tuple[Path, Path]) -> None:
    before = site.pids()
    waiting[1].write_text("b2\n")
    report = site.run()
    after = site.pids()
    assert {name for name in before if before[name] != after[name]} == {"bo"}
    assert (site.running("bo"), site.display("bo"), "b2" in env(site)) == (NEW, None, True)
    assert (report.done, report.stuck) == (True, ("ada",))
    body = report.plan.change("wizard/bo/body")
    reasons = [reason.text for reason in body.reasons]
    assert reasons[0] == "B_TOKEN (secret) changed"
    assert "stays on generation 2 (commit" in reasons[-1]
    assert "ada failed on hermes-agent" in reasons[-1]
    assert {c.disposition for c in report.left.changes} == {Disposition.HELD}
    assert site.run().applied.outcomes == ()
    waiting[0].write_text("a2\n")
    site.run()
    assert ("a2" in env(site), "a2" in env(site, "cy"), site.pid("ada") == after["ada"]) == (True, True, True)
    pids = site.pids()
    for _ in range(LIMIT + 1):
        assert site.run().applied.outcomes == ()
    assert (site.pids(), site.records().repeats) == (pids, {})
    site.gateways.ill = lambda program: ""
    site.version(NEWEST, "and once more")
    site.wizards["ada"]["config"] = {"display": {"v": 1}}
    site.push("a mend")
    site.settle()
    assert {site.running(name) for name in site.wizards} == {NEWEST}


def test_a_generated_one_can_be_made_anew(site: Site, waiting: tuple[Path, Path]) -> None:
    key, pid, ref = site.key("bo"), site.pid("bo"), SecretRef("generate", "bo/API_SERVER_KEY")
    with site.bound() as (host, reconciler):
        host.secrets.renew(ref)
        request = Request("rotated", Rules(only=frozenset({"bo"})))
        written = reconciler.plan(request).plan.change("wizard/bo/file/home/.env")
        assert (written.disposition, ref in secret_refs(written.resource)) == (Disposition.APPLY, True)
        assert reconciler.run(request).done
    assert (site.key("bo") != key, site.pid("bo") != pid, site.running("bo")) == (True, True, NEW)
    assert site.run().applied.outcomes == ()


def test_a_text_of_the_commit_that_failed_waits_with_it_and_one_it_only_names_does_not(
    site: Site, tokens: tuple[Path, Path]
) -> None:
    other = site.folder / "other"
    other.write_text("c1\n")
    site.wizards["bo"]["env"] = {"A_TOKEN": {"file": str(tokens[0])}, "B_TOKEN": {"file": str(other)}}
    site.gateways.ill = runs(NEWEST)
    tokens[0].write_text("a2\n")
    site.version(NEWEST)
    site.run()
    site.run()
    assert (site.running("bo"), "A_TOKEN=a2" in env(site), "B_TOKEN=b1" in env(site)) == (NEW, True, True)


def test_one_that_does_not_hold_on_it_gets_the_text_of_its_time_again(site: Site, waiting: tuple[Path, Path]) -> None:
    def ill(program: Program) -> str:
        revoked = program.name == "bo-body" and "b2" in env(site)
        return "revoked" if revoked or release(program) == NEWEST else ""

    site.gateways.ill = ill
    waiting[1].write_text("b2\n")
    for _ in range(LIMIT):
        assert not site.run().done
        assert (site.running("bo"), "b1" in env(site), bool(site.pid("bo"))) == (NEW, True, True)
    pid = site.pid("bo")
    report = site.run()
    assert (report.applied.outcomes, site.pid("bo")) == ((), pid)
    assert "and did not last" in report.left.change("wizard/bo/body").obstacle
    assert "bo" not in site.records().quarantines
    waiting[1].write_text("b3\n")
    assert site.run().done
    assert ("b3" in env(site), site.run().applied.outcomes) == (True, ())


def test_one_that_is_down_and_does_not_hold_on_it_runs_on_the_text_of_its_time(
    site: Site, waiting: tuple[Path, Path]
) -> None:
    site.gateways.ill = lambda p: "bad" if release(p) == NEWEST or (p.name == "bo-body" and "b2" in env(site)) else ""
    waiting[1].write_text("b2\n")
    site.gateways.crash("bo-body", 0)
    for _ in range(LIMIT + 2):
        site.run()
        assert (bool(site.pid("bo")), "b1" in env(site)) == (True, True)
    starts = [e for e in site.entries("bo") if e.operation == Operation.START.value]
    site.run()
    assert [e for e in site.entries("bo") if e.operation == Operation.START.value] == starts


def test_a_text_that_is_another_wizards_is_not_taken(site: Site) -> None:
    one, two = site.folder / "one", site.folder / "two"
    of_ada, of_bo = (f"{number}:{'A' * 35}" for number in (10**9, 10**9 + 1))
    for name, path, text in (("ada", one, of_ada), ("bo", two, of_bo)):
        path.write_text(text)
        site.wizards[name]["telegram"] = {"token": {"file": str(path)}}
    site.push("bots")
    site.settle()
    two.write_text(of_ada)
    assert site.run().applied.outcomes == ()
    site.gateways.crash("bo-body", 0)
    site.run()
    assert site.pid("bo")
    assert of_bo in env(site)
    assert site.run().applied.outcomes == ()


def test_a_paused_one_keeps_what_it_has(site: Site, waiting: tuple[Path, Path]) -> None:
    with site.bound() as (host, _):
        host.ledger.pause(Pause("bo", "", "2026-01-01T00:00:00Z"))
    waiting[1].write_text("b2\n")
    assert site.run().applied.outcomes == ()
    assert "b1" in env(site)


def test_a_text_that_can_not_be_read_for_a_while_restarts_nobody(site: Site, waiting: tuple[Path, Path]) -> None:
    waiting[1].write_text("b2\n")
    site.run()
    pid = site.pid("bo")
    assert "b2" in env(site)
    waiting[1].unlink()
    site.run()
    assert (site.pid("bo"), "b2" in env(site)) == (pid, True)
    waiting[1].write_text("b2\n")
    site.run()
    assert (site.pid("bo"), "b2" in env(site)) == (pid, True)


def test_restarts_for_newer_texts_beyond_the_policy_keep_nobody_down(site: Site, waiting: tuple[Path, Path]) -> None:
    """bo and cy read the token, and only one may be restarted; ada has nothing to do with it."""
    site.policy = {"max_restarts": 1}
    site.push("stricter")
    site.run()
    pids = site.pids()
    waiting[0].write_text("a2\n")
    site.gateways.crash("ada-body", 0)
    site.run()
    assert site.pid("ada")
    assert {name: site.pid(name) for name in ("bo", "cy")} == {name: pids[name] for name in ("bo", "cy")}


def test_a_text_that_the_host_does_not_keep_leaves_nobody_down(site: Site, waiting: tuple[Path, Path]) -> None:
    """bo waits for its new name on a newer text, which has been changed once more when it ends."""
    waiting[1].write_text("b2\n")
    site.run()
    (site.root / "eve").mkdir()
    site.wizards["eve"] = {**site.wizards.pop("bo"), "name": "eve", "formerly": ["bo"]}
    site.gateways.ill = runs(NEWEST)
    site.push("bo is eve")
    site.run()
    waiting[1].write_text("b3\n")
    site.gateways.crash("bo-body", 0)
    site.run()
    assert site.pid("bo")
