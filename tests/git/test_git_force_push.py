"""A rewritten branch: followed or refused as the settings say, and never a halt."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.adapters.git_source import GitSource
from reconciler.errors import Refused
from tests.git.upstream import Upstream


def test_refused_names_both_and_the_mend_and_keeps_the_old(upstream: Upstream, tmp_path: Path) -> None:
    source = GitSource(tmp_path / "s", str(upstream.path), "main", "fleet", "refuse")
    upstream.commit({"fleet/a": "0"}, "root")
    old = upstream.commit({"fleet/a": "1"}, "old")
    source.fetch()
    new = upstream.commit({"fleet/a": "2"}, "new", parents=())
    for _ in range(3):
        with pytest.raises(Refused, match="force_push") as caught:
            source.fetch()
        assert old in str(caught.value)
        assert new in str(caught.value)
        assert source.tip() == old
        assert dict(source.read(old)) == {"fleet/a": b"1"}
    upstream.git("update-ref", "refs/heads/main", old)
    assert source.fetch().commit == old


def test_a_refusal_ends_with_a_descendant_or_another_setting(upstream: Upstream, tmp_path: Path) -> None:
    source = GitSource(tmp_path / "s", str(upstream.path), "main", "fleet", "refuse")
    old = upstream.commit({"fleet/a": "1"}, "old")
    source.fetch()
    new = upstream.commit({"fleet/a": "2"}, "new", parents=())
    with pytest.raises(Refused):
        source.fetch()
    follower = GitSource(tmp_path / "s", str(upstream.path), "main", "fleet", "follow")
    assert follower.fetch().commit == new
    assert source.fetch().notice == ""
    upstream.git("update-ref", "refs/heads/main", old)
    with pytest.raises(Refused):
        source.fetch()
    joined = upstream.commit({"fleet/a": "1"}, "join", parents=(old, new))
    fetched = source.fetch()
    assert (fetched.commit, fetched.notice) == (joined, "")


def test_followed_is_said_once(upstream: Upstream, tmp_path: Path) -> None:
    source = GitSource(tmp_path / "s", str(upstream.path), "main", "fleet", "follow")
    first = upstream.commit({"fleet/a": "0"}, "first")
    old = upstream.commit({"fleet/a": "1"}, "old")
    source.fetch()
    upstream.git("update-ref", "refs/heads/main", first)
    fetched = source.fetch()
    assert fetched.commit == first
    assert "force-pushed" in fetched.notice
    assert old in fetched.notice
    assert source.fetch().notice == ""
