"""Commit trailers that lift the blast radius, in the histories that people make with Git."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.engine.allow import restarts_made
from reconciler.engine.reconcile import Reconciler
from reconciler.engine.request import Request
from reconciler.errors import Refused
from reconciler.plan.held import Pause
from reconciler.plan.trailers import restarts_allowed
from reconciler.protocols.runtime import Program
from tests.engine.site import Site

DELETES = "cy leaves\n\nAllow-Delete: cy"


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_a_removal_counts_when_it_was_merged_with_what_others_pushed_meanwhile(site: Site, first: str) -> None:
    """As after `git pull` (the first parent is ours), and as a forge merges a branch (theirs)."""
    base = site.remote.git("rev-parse", "main")
    before = site.remote.files(base)
    after = {name: text for name, text in before.items() if name != "fleet/cy.yaml"}
    more = "role: Scribe\n"
    ours = site.remote.commit(after, DELETES, branch="side", parents=(base,))
    theirs = site.remote.commit({**before, "fleet/bo.yaml": before["fleet/bo.yaml"] + more}, "bo writes")
    parents = (ours, theirs) if first == "ours" else (theirs, ours)
    site.remote.commit({**after, "fleet/bo.yaml": after["fleet/bo.yaml"] + more}, "Merge", parents=parents)
    assert site.run().done
    assert site.pid("cy") is None
    assert site.pid("bo") is not None


def test_a_trailer_says_nothing_of_what_a_later_commit_takes_away(site: Site) -> None:
    site.wizards["bo"]["role"] = "Scribe"
    site.push("bo writes\n\nAllow-Delete: cy")
    del site.wizards["cy"]
    site.push("a slip")
    with pytest.raises(Refused, match="allows to remove cy, and declares it, or a later one does"):
        site.run()
    assert site.pid("cy")
    site.push("said afterwards\n\nAllow-Delete: cy")
    assert site.run().done
    assert site.pid("cy") is None


def test_a_trailer_on_a_commit_that_can_not_be_read_delays_no_later_one(site: Site) -> None:
    files = site.remote.files(site.remote.git("rev-parse", "main"))
    after = {name: text for name, text in files.items() if name != "fleet/cy.yaml"}
    site.remote.commit({**after, "fleet/many.yaml": "x" * (11 * 1024 * 1024)}, DELETES)
    site.remote.commit(after, "a mend")
    assert site.run().done
    assert site.pid("cy") is None


@pytest.mark.parametrize("number", ["²", "٣", "-3", "9" * 5000, "many", ""])
def test_a_number_of_restarts_that_is_none_allows_none(number: str) -> None:
    assert restarts_allowed((("Allow-Restarts", number),)) == 0
    assert restarts_allowed((("Allow-Restarts", number), ("allow-restarts", " 12 "))) == 12


def test_a_wizard_that_moves_to_another_host_leaves_though_a_later_commit_has_it_there(site: Site) -> None:
    site.hosts["there"] = {}
    for document in site.wizards.values():
        document["host"] = "here"
    site.push("another host")
    site.settle()
    site.wizards["cy"]["host"] = "there"
    site.push("cy moves\n\nAllow-Delete: cy")
    site.wizards["bo"]["role"] = "Scribe"
    site.push("bo writes")
    assert site.run().done
    assert site.pid("cy") is None


# Restarts


def keyed(site: Site) -> Path:
    """All three need a key that is not there yet; one restart at once is allowed, and the commit asks for three."""
    site.policy = {"max_restarts": 1}
    site.push()
    site.settle()
    key = site.folder / "key.txt"
    for document in site.wizards.values():
        document["env"] = {"EXTRA": {"file": str(key)}}
    site.push("a key for all\n\nAllow-Restarts: 3")
    return key


def put_down(key: Path) -> None:
    key.write_text("abc\n")
    key.chmod(0o600)


def test_restarts_are_not_used_up_by_a_pass_that_made_none(site: Site) -> None:
    key = keyed(site)
    pids = site.pids()
    for _ in range(2):
        assert site.run().left.waiting
    put_down(key)
    site.settle()
    assert not pids.items() & site.pids().items()


def test_also_where_a_newer_commit_comes_in_between(site: Site) -> None:
    key = keyed(site)
    site.run()
    site.push("nothing new")
    site.run()
    put_down(key)
    site.settle()


def paused(site: Site, *names: str) -> None:
    with site.bound() as (host, _):
        for name in names:
            host.ledger.pause(Pause(name, "", "2026-01-01T00:00:00Z"))


def resumed(site: Site, *names: str) -> None:
    with site.bound() as (host, _):
        for name in names:
            assert host.ledger.resume(name)


def test_less_those_that_were_made_for_it(site: Site) -> None:
    site.policy = {"max_restarts": 0}
    site.push()
    site.settle()
    paused(site, "bo", "cy")
    for name in ("ada", "bo"):
        site.wizards[name]["config"] = {"display": {"compact": True}}
    commit = site.push("two\n\nAllow-Restarts: 2")
    assert site.run().done
    site.wizards["cy"]["config"] = {"display": {"compact": True}}
    site.push("a third")
    resumed(site, "bo", "cy")
    with pytest.raises(Refused, match=f"commit {commit[:7]} allows 2, and 1 were made since"):
        site.run()
    paused(site, "cy")
    assert site.run().done
    assert site.display("bo") == {"compact": True}
    resumed(site, "cy")
    with pytest.raises(Refused, match="allows 0 at once"):
        site.run()
    assert site.display("cy") is None


def test_after_a_kill_the_next_pass_goes_on_with_what_is_left(site: Site) -> None:
    site.policy = {"max_restarts": 0}
    site.push()
    site.settle()
    for document in site.wizards.values():
        document["config"] = {"display": {"compact": True}}
    commit = site.push("all\n\nAllow-Restarts: 3")

    class Killed(BaseException):
        pass

    def die(program: Program) -> None:
        raise Killed

    site.gateways.acts = die
    with site.bound() as (host, _), pytest.raises(Killed):
        Reconciler(replace(host, limits=replace(host.limits, concurrency=1))).run(Request("test"))
    site.gateways.acts = lambda _: None
    with site.bound() as (host, _):
        made = restarts_made(host.ledger)[commit]
    assert 0 < made <= 3
    site.settle()
    with site.bound() as (host, _):
        assert restarts_made(host.ledger)[commit] == 3


def test_a_commit_that_is_applied_allows_nothing_more(site: Site) -> None:
    site.policy = {"max_restarts": 0}
    site.push()
    site.settle()
    site.config("ada", compact=True)
    site.push("one of five\n\nAllow-Restarts: 5")
    site.settle()
    site.config("bo", compact=True)
    with pytest.raises(Refused, match="allows 0 at once"):
        site.run()


# What was meant for a trailer


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ("x\n\nAllow-Delete: Cy", "says `Allow-Delete: Cy`, and names of wizards are lower-case"),
        ("x\n\nAllow-Deletes: cy", "says `Allow-Deletes: cy`, and the trailer is called `Allow-Delete`"),
        ("x\n\nAllow-Delete: cy\n\nmore words", "says `Allow-Delete: cy`, where Git reads none"),
        ("Allow-Delete: cy", "says `Allow-Delete: cy`, where Git reads none"),
    ],
)
def test_a_line_that_does_not_count_is_named(site: Site, message: str, says: str) -> None:
    del site.wizards["cy"]
    commit = site.push(message)
    with pytest.raises(Refused) as told:
        site.run()
    assert f"say --allow-delete cy; commit {commit[:7]} {says}" in str(told.value)
    assert site.pid("cy")


def test_backticks_as_our_own_messages_have_them_do_no_harm(site: Site) -> None:
    del site.wizards["cy"]
    site.push("cy leaves\n\nAllow-Delete: `cy`")
    site.settle()
    assert site.pid("cy") is None
