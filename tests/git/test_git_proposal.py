"""Merge results of pull requests, from real repositories, without a work tree, and without running what they bring."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from reconciler.adapters.git_proposal import BLOCK, GitProposals, size_of
from reconciler.adapters.git_remote import Access
from reconciler.adapters.git_source import GitSource
from reconciler.errors import Retryable, Terminal
from reconciler.spec.contents import Limits
from tests.git.http_backend import smart_http
from tests.git.upstream import Upstream

FLEET = {"fleet/fleet.yaml": "kind: Fleet\n", "fleet/a.yaml": "1\n2\n3\n4\n5\n6\n7\n", "README.md": "x\n"}


def propose(
    upstream: Upstream, number: int, files: dict[str, str | bytes | tuple[str, str]], message: str = "p"
) -> str:
    """A pull request on top of main as it is now."""
    start = upstream.git("rev-parse", "main")
    commit = upstream.commit(files, message, branch=f"work-{number}", parents=(start,))
    upstream.git("update-ref", f"refs/pull/{number}/head", commit)
    return commit


def made(tmp_path: Path, url: str, folder: str = "fleet", **more: object) -> GitProposals:
    return GitProposals(tmp_path / "state", url, "main", folder, **more)  # type: ignore[arg-type]


@pytest.fixture
def proposals(tmp_path: Path, upstream: Upstream) -> GitProposals:
    upstream.commit(FLEET, "first")
    return made(tmp_path, str(upstream.path))


def test_a_branch_that_holds_its_base_is_the_result(proposals: GitProposals, upstream: Upstream) -> None:
    base = upstream.git("rev-parse", "main")
    head = propose(upstream, 1, {**FLEET, "fleet/b.yaml": b"\xff\0"}, "add b\n\nAllow-Delete: ezra\n")
    merge = proposals.merge(1)
    assert (merge.base, merge.head, merge.conflicts) == (base, head, ())
    assert merge.files["fleet/b.yaml"] == b"\xff\0"
    assert sorted(merge.before) == ["fleet/a.yaml", "fleet/fleet.yaml"]
    assert [(c.commit, c.subject, c.trailers) for c in merge.commits] == [(head, "add b", (("Allow-Delete", "ezra"),))]


def test_both_sides_are_in_the_result(proposals: GitProposals, upstream: Upstream) -> None:
    head = propose(upstream, 7, {**FLEET, "fleet/a.yaml": "1\n2\n3\n4\n5\n6\nhead\n"})
    base = upstream.commit({**FLEET, "fleet/a.yaml": "base\n2\n3\n4\n5\n6\n7\n", "fleet/c.yaml": "c"})
    merge = proposals.merge(7)
    assert (merge.base, merge.head) == (base, head)
    assert merge.files["fleet/a.yaml"] == b"base\n2\n3\n4\n5\n6\nhead\n"
    assert merge.files["fleet/c.yaml"] == b"c"
    assert merge.before["fleet/a.yaml"] == b"base\n2\n3\n4\n5\n6\n7\n"


def test_conflicts_are_named(proposals: GitProposals, upstream: Upstream) -> None:
    propose(upstream, 1, {**FLEET, "fleet/a.yaml": "mine\n", "fleet/ünï `x`.yaml": "mine"})
    upstream.commit({**FLEET, "fleet/a.yaml": "theirs\n", "fleet/ünï `x`.yaml": "theirs"})
    merge = proposals.merge(1)
    assert merge.conflicts == ("fleet/a.yaml", "fleet/ünï `x`.yaml")
    assert merge.files == {}


def test_what_is_merged_already_changes_nothing(proposals: GitProposals, upstream: Upstream) -> None:
    propose(upstream, 1, {**FLEET, "fleet/b.yaml": "b"})
    upstream.git("update-ref", "refs/heads/main", "refs/heads/work-1")
    upstream.commit({**FLEET, "fleet/b.yaml": "b", "fleet/c.yaml": "c"})
    merge = proposals.merge(1)
    assert (merge.files, merge.commits) == (merge.before, ())


def test_every_call_sees_what_was_pushed_meanwhile(proposals: GitProposals, upstream: Upstream) -> None:
    propose(upstream, 1, {**FLEET, "fleet/b.yaml": "one"})
    assert proposals.merge(1).files["fleet/b.yaml"] == b"one"
    start = upstream.git("rev-parse", "main")
    forced = upstream.commit({**FLEET, "fleet/b.yaml": "two"}, branch="work-1", parents=(start,))
    upstream.git("update-ref", "refs/pull/1/head", forced)
    assert proposals.merge(1).files["fleet/b.yaml"] == b"two"


def test_what_is_not_there_is_said(proposals: GitProposals, upstream: Upstream, tmp_path: Path) -> None:
    with pytest.raises(Terminal, match="there is no pull request 9"):
        proposals.merge(9)
    propose(upstream, 1, FLEET)
    with pytest.raises(Terminal, match="no branch 'release'"):
        GitProposals(tmp_path / "other", str(upstream.path), "release", "fleet").merge(1)
    propose(upstream, 2, {"README.md": "the fleet is gone"})
    with pytest.raises(Terminal, match="'fleet' does not exist"):
        proposals.merge(2)
    other = upstream.commit({"fleet/x": "x"}, branch="work-3", parents=())
    upstream.git("update-ref", "refs/pull/3/head", other)
    with pytest.raises(Terminal, match="no commit in common"):
        proposals.merge(3)


def test_a_remote_that_is_away_is_retryable(proposals: GitProposals, upstream: Upstream) -> None:
    propose(upstream, 1, FLEET)
    proposals.merge(1)
    shutil.rmtree(upstream.path)
    with pytest.raises(Retryable, match="can't be reached"):
        proposals.merge(1)


@pytest.mark.parametrize(("files", "match"), [({"fleet/big": "x" * 100}, "limit is 50"), ({}, "symbolic link")])
def test_limits_and_links_hold_for_merge_results(
    files: dict[str, str], match: str, upstream: Upstream, tmp_path: Path
) -> None:
    upstream.commit({"fleet/a": "1"})
    link = ("120000", upstream.blob("/etc/passwd"))
    propose(upstream, 1, {"fleet/a": "1", **(files or {"fleet/link": link})})
    upstream.commit({"fleet/a": "1", "other": "2"})
    with pytest.raises(Terminal, match=match):
        made(tmp_path, str(upstream.path), limits=Limits(blob=50)).merge(1)


def test_the_mirror_gets_no_object_and_no_ref_of_a_stranger(upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit(FLEET)
    source = GitSource(tmp_path / "state", str(upstream.path), "main", "fleet")
    source.fetch()
    head = propose(upstream, 1, {**FLEET, "fleet/b.yaml": "strange"})
    made(tmp_path, str(upstream.path)).merge(1)
    mirror, own = Upstream.__new__(Upstream), Upstream.__new__(Upstream)
    mirror.path, own.path = tmp_path / "state/git/source.git", tmp_path / "state/git/proposals.git"
    assert head not in mirror.git("cat-file", "--batch-all-objects", "--batch-check")
    assert own.git("for-each-ref") == ""
    kept = own.git("count-objects")
    assert int(kept.split()[0]) < 10  # the fleet's own objects are borrowed


@pytest.mark.parametrize("harm", ["not a repository", "objects gone", "alternates dangle"])
def test_damage_is_mended_by_beginning_anew(harm: str, upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit(FLEET)
    GitSource(tmp_path / "state", str(upstream.path), "main", "fleet").fetch()
    propose(upstream, 1, {**FLEET, "fleet/b.yaml": "b"})
    upstream.commit({**FLEET, "fleet/c.yaml": "c"})
    proposals = made(tmp_path, str(upstream.path))
    expected = dict(proposals.merge(1).files)
    git = tmp_path / "state/git"
    match harm:
        case "not a repository":
            (git / "proposals.git/HEAD").write_text("nonsense")
        case "objects gone":
            for folder in (git / "proposals.git/objects").glob("??"):
                shutil.rmtree(folder)
        case _:
            shutil.rmtree(git / "source.git")
    assert dict(proposals.merge(1).files) == expected


def test_it_does_not_grow_without_end(upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit(FLEET)
    proposals = made(tmp_path, str(upstream.path), largest=40 * BLOCK)
    sizes = []
    for number in range(1, 30):
        propose(upstream, number, {**FLEET, f"fleet/{number}.yaml": f"{number}"})
        proposals.merge(number)
        sizes.append(size_of(tmp_path / "state/git/proposals.git/objects"))
    assert max(sizes) < 80 * BLOCK
    assert sizes != sorted(sizes)


def test_no_driver_filter_or_hook_of_anybody_is_run(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator's own Git knows drivers and filters by these names; attributes in the tree, in the operator's
    configuration and in the environment ask for them."""
    home, ran = tmp_path / "home", tmp_path / "ran"
    evil = f"touch {ran}"
    (home / ".config/git").mkdir(parents=True)
    (home / ".config/git/attributes").write_text("* merge=evil filter=evil diff=evil\n")
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-merge", "pre-merge-commit", "reference-transaction", "post-checkout", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\n{evil}\n")
        (hooks / name).chmod(0o755)
    config = (
        f'[merge]\n default = evil\n renormalize = true\n[merge "evil"]\n driver = {evil}\n'
        f'[filter "evil"]\n clean = {evil}\n smudge = {evil}\n[diff "evil"]\n textconv = {evil}\n command = {evil}\n'
        f"[core]\n hooksPath = {hooks}\n fsmonitor = {evil}\n alternateRefsCommand = {evil}\n"
    )
    (home / ".gitconfig").write_text(config)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "merge.evil.driver")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", evil)
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", evil)
    strange = {
        ".gitattributes": "* merge=evil filter=evil diff=evil\n",
        "fleet/.gitattributes": "* merge=evil filter=evil\n",
        ".gitconfig": config,
        ".gitmodules": '[submodule "x"]\n path = x\n url = ext::sh -c "' + evil + '"\n',
    }
    upstream.commit({**FLEET, ".gitattributes": "* merge=evil\n"})
    GitSource(tmp_path / "state", str(upstream.path), "main", "fleet").fetch()
    propose(upstream, 1, {**FLEET, **strange, "fleet/a.yaml": "1\n2\n3\n4\n5\n6\nhead\n"})
    upstream.commit({**FLEET, ".gitattributes": "* merge=evil\n", "fleet/a.yaml": "base\n2\n3\n4\n5\n6\n7\n"})
    merge = made(tmp_path, str(upstream.path)).merge(1)
    assert merge.files["fleet/a.yaml"] == b"base\n2\n3\n4\n5\n6\nhead\n"
    assert not ran.exists()


def test_an_old_git_is_told_and_is_not_needed_for_a_fresh_branch(
    proposals: GitProposals, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    propose(upstream, 1, {**FLEET, "fleet/b.yaml": "b"})
    real = shutil.which("git")
    (tmp_path / "bin").mkdir()
    old = tmp_path / "bin/git"
    old.write_text(f'#!/bin/sh\n[ "$1" = version ] && echo git version 2.30.2 && exit\nexec {real} "$@"\n')
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}:{os.environ['PATH']}")
    assert proposals.merge(1).files["fleet/b.yaml"] == b"b"
    upstream.commit({**FLEET, "fleet/c.yaml": "c"})
    with pytest.raises(Terminal, match=r"git version 2\.30\.2 can't merge") as caught:
        proposals.merge(1)
    assert "Git 2.38" in caught.value.mend


def test_over_http_with_a_token(upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit(FLEET)
    propose(upstream, 1, {**FLEET, "fleet/b.yaml": "b"})
    upstream.commit({**FLEET, "fleet/c.yaml": "c"})
    with smart_http(upstream.path.parent, token="open sesame") as base:
        url = f"{base}/{upstream.path.name}"
        merge = made(tmp_path, url, access=Access(lambda: "open sesame")).merge(1)
        assert {"fleet/b.yaml", "fleet/c.yaml"} < merge.files.keys()
        with pytest.raises(Retryable) as caught:
            made(tmp_path, url, access=Access(lambda: "wrong secret")).merge(1)
    assert "wrong secret" not in str(caught.value)
