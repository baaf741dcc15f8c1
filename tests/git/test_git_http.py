"""A real smart-HTTP remote: tokens reach it and nobody else, and a silent one is given up."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from reconciler.adapters.git_remote import Access
from reconciler.adapters.git_source import GitSource
from reconciler.adapters.git_store import GitStore
from reconciler.errors import Retryable
from tests.git.http_backend import smart_http
from tests.git.upstream import Upstream

TOKEN = "gt-5ecret-token-0f-the-test"
ENCODED = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()

WRAPPER = """#!{python}
import os, sys
with open({log!r}, "a") as log:
    log.write(repr(sys.argv) + "\\n")
os.execv({git!r}, ["git", *sys.argv[1:]])
"""


@pytest.fixture
def argv_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every git that is started below writes its argv here: those git itself starts as well."""
    found = subprocess.run(["which", "git"], capture_output=True, check=True, text=True).stdout.strip()
    log, folder = tmp_path / "argv.log", tmp_path / "bin"
    folder.mkdir()
    (folder / "git").write_text(WRAPPER.format(python=sys.executable, log=str(log), git=found))
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return log


@pytest.fixture
def silent() -> Iterator[str]:
    """Accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/r.git"


def everything_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_fetch_and_publish_with_a_token_that_nobody_sees(upstream: Upstream, tmp_path: Path, argv_log: Path) -> None:
    commit = upstream.commit({"fleet/a": "1"})
    access = Access(token=lambda: TOKEN)
    with smart_http(upstream.path.parent, token=TOKEN) as base:
        url = f"{base}/{upstream.path.name}"
        source = GitSource(tmp_path / "state", url, "main", "fleet", access=access)
        store = GitStore(tmp_path / "state", url, "main", "vps", access)
        assert source.fetch().commit == commit
        assert dict(source.read(commit)) == {"fleet/a": b"1"}
        written = store.write("status/vps", {"STATUS.md": os.urandom(2_000_000)}, "status")
        assert (written.pushed, written.notice) == (True, "")
        assert upstream.git("rev-parse", "status/vps") == written.commit
    argv = argv_log.read_text()
    assert "'fetch'" in argv
    assert "'push'" in argv
    for secret in (TOKEN, ENCODED):
        assert secret not in argv
        assert secret.encode() not in everything_below(tmp_path / "state")


@pytest.mark.parametrize("userinfo", [f"me:{TOKEN}@", f"{TOKEN}@"])
def test_credentials_in_the_address_work_and_stay_hidden(
    userinfo: str, upstream: Upstream, tmp_path: Path, argv_log: Path
) -> None:
    commit = upstream.commit({"fleet/a": "1"})
    with smart_http(upstream.path.parent, token=TOKEN) as base:
        url = f"{base}/{upstream.path.name}".replace("://", f"://{userinfo}")
        source = GitSource(tmp_path / "state", url, "main", "fleet")
        assert source.fetch().commit == commit
    notice = source.fetch().notice
    assert "could not be fetched" in notice
    assert TOKEN not in notice + argv_log.read_text()
    assert TOKEN.encode() not in everything_below(tmp_path / "state")


@pytest.mark.parametrize("token", [None, "wrong-t0ken"])
def test_a_token_that_is_not_taken(token: str | None, upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit({"fleet/a": "1"})
    access = Access(token=(lambda: token) if token else None)
    with smart_http(upstream.path.parent, token=TOKEN) as base:
        url = f"{base}/{upstream.path.name}"
        with pytest.raises(Retryable, match="check the token") as caught:
            GitSource(tmp_path / "state", url, "main", "fleet", access=access).fetch()
        assert str(token) not in str(caught.value)
        written = GitStore(tmp_path / "state", url, "main", "vps", access).write("status/vps", {"a": b"1"}, "m")
        assert not written.pushed
        assert "check the token" in written.notice


def test_a_token_does_not_follow_a_redirect(upstream: Upstream, tmp_path: Path) -> None:
    commit = upstream.commit({"fleet/a": "1"})
    with smart_http(upstream.path.parent) as elsewhere, smart_http(tmp_path, redirect=elsewhere) as base:
        url = f"{base}/{upstream.path.name}"
        with pytest.raises(Retryable, match="redirects to"):
            GitSource(tmp_path / "a", url, "main", "fleet", access=Access(token=lambda: TOKEN)).fetch()
        assert GitSource(tmp_path / "b", url, "main", "fleet").fetch().commit == commit


def test_a_repository_that_the_server_does_not_have(tmp_path: Path) -> None:
    with smart_http(tmp_path) as base, pytest.raises(Retryable, match=r"not found.*source\.url"):
        GitSource(tmp_path / "state", f"{base}/none.git", "main", "fleet").fetch()


def test_a_silent_remote_is_given_up_with_all_its_processes(silent: str, tmp_path: Path) -> None:
    access = Access(seconds=0.7, first_seconds=0.7)
    with pytest.raises(Retryable, match="no answer within"):
        GitSource(tmp_path / "state", silent, "main", "fleet", access=access).fetch()
    written = GitStore(tmp_path / "state", silent, "main", "vps", access).write("status/vps", {"a": b"1"}, "m")
    assert not written.pushed
    left = [process for process in psutil.process_iter(["cmdline"]) if silent in (process.info["cmdline"] or [])]
    assert left == []


def test_ssh_is_asked_without_questions_and_ends_with_its_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "bin" / "ssh"
    fake.parent.mkdir()
    said = f'for word; do echo "$word"; done >{tmp_path}/asked\necho $$ >{tmp_path}/pid\n'
    fake.write_text(f"#!/bin/sh\n{said}exec sleep 600\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    access = Access(ssh_key=Path("/keys/of the fleet"), seconds=3, first_seconds=3)
    with pytest.raises(Retryable, match="no answer within"):
        GitSource(tmp_path / "state", "git@host.example:o/r.git", "main", "fleet", access=access).fetch()
    asked = (tmp_path / "asked").read_text().splitlines()
    assert "BatchMode=yes" in asked
    assert asked[asked.index("-i") + 1] == "/keys/of the fleet"
    assert "git@host.example" in asked
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 30
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)
