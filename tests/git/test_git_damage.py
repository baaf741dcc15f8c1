"""The remote away and the local copy broken: the last known commit serves, and the copy mends itself."""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
import time
from pathlib import Path

import pytest

from reconciler.adapters.git_remote import Access
from reconciler.adapters.git_source import GitSource
from reconciler.errors import Retryable
from tests.git.upstream import Upstream, run_git


@pytest.fixture
def source(tmp_path: Path, upstream: Upstream) -> GitSource:
    return GitSource(tmp_path / "state", str(upstream.path), "main", "fleet")


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    return tmp_path / "state" / "git" / "source.git"


def objects(repository: Path) -> list[Path]:
    return [path for path in (repository / "objects").rglob("*") if path.is_file()]


def empty(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(b"")


def test_the_last_known_tip_serves_while_the_remote_is_away(source: GitSource, upstream: Upstream) -> None:
    commit = upstream.commit({"fleet/a": "1"})
    source.fetch()
    away = upstream.path.rename(upstream.path.with_name("away.git"))
    fetched = source.fetch()
    assert fetched.commit == commit
    assert "could not be fetched since 2" in fetched.notice
    assert "does not appear to be a git repository" in fetched.notice
    assert dict(source.read(commit)) == {"fleet/a": b"1"}
    away.rename(upstream.path)
    assert source.fetch().notice == ""


def test_a_remote_that_never_answered(tmp_path: Path) -> None:
    source = GitSource(tmp_path / "s", "http://127.0.0.1:9/x.git", "main", "fleet")
    with pytest.raises(Retryable, match=r"127\.0\.0\.1:9/x\.git.*nothing of it is cached"):
        source.fetch()


def test_a_host_that_ssh_does_not_know(tmp_path: Path) -> None:
    source = GitSource(tmp_path / "s", "git@nosuch.invalid:o/r.git", "main", "fleet")
    with pytest.raises(Retryable, match=r"nosuch\.invalid") as caught:
        source.fetch()
    assert "damaged" not in str(caught.value)


def test_a_token_that_can_not_be_read_counts_as_away(upstream: Upstream, tmp_path: Path) -> None:
    def gone() -> str:
        raise Retryable("the file is missing", where="/etc/token")

    source = GitSource(tmp_path / "s", "http://127.0.0.1:9/x.git", "main", "fleet", access=Access(token=gone))
    with pytest.raises(Retryable, match="/etc/token"):
        source.fetch()


@pytest.mark.parametrize("how", ["object emptied", "object removed", "all objects removed", "HEAD removed"])
def test_a_broken_mirror_is_rebuilt_by_reading(how: str, source: GitSource, upstream: Upstream, mirror: Path) -> None:
    commit = upstream.commit({"fleet/a": "1", "fleet/b": "2"})
    source.fetch()
    source.accept(commit)
    if how == "object emptied":
        for path in objects(mirror):
            empty(path)
    elif how == "object removed":
        blob = upstream.git("rev-parse", f"{commit}:fleet/a")
        (mirror / "objects" / blob[:2] / blob[2:]).unlink()
    elif how == "all objects removed":
        for path in objects(mirror):
            path.unlink()
    else:
        (mirror / "HEAD").unlink()
    fresh = GitSource(mirror.parent.parent, str(upstream.path), "main", "fleet")
    if how == "HEAD removed":
        assert fresh.fetch().commit == commit
    assert dict(fresh.read(commit)) == {"fleet/a": b"1", "fleet/b": b"2"}
    assert (mirror.parent / "source.git.broken").exists()
    if how != "HEAD removed":
        assert fresh.last_good() == commit
    assert fresh.fetch().commit == commit


@pytest.mark.parametrize("ref", ["incoming", "tip", "last-good"])
@pytest.mark.parametrize("content", ["", "0123456789012345678901234567890123456789\n", "nonsense\n"])
def test_a_broken_ref_is_mended_by_fetching(
    ref: str, content: str, source: GitSource, upstream: Upstream, mirror: Path
) -> None:
    commit = upstream.commit({"fleet/a": "1"})
    source.fetch()
    source.accept(commit)
    (mirror / "refs" / "reconciler" / ref).write_text(content)
    newer = upstream.commit({"fleet/a": "2"})
    fresh = GitSource(mirror.parent.parent, str(upstream.path), "main", "fleet")
    assert fresh.fetch().commit == newer
    assert dict(fresh.read(newer)) == {"fleet/a": b"2"}
    assert fresh.fetch().commit == newer


def test_a_mirror_that_is_no_repository(source: GitSource, upstream: Upstream, mirror: Path) -> None:
    commit = upstream.commit({"fleet/a": "1"})
    mirror.mkdir(parents=True)
    (mirror / "stray").write_text("x")
    fetched = source.fetch()
    assert fetched.commit == commit
    assert "rebuilt" in fetched.notice


def test_a_broken_mirror_stays_until_the_remote_can_replace_it(
    source: GitSource, upstream: Upstream, mirror: Path
) -> None:
    commit = upstream.commit({"fleet/a": "1"})
    source.fetch()
    blob = upstream.git("rev-parse", f"{commit}:fleet/a")
    (mirror / "objects" / blob[:2] / blob[2:]).unlink()
    away = upstream.path.rename(upstream.path.with_name("away.git"))
    with pytest.raises(Retryable, match=r"damaged.*rebuilt when the remote answers"):
        source.read(commit)
    with pytest.raises(Retryable):
        source.fetch()
    assert mirror.exists()
    assert not (mirror.parent / "source.git.broken").exists()
    away.rename(upstream.path)
    assert dict(source.read(commit)) == {"fleet/a": b"1"}


def test_a_broken_remote_does_not_cost_us_our_copy(source: GitSource, upstream: Upstream, mirror: Path) -> None:
    commit = upstream.commit({"fleet/a": "1"})
    source.fetch()
    upstream.commit({"fleet/a": "2"})
    for path in objects(upstream.path):
        empty(path)
    fetched = source.fetch()
    assert fetched.commit == commit
    assert fetched.notice
    assert dict(source.read(commit)) == {"fleet/a": b"1"}
    elsewhere = GitSource(mirror.parent.parent / "new", str(upstream.path), "main", "fleet")
    with pytest.raises(Retryable, match="remote repository seems to be damaged"):
        elsewhere.fetch()
    assert not (mirror.parent / "source.git.broken").exists()


def test_a_remote_ref_whose_commit_is_gone(source: GitSource, upstream: Upstream) -> None:
    commit = upstream.commit({"fleet/a": "1"})
    source.fetch()
    (upstream.path / "refs" / "heads" / "main").write_text("0123456789012345678901234567890123456789\n")
    fetched = source.fetch()
    assert fetched.commit == commit
    assert "0123456789" in fetched.notice
    assert dict(source.read(commit)) == {"fleet/a": b"1"}


def test_a_lock_left_by_a_killed_git_is_removed_when_it_is_old(
    source: GitSource, upstream: Upstream, mirror: Path
) -> None:
    upstream.commit({"fleet/a": "1"})
    source.fetch()
    for ref in ("incoming", "tip"):
        lock = mirror / "refs" / "reconciler" / f"{ref}.lock"
        lock.touch()
        commit = upstream.commit({"fleet/a": ref})
        with pytest.raises(Retryable, match="another git"):
            source.fetch()
        os.utime(lock, (time.time() - 600, time.time() - 600))
        assert source.fetch().commit == commit


def test_an_old_lock_of_a_git_that_lives_is_not_broken(source: GitSource, upstream: Upstream, mirror: Path) -> None:
    """A fetch that takes minutes holds its locks for as long."""
    upstream.commit({"fleet/a": "1"})
    source.fetch()
    lock = mirror / "refs" / "reconciler" / "tip.lock"
    lock.touch()
    os.utime(lock, (time.time() - 600, time.time() - 600))
    commit = upstream.commit({"fleet/a": "2"})
    waiting = ["git", "hash-object", "--stdin"]
    with subprocess.Popen(waiting, stdin=subprocess.PIPE, env={**os.environ, "GIT_DIR": str(mirror)}) as owner:
        with pytest.raises(Retryable, match="another git"):
            source.fetch()
        assert lock.exists()
        owner.kill()
    assert source.fetch().commit == commit


def test_a_mirror_half_made_is_not_in_the_way(source: GitSource, upstream: Upstream, mirror: Path) -> None:
    mirror.parent.mkdir(parents=True)
    (mirror.parent / f"source.git.new-{os.getpid()}").mkdir()
    (mirror.parent / "source.git.fresh").mkdir()
    commit = upstream.commit({"fleet/a": "1"})
    assert source.fetch().commit == commit


def test_loose_objects_are_packed_in_the_end(source: GitSource, upstream: Upstream, mirror: Path) -> None:
    upstream.commit({"fleet/a": "1"})
    source.fetch()
    texts = (f"{number}".encode() for number in itertools.count())
    crowd = (text for text in texts if hashlib.sha1(b"blob %d\0%b" % (len(text), text)).hexdigest().startswith("17"))
    for text in itertools.islice(crowd, 30):
        run_git(mirror, "hash-object", "-w", "--stdin", feed=text)
    commit = upstream.commit({"fleet/a": "2"})
    assert source.fetch().commit == commit
    assert list((mirror / "objects" / "pack").glob("*.pack"))
    assert dict(source.read(commit)) == {"fleet/a": b"2"}


def test_a_state_folder_that_can_not_be_written(upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit({"fleet/a": "1"})
    (tmp_path / "state").write_text("a file")
    with pytest.raises(Retryable, match="state"):
        GitSource(tmp_path / "state", str(upstream.path), "main", "fleet").fetch()
