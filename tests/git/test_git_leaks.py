"""A daemon's life in small: hundreds of passes, somebody pushing all the while, and nothing left behind."""

from __future__ import annotations

import contextlib
import gc
import random
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from reconciler.adapters.git_source import GitSource
from reconciler.adapters.git_store import GitStore
from reconciler.errors import Retryable
from tests.git.upstream import Upstream

PUSHER = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.git.upstream import Upstream
upstream = Upstream(Path({path!r}))
number = 0
while True:
    number += 1
    upstream.commit({{f"fleet/{{n}}": f"{{number}}" for n in range(5)}}, f"{{number}}")
"""

WORKER = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from reconciler.adapters.git_source import GitSource
from reconciler.adapters.git_store import GitStore
source = GitSource(Path({state!r}), {url!r}, "main", "fleet")
store = GitStore(Path({state!r}), {url!r}, "main", "vps")
print("up", flush=True)
number = 0
while True:
    number += 1
    commit = source.fetch().commit
    source.accept(commit)
    store.write("status/vps", {{"a": f"{{number}}".encode(), "b": f"{{number}}".encode()}}, "pass")
"""


@pytest.mark.system
def test_two_hundred_passes_leave_no_process_and_no_descriptor(upstream: Upstream, tmp_path: Path) -> None:
    source = GitSource(tmp_path / "state", str(upstream.path), "main", "fleet")
    store = GitStore(tmp_path / "state", str(upstream.path), "main", "vps")

    def one_pass(number: int) -> None:
        if number % 10 == 0:
            upstream.commit({"fleet/a": str(number)}, f"{number}")
        commit = source.fetch().commit
        assert source.read(commit)
        source.accept(commit)
        source.last_change(commit, "fleet/a")
        store.write("status/vps", {"n": str(number // 2).encode()}, str(number))

    one_pass(0)
    gc.collect()
    me = psutil.Process()
    before = me.num_fds()
    for number in range(200):
        one_pass(number)
    gc.collect()
    assert me.num_fds() <= before
    assert me.children(recursive=True) == []
    state = str(tmp_path / "state")
    strays = [p for p in psutil.process_iter(["cmdline"]) if any(state in word for word in p.info["cmdline"] or [])]
    assert strays == []
    assert len(upstream.log("status/vps")) == 100


@pytest.mark.system
def test_fetching_while_somebody_pushes_all_the_time(upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit({f"fleet/{n}": "0" for n in range(5)}, "0")
    root = str(Path(__file__).parents[2])
    pusher = subprocess.Popen([sys.executable, "-c", PUSHER.format(root=root, path=str(upstream.path))])
    try:
        source = GitSource(tmp_path / "state", str(upstream.path), "main", "fleet")
        commits: list[str] = []
        while len(set(commits)) < 15:
            assert pusher.poll() is None
            fetched = source.fetch()
            assert fetched.notice == ""
            commits.append(fetched.commit)
            files = source.read(fetched.commit)
            assert sorted(files) == [f"fleet/{n}" for n in range(5)]
            assert len(set(files.values())) == 1
    finally:
        pusher.kill()
        pusher.wait()


def kill_with_children(process: subprocess.Popen[bytes]) -> None:
    doomed = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    for child in doomed:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    process.communicate()


@pytest.mark.system
def test_killed_at_any_instant_with_every_git_it_runs(upstream: Upstream, tmp_path: Path) -> None:
    dice = random.Random()
    state, url = tmp_path / "state", str(upstream.path)
    code = WORKER.format(root=str(Path(__file__).parents[2]), state=str(state), url=url)
    for number in range(8):
        commit = upstream.commit({"fleet/a": str(number)}, str(number))
        worker = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"up\n"
        time.sleep(dice.uniform(0, 0.5))
        kill_with_children(worker)
        source, store = GitSource(state, url, "main", "fleet"), GitStore(state, url, "main", "vps")
        deadline = time.monotonic() + 90
        while True:
            try:
                assert source.fetch().commit == commit
                source.accept(commit)
                before = store.read("status/vps")
                written = store.write("status/vps", {"a": b"end", "b": str(number).encode()}, "end")
                why = written.notice
                if written.pushed:
                    break
            except Retryable as error:
                why = str(error)
            # A lock that the killed git held, here or at the remote: it is broken when it is old enough.
            assert time.monotonic() < deadline, why
            time.sleep(1)
        assert before.keys() in ({"a", "b"}, set())
    assert upstream.git("rev-list", "--count", "--merges", "status/vps") == "0"
