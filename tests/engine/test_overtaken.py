"""Which commits a pass on a newer one stands for, from a real repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.engine.overtaken import Overtaken
from tests.engine.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    found = Site(tmp_path)
    found.push("The fleet")
    return found


def test_only_named_commits_of_the_branch_that_got_no_pass_are_told_once(site: Site) -> None:
    with site.bound() as (host, _):
        first = host.source.fetch().commit
        pushed = [site.config("ada", compact=compact) for compact in (True, False, True)]
        host.source.fetch()
        overtaken = Overtaken(host.source)
        assert overtaken.by(first) == ()
        for commit in (pushed[1], pushed[2], "ab" * 20, ""):
            overtaken.name(commit)
        assert overtaken.by(pushed[2]) == (pushed[1],)
        assert overtaken.by(pushed[2]) == ()


def test_before_the_first_pass_nothing_is_overtaken(site: Site) -> None:
    with site.bound() as (host, _):
        first = host.source.fetch().commit
        newest = site.config("ada", compact=True)
        host.source.fetch()
        overtaken = Overtaken(host.source)
        overtaken.name(first)
        assert overtaken.by(newest) == ()
