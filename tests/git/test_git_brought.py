"""What a push brings, read from real repositories: bounds, and portions."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.adapters.git_brought import Brought, brought
from reconciler.adapters.git_repo import open_repo
from reconciler.errors import Terminal
from reconciler.spec.contents import Limits
from tests.git.upstream import Upstream

MIB = 1024 * 1024


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    return Upstream(tmp_path / "fleet.git")


def loose(upstream: Upstream) -> None:
    """No ref leads to anything any more, as while it is being pushed."""
    for ref in upstream.git("for-each-ref", "--format=%(refname)").splitlines():
        upstream.git("update-ref", "-d", ref)


def found(upstream: Upstream, tip: str, folder: str = "fleet", limits: Limits | None = None) -> list[Brought]:
    with open_repo(upstream.path) as repo:
        return list(brought(repo, [tip], folder, limits or Limits()))


def test_each_content_once_in_the_commit_that_brings_it_first(upstream: Upstream) -> None:
    first = upstream.commit({"fleet/a": "1", "b": "2", "fleet/deep/c": "3"})
    second = upstream.commit({"fleet/a": "4", "fleet/copy": "3", "fleet/sub": ("160000", first)})
    third = upstream.commit({"fleet/a": "1", "fleet/copy": "3"})
    loose(upstream)
    assert found(upstream, third) == [
        Brought(first, "fleet/a", b"1"),
        Brought(first, "fleet/deep/c", b"3"),
        Brought(second, "fleet/a", b"4"),
    ]
    assert {one.path for one in found(upstream, first, "")} == {"fleet/a", "b", "fleet/deep/c"}


def test_commits_that_a_ref_leads_to_are_not_gone_through(upstream: Upstream) -> None:
    upstream.commit({"fleet/a": "1"})
    tip = upstream.commit({"fleet/a": "2"}, branch="new")
    assert [one.data for one in found(upstream, tip)] == []
    upstream.git("update-ref", "-d", "refs/heads/new")
    assert [one.data for one in found(upstream, tip)] == [b"2"]


def test_more_than_is_held_in_memory_at_once(upstream: Upstream) -> None:
    tip = upstream.commit({f"fleet/{name}": name * (3 * MIB) for name in "abc"})
    loose(upstream)
    assert [(one.path, len(one.data)) for one in found(upstream, tip)] == [(f"fleet/{n}", 3 * MIB) for n in "abc"]


@pytest.mark.parametrize(
    ("limits", "match"),
    [
        (Limits(blob=10), "fleet/big: the file has 11 bytes in commit .*; 10 can be searched"),
        (
            Limits(files=1),
            "the push brings 2 files below fleet; 1 can be searched .* .push it in parts",
        ),
        (Limits(total=11), "the push brings 12 bytes below fleet; 11 can be searched"),
    ],
)
def test_limits_hold_before_anything_is_read(limits: Limits, match: str, upstream: Upstream) -> None:
    tip = upstream.commit({"fleet/a": "1", "fleet/big": "x" * 11, "big": "x" * 20})
    loose(upstream)
    with pytest.raises(Terminal, match=match):
        found(upstream, tip, limits=limits)
