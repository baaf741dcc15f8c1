"""Commit trailers that lift the blast radius, in the histories that people make with Git."""

from __future__ import annotations

import pytest

from reconciler.errors import Refused
from reconciler.plan.policy import restarts_allowed
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
    with pytest.raises(Refused, match="it would remove 1 wizard"):
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
