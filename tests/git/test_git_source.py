"""A fleet read from real repositories, at one commit, without a checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.adapters.git_source import GitSource
from reconciler.errors import Retryable, Terminal
from reconciler.spec.contents import Limits
from tests.git.upstream import Upstream


@pytest.fixture
def source(tmp_path: Path, upstream: Upstream) -> GitSource:
    return GitSource(tmp_path / "state", str(upstream.path), "main", "fleet")


def test_reads_the_folder_at_the_commit(source: GitSource, upstream: Upstream) -> None:
    files = {"fleet/fleet.yaml": "kind: Fleet\n", "fleet/w/ezra.yaml": "no newline at the end", "README.md": "x"}
    first = upstream.commit(files)
    assert source.fetch().commit == first
    second = upstream.commit({"fleet/fleet.yaml": b"\xff\0 bytes as they are\n\n"})
    fetched = source.fetch()
    assert (fetched.commit, fetched.notice) == (second, "")
    assert dict(source.read(second)) == {"fleet/fleet.yaml": b"\xff\0 bytes as they are\n\n"}
    assert dict(source.read(first)) == {
        "fleet/fleet.yaml": b"kind: Fleet\n",
        "fleet/w/ezra.yaml": b"no newline at the end",
    }


def test_a_new_process_finds_what_an_earlier_one_fetched(source: GitSource, upstream: Upstream, tmp_path: Path) -> None:
    commit = upstream.commit({"fleet/a": "1"})
    source.fetch()
    source.accept(commit)
    again = GitSource(tmp_path / "state", str(upstream.path), "main", "fleet")
    assert again.last_good() == again.tip() == commit
    assert dict(again.read(commit)) == {"fleet/a": b"1"}


@pytest.mark.parametrize("form", ["path", "file"])
def test_forms_of_a_local_address(form: str, upstream: Upstream, tmp_path: Path) -> None:
    commit = upstream.commit({"fleet/a": "1"})
    url = str(upstream.path) if form == "path" else upstream.path.as_uri()
    assert GitSource(tmp_path / "s", url, "main", "fleet").fetch().commit == commit


def test_the_whole_repository_as_the_folder(upstream: Upstream, tmp_path: Path) -> None:
    commit = upstream.commit({"a": "1", "b/c": "2"})
    source = GitSource(tmp_path / "s", str(upstream.path), "main", "")
    source.fetch()
    assert dict(source.read(commit)) == {"a": b"1", "b/c": b"2"}


def test_unicode_and_odd_names(source: GitSource, upstream: Upstream) -> None:
    names = [
        "fleet/ünï/çödé 魔法.yaml",
        'fleet/qu"ote\\.yaml',
        "fleet/-rf",
        "fleet/$(x);`y`",
        "fleet/*",
        "fleet/:(top)x",
    ]
    commit = upstream.commit({name: name for name in names})
    source.fetch()
    assert dict(source.read(commit)) == {name: name.encode() for name in names}
    for name in names:
        assert source.last_change(commit, name).commit == commit


@pytest.mark.parametrize(("raw", "match"), [(b"new\nline", "control"), (b"esc\x1b[2J", "control"), (b"\xff", "UTF-8")])
def test_names_that_mislead_are_refused(raw: bytes, match: str, source: GitSource, upstream: Upstream) -> None:
    blob = upstream.blob("x").encode()
    inner = upstream.git("mktree", "-z", feed=b"100644 blob " + blob + b"\t" + raw + b"\0")
    commit = upstream.commit_tree(upstream.git("mktree", feed=f"040000 tree {inner}\tfleet\n".encode()), "odd")
    source.fetch()
    with pytest.raises(Terminal, match=match) as caught:
        source.read(commit)
    assert str(caught.value).isprintable()


def test_an_empty_repository(source: GitSource) -> None:
    with pytest.raises(Terminal, match=r"empty.*push"):
        source.fetch()


def test_a_missing_branch_names_those_that_exist(source: GitSource, upstream: Upstream) -> None:
    upstream.commit({"fleet/a": "1"}, branch="develop")
    upstream.commit({"fleet/a": "1"}, branch="release/1")
    with pytest.raises(Terminal, match=r"no branch 'main'.*develop, release/1"):
        source.fetch()
    commit = upstream.commit({"fleet/a": "1"})
    assert source.fetch().commit == commit


def test_a_missing_folder_names_those_that_exist(source: GitSource, upstream: Upstream) -> None:
    commit = upstream.commit({"floot/a": "1", "docs/b": "2", "top": "3"})
    source.fetch()
    with pytest.raises(Terminal, match=r"'fleet' does not exist.*docs, floot"):
        source.read(commit)
    file = upstream.commit({"fleet": "a file"})
    source.fetch()
    with pytest.raises(Terminal, match="is a file"):
        source.read(file)


def test_links_and_submodules_are_refused_by_name(source: GitSource, upstream: Upstream) -> None:
    link = upstream.commit({"fleet/a": "1", "fleet/etc": ("120000", upstream.blob("/etc/passwd"))})
    source.fetch()
    with pytest.raises(Terminal, match=r"fleet/etc: is a symbolic link"):
        source.read(link)
    module = upstream.commit({"fleet/a": "1", "fleet/sub": ("160000", link)})
    source.fetch()
    with pytest.raises(Terminal, match=r"fleet/sub: is a submodule"):
        source.read(module)
    outside = upstream.commit({"fleet/a": "1", "etc": ("120000", upstream.blob("/etc/passwd"))})
    source.fetch()
    assert dict(source.read(outside)) == {"fleet/a": b"1"}


@pytest.mark.parametrize(
    ("limits", "match"),
    [
        (Limits(blob=10), r"fleet/big: the file has 11 bytes; the limit is 10"),
        (Limits(files=1), r"holds 2 files; the limit is 1"),
        (Limits(total=11), r"holds 12 bytes; the limit is 11"),
    ],
)
def test_limits(limits: Limits, match: str, upstream: Upstream, tmp_path: Path) -> None:
    commit = upstream.commit({"fleet/a": "1", "fleet/big": "x" * 11})
    source = GitSource(tmp_path / "s", str(upstream.path), "main", "fleet", limits=limits)
    source.fetch()
    with pytest.raises(Terminal, match=match):
        source.read(commit)


def test_trailers_are_those_of_the_last_paragraph(source: GitSource, upstream: Upstream) -> None:
    message = (
        "Remove ezra \x1b[31m\n\nNot-A-Trailer: in the body\n\nmore text\n\n"
        "Allow-Deletions: 2\nWhy: folded\n over two lines\nallow-deletions:3\n"
    )
    commit = upstream.commit({"fleet/a": "1"}, message)
    source.fetch()
    revision = source.revision(commit)
    assert revision.trailers == (
        ("Allow-Deletions", "2"),
        ("Why", "folded over two lines"),
        ("allow-deletions", "3"),
    )
    assert (revision.commit, revision.author) == (commit, "Ann Other")
    assert revision.subject.startswith("Remove ezra ")
    assert revision.subject.isprintable()
    assert revision.when.endswith("Z")
    assert revision.when[10] == "T"


def test_since_is_newest_first_and_knows_merges(source: GitSource, upstream: Upstream) -> None:
    base = upstream.commit({"fleet/a": "0"}, "base")
    ours = upstream.commit({"fleet/a": "1"}, "ours")
    theirs = upstream.commit({"fleet/a": "0", "fleet/b": "1"}, "theirs", branch="side", parents=(base,))
    merge = upstream.commit({"fleet/a": "1", "fleet/b": "1"}, "merge", parents=(ours, theirs))
    source.fetch()
    subjects = [revision.subject for revision in source.since(base, merge)]
    assert subjects[0] == "merge"
    assert set(subjects) == {"merge", "ours", "theirs"}
    assert source.since(merge, merge) == ()
    assert [revision.subject for revision in source.since("", merge)] == ["merge"]
    assert [revision.subject for revision in source.since("0" * 40, merge)] == ["merge"]


def test_last_change_is_what_git_log_says(source: GitSource, upstream: Upstream) -> None:
    files: dict[str, str] = {}
    for number in range(12):
        files[f"fleet/{number % 5}"] = str(number)
        upstream.commit(files, f"commit {number}")
    base = upstream.git("rev-parse", "main")
    side = upstream.commit(files | {"fleet/0": "side", "fleet/1": "side"}, "side", branch="side", parents=(base,))
    ours = upstream.commit(files | {"fleet/2": "ours"}, "ours")
    mixed = files | {"fleet/2": "ours", "fleet/1": "side", "fleet/3": "evil"}
    upstream.commit(mixed, "merge that drops 0 and changes 3", parents=(ours, side))
    tip = upstream.commit({name: text for name, text in mixed.items() if name != "fleet/4"}, "remove 4")
    source.fetch()
    # Oldest first answers each commit on top of the one before; newest first answers each afresh.
    commits = upstream.git("rev-list", "--topo-order", "--reverse", tip).split()
    for commit in [*commits, *reversed(commits)]:
        for path in (f"fleet/{number}" for number in range(5)):
            expected = upstream.git("log", "-1", "--format=%H", commit, "--", path)
            if expected:
                assert source.last_change(commit, path).commit == expected, (commit, path)
    with pytest.raises(Terminal, match="never-there"):
        source.last_change(tip, "fleet/never-there")


def test_commits_that_are_not_here_are_said_so(source: GitSource, upstream: Upstream) -> None:
    commit = upstream.commit({"fleet/a": "1"})
    source.fetch()
    for verb in (source.read, source.revision, source.accept):
        with pytest.raises(Terminal, match="not in the repository"):
            verb("1" * 40)
    with pytest.raises(Terminal, match="not a commit"):
        source.read("--output=/nowhere")
    assert source.last_good() is None
    source.accept(commit)
    assert source.last_good() == commit
    assert (source.usable(commit), source.usable("1" * 40)) == (True, False)


def test_another_branch_in_the_settings_is_no_force_push(source: GitSource, upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit({"fleet/a": "1"}, "one")
    other = upstream.commit({"fleet/a": "2"}, "two", branch="other", parents=())
    source.fetch()
    moved = GitSource(tmp_path / "state", str(upstream.path), "other", "fleet")
    assert (moved.fetch().commit, moved.fetch().notice) == (other, "")


def test_nothing_of_another_remote_serves_as_the_cache(source: GitSource, upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit({"fleet/a": "1"})
    source.fetch()
    elsewhere = GitSource(tmp_path / "state", str(tmp_path / "nowhere.git"), "main", "fleet")
    with pytest.raises(Retryable, match="nothing of it is cached"):
        elsewhere.fetch()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository to another user")
def test_a_repository_of_another_user_is_explained(source: GitSource, upstream: Upstream) -> None:
    upstream.commit({"fleet/a": "1"})
    for folder, _, files in os.walk(upstream.path):
        for name in (folder, *(os.path.join(folder, file) for file in files)):
            os.chown(name, 12345, 12345)
    with pytest.raises(Retryable, match="belongs to another user"):
        source.fetch()
