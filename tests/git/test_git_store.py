"""Publishing on branches of our own: fast-forward only, nothing lost, nobody overwritten."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from reconciler.adapters.git_commit import Identity, Message, commit_files
from reconciler.adapters.git_repo import Damaged, open_repo
from reconciler.adapters.git_store import GitStore
from reconciler.errors import Refused, Retryable, Terminal
from tests.git.upstream import Upstream

STATUS = "status/vps"


@pytest.fixture
def store(tmp_path: Path, upstream: Upstream) -> GitStore:
    upstream.commit({"fleet/a": "1"})
    return GitStore(tmp_path / "state", str(upstream.path), "main", "vps")


def away(upstream: Upstream) -> Path:
    return upstream.path.rename(upstream.path.with_name("away.git"))


def test_writes_exactly_these_files_on_top_of_the_last(store: GitStore, upstream: Upstream) -> None:
    assert store.read(STATUS) == {}
    first = store.write(STATUS, {"STATUS.md": b"one", "old/gone": b"x"}, "one")
    files = {"STATUS.md": b"two\n", "wizards/ünï çödé.json": b"\xff\0\n", 'a"b\\c': b"", "empty": b""}
    second = store.write(STATUS, files, "two\n\nbody: with a trailer\n")
    assert (second.pushed, second.notice) == (True, "")
    assert upstream.git("rev-parse", STATUS) == second.commit
    assert upstream.git("rev-parse", f"{STATUS}^") == first.commit
    assert store.read(STATUS) == files
    assert upstream.git("log", "-1", "--format=%B", STATUS) == "two\n\nbody: with a trailer"
    assert upstream.git("fsck", "--strict") == ""
    assert upstream.log("main") == ["change"]


def test_equal_files_make_no_commit(store: GitStore, upstream: Upstream) -> None:
    first = store.write(STATUS, {"a": b"1", "b/c": b"2"}, "one")
    again = store.write(STATUS, {"b/c": b"2", "a": b"1"}, "two")
    assert (again.commit, again.pushed) == (first.commit, True)
    assert upstream.log(STATUS) == ["one"]
    assert store.write(STATUS, {"a": b"1"}, "three").commit != first.commit


@pytest.mark.parametrize("ref", ["main", "feature/x", "refs/heads/status/x"])
def test_other_branches_are_refused(ref: str, store: GitStore) -> None:
    with pytest.raises(Refused):
        store.write(ref, {"a": b"1"}, "m")


@pytest.mark.parametrize("ref", ["status/../main", "status/", "status/a b", "status/x.lock"])
def test_hostile_refs(ref: str, store: GitStore) -> None:
    with pytest.raises(Terminal):
        store.write(ref, {"a": b"1"}, "m")


@pytest.mark.parametrize("path", ["../x", "/x", "a//b", ".git/config", "a/.GIT/x", "", "a\0b", "a\nb", "./a"])
def test_hostile_paths(path: str, store: GitStore) -> None:
    with pytest.raises(Terminal, match="can't be stored"):
        store.write(STATUS, {path: b"1"}, "m")


def test_a_file_that_takes_a_folders_place(store: GitStore) -> None:
    store.write(STATUS, {"a/b": b"1"}, "one")
    store.write(STATUS, {"a": b"2"}, "two")
    assert store.read(STATUS) == {"a": b"2"}


def test_commits_queue_while_the_remote_is_away(store: GitStore, upstream: Upstream, tmp_path: Path) -> None:
    store.write(STATUS, {"n": b"0"}, "0")
    gone = away(upstream)
    for number in "123":
        written = store.write(STATUS, {"n": number.encode()}, number)
        assert not written.pushed
        assert f"{number} commit(s) of status/vps wait here" in written.notice
    store.write("checkpoints/ezra", {"m": b"x"}, "c")
    with pytest.raises(Retryable, match="wait here"):
        store.flush()
    gone.rename(upstream.path)
    later = GitStore(tmp_path / "state", str(upstream.path), "main", "vps")
    assert later.read(STATUS) == {"n": b"3"}
    later.flush()
    assert upstream.log(STATUS) == ["3", "2", "1", "0"]
    assert upstream.log("checkpoints/ezra") == ["c"]


def test_the_queue_goes_out_with_the_next_write_even_of_equal_files(store: GitStore, upstream: Upstream) -> None:
    gone = away(upstream)
    store.write(STATUS, {"n": b"1"}, "1")
    store.write(STATUS, {"n": b"2"}, "2")
    gone.rename(upstream.path)
    assert store.write(STATUS, {"n": b"2"}, "equal").pushed
    assert upstream.log(STATUS) == ["2", "1"]


def test_a_lost_race_goes_on_top_of_the_winner(store: GitStore, upstream: Upstream, tmp_path: Path) -> None:
    other = GitStore(tmp_path / "other", str(upstream.path), "main", "other")
    store.write(STATUS, {"n": b"0"}, "0")
    gone = away(upstream)
    store.write(STATUS, {"n": b"1"}, "queued 1")
    store.write(STATUS, {"n": b"2"}, "queued 2")
    gone.rename(upstream.path)
    other.write(STATUS, {"n": b"other"}, "other")
    written = store.write(STATUS, {"n": b"3"}, "3")
    assert (written.pushed, written.notice) == (True, "")
    assert upstream.log(STATUS) == ["3", "queued 2", "queued 1", "other", "0"]
    assert upstream.files(STATUS) == {"n": "3"}
    assert upstream.git("rev-parse", STATUS) == written.commit


def test_a_reinstalled_host_continues_its_branch(store: GitStore, upstream: Upstream, tmp_path: Path) -> None:
    old = store.write(STATUS, {"n": b"1"}, "1")
    fresh = GitStore(tmp_path / "fresh", str(upstream.path), "main", "vps")
    assert fresh.write(STATUS, {"n": b"1"}, "equal") == old
    fresher = GitStore(tmp_path / "fresher", str(upstream.path), "main", "vps")
    assert fresher.write(STATUS, {"n": b"2"}, "2").pushed
    assert upstream.log(STATUS) == ["2", "1"]


def test_a_branch_that_was_deleted_or_rewritten_there(store: GitStore, upstream: Upstream) -> None:
    store.write(STATUS, {"n": b"1"}, "1")
    upstream.git("update-ref", "-d", f"refs/heads/{STATUS}")
    assert store.write(STATUS, {"n": b"2"}, "2").pushed
    assert upstream.log(STATUS) == ["2", "1"]
    upstream.commit({"n": "theirs"}, "theirs", branch=STATUS, parents=())
    assert store.write(STATUS, {"n": b"3"}, "3").pushed
    assert upstream.log(STATUS) == ["3", "theirs"]


def test_many_writers_of_one_branch_lose_nothing(upstream: Upstream, tmp_path: Path) -> None:
    stores = [GitStore(tmp_path / f"s{n}", str(upstream.path), "main", f"h{n}") for n in range(3)]

    def work(number: int) -> None:
        for turn in range(6):
            stores[number].write(STATUS, {"n": f"{number}/{turn}".encode()}, f"{number}/{turn}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.flush()
    expected = sorted(f"{number}/{turn}" for number in range(3) for turn in range(6))
    assert sorted(upstream.log(STATUS)) == expected
    assert upstream.git("rev-list", "--count", "--merges", STATUS) == "0"


def test_a_push_that_the_remote_declines_is_said_with_its_words(store: GitStore, upstream: Upstream) -> None:
    hook = upstream.path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'status/vps is protected, ask Ann' >&2\nexit 1\n")
    hook.chmod(0o755)
    written = store.write(STATUS, {"n": b"1"}, "1")
    assert not written.pushed
    assert "ask Ann" in written.notice
    assert "hook declined" in written.notice
    with pytest.raises(Terminal, match="ask Ann"):
        store.flush()
    hook.unlink()
    store.flush()
    assert upstream.log(STATUS) == ["1"]


def test_a_branch_in_the_way_of_ours(store: GitStore, upstream: Upstream) -> None:
    upstream.commit({"x": "1"}, branch="status")
    written = store.write(STATUS, {"n": b"1"}, "1")
    assert not written.pushed
    assert "refs/heads/status" in written.notice


@pytest.mark.parametrize("how", ["objects", "ref", "HEAD"])
def test_a_broken_store_is_made_anew(how: str, store: GitStore, upstream: Upstream, tmp_path: Path) -> None:
    store.write(STATUS, {"n": b"1"}, "1")
    path = tmp_path / "state" / "git" / "store.git"
    if how == "objects":
        for file in (path / "objects").rglob("*"):
            if file.is_file():
                file.chmod(0o600)
                file.write_bytes(b"")
    elif how == "ref":
        (path / "refs" / "heads" / STATUS).write_text("")
    else:
        (path / "HEAD").unlink()
    written = store.write(STATUS, {"n": b"2"}, "2")
    assert written.pushed
    assert "made anew" in written.notice
    assert upstream.log(STATUS) == ["2", "1"]
    assert (tmp_path / "state" / "git" / "store.git.broken").exists()
    assert store.write(STATUS, {"n": b"3"}, "3").notice == ""


def test_a_failed_import_leaves_no_report_of_git_behind(store: GitStore, tmp_path: Path) -> None:
    store.write(STATUS, {"a": b"1"}, "one")
    place = next(tmp_path.rglob("store.git"))
    with open_repo(place) as repo, pytest.raises(Damaged):
        commit_files(repo, f"refs/heads/{STATUS}", "f" * 40, Message(Identity("a", "a@b"), 0, b"two"), {"a": b"2"})
    assert not list(place.glob("fast_import_crash_*"))
