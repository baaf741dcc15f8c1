"""Whatever the caller exported or configured, git does the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.adapters.git_source import GitSource
from reconciler.adapters.git_store import GitStore
from reconciler.errors import Terminal
from tests.git.upstream import Upstream


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Variables and a home that would lead git astray; the folder that must stay as it is."""
    trap = Upstream(tmp_path / "trap.git")
    trap.commit({"fleet/a": "trap"})
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[core]\n\thooksPath = /nowhere\n[bad syntax\n")
    for name, value in {
        "GIT_DIR": str(trap.path),
        "GIT_WORK_TREE": str(tmp_path),
        "GIT_INDEX_FILE": str(tmp_path / "index"),
        "GIT_OBJECT_DIRECTORY": str(trap.path / "objects"),
        "GIT_COMMON_DIR": str(trap.path),
        "GIT_NAMESPACE": "elsewhere",
        "GIT_CONFIG_PARAMETERS": "'core.bare'='maybe'",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "log.showSignature",
        "GIT_CONFIG_VALUE_0": "nonsense",
        "GIT_CONFIG_KEY_99": "x",
        "GIT_ASKPASS": "/bin/false",
        "GIT_SSH_COMMAND": "touch /nowhere",
        "GIT_TRACE": str(tmp_path / "trace"),
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_AUTHOR_DATE": "never",
        "GIT_COMMITTER_NAME": "Mallory",
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
    }.items():
        monkeypatch.setenv(name, value)
    return trap.path


def test_the_callers_variables_do_not_matter(hostile: Path, upstream: Upstream, tmp_path: Path) -> None:
    before = sorted(path.relative_to(hostile) for path in hostile.rglob("*"))
    commit = upstream.commit({"fleet/a": "right"})
    source = GitSource(tmp_path / "state", str(upstream.path), "main", "fleet")
    assert source.fetch().commit == commit
    assert dict(source.read(commit)) == {"fleet/a": b"right"}
    assert source.revision(commit).subject == "change"
    source.accept(commit)
    assert source.last_good() == commit
    written = GitStore(tmp_path / "state", str(upstream.path), "main", "vps").write("status/vps", {"a": b"1"}, "m")
    assert written.pushed
    assert upstream.git("log", "-1", "--format=%an <%ae> %cn", "status/vps") == "reconciler <reconciler@vps> reconciler"
    assert sorted(path.relative_to(hostile) for path in hostile.rglob("*")) == before
    assert not (tmp_path / "trace").exists()


def test_no_hook_of_the_local_repositories_runs(upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit({"fleet/a": "1"})
    source = GitSource(tmp_path / "state", str(upstream.path), "main", "fleet")
    store = GitStore(tmp_path / "state", str(upstream.path), "main", "vps")
    source.fetch()
    store.write("status/vps", {"a": b"1"}, "m")
    for repository in ("source.git", "store.git"):
        for hook in ("pre-push", "reference-transaction", "post-commit"):
            path = tmp_path / "state" / "git" / repository / "hooks" / hook
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\nexit 1\n")
            path.chmod(0o755)
    commit = upstream.commit({"fleet/a": "2"})
    assert source.fetch().commit == commit
    assert store.write("status/vps", {"a": b"2"}, "m").pushed
    assert not (tmp_path / "hooked").exists()


def test_without_git(upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = GitSource(tmp_path / "state", str(upstream.path), "main", "fleet")
    upstream.commit({"fleet/a": "1"})
    source.fetch()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Terminal, match="install git"):
        source.fetch()
