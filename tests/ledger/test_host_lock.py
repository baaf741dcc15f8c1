"""One reconciler a host, with real processes."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import psutil
import pytest

from reconciler.adapters.clock import SystemClock
from reconciler.adapters.lock import HostLock, holder
from reconciler.errors import Retryable
from tests.ledger.examples import SteppingClock
from tests.ledger.processes import start


def lock(path: Path, wait: float = 0.0) -> HostLock:
    return HostLock(path, SystemClock(), "reconciler apply", wait=wait)


def test_a_second_one_is_told_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "lock"
    with lock(path):
        with pytest.raises(Retryable) as caught, lock(path):
            pytest.fail("two hold one lock")
        assert f"pid {os.getpid()}, `reconciler apply`, for " in caught.value.what
        assert caught.value.where == str(path)
        assert caught.value.exit_code == 1
    with lock(path):
        pass


@pytest.mark.parametrize(
    ("seconds", "age"), [(5, "5 s"), (60, "1 minute"), (7200, "2 hours"), (86400 * 3, "3 days"), (-50, "0 s")]
)
def test_the_age_is_told(tmp_path: Path, seconds: int, age: str) -> None:
    early, late = SteppingClock(), SteppingClock()
    with HostLock(tmp_path / "lock", early, "reconciler run"):
        late.seconds = early.seconds + seconds - 3  # it is looked at twice before the age is worked out
        with pytest.raises(Retryable, match=f"for {age}\\)"), HostLock(tmp_path / "lock", late, "x"):
            pass


def test_holder_is_known_while_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert holder(path) is None
    with lock(path):
        found = holder(path)
        assert found is not None
        assert (found.pid, found.command) == (os.getpid(), "reconciler apply")
    assert holder(path) is None
    assert path.stat().st_mode & 0o777 == 0o600


def test_it_is_released_when_the_block_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyError), lock(tmp_path / "lock"):
        raise KeyError
    with lock(tmp_path / "lock"):
        pass


def test_waiting_ends(tmp_path: Path) -> None:
    clock = SteppingClock()
    with lock(tmp_path / "lock"), pytest.raises(Retryable), HostLock(tmp_path / "lock", clock, "x", wait=30):
        pass
    assert clock.seconds > 1030


def test_one_lock_is_taken_once(tmp_path: Path) -> None:
    mine = lock(tmp_path / "lock")
    with mine, pytest.raises(RuntimeError), mine:
        pass


STALE = {
    "noise": b"\xff\xfe\x00",
    "empty": b"",
    "another shape": b"[1]",
    "a dead process": json.dumps({"pid": 2**22 + 5, "started": 1.0, "command": "x", "since": 1.0}).encode(),
    "a reused pid": json.dumps({"pid": os.getpid(), "started": 1.0, "command": "x", "since": 1.0}).encode(),
}


@pytest.mark.parametrize("body", STALE.values(), ids=STALE.keys())
def test_what_a_dead_holder_wrote_is_nothing(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "lock"
    path.write_bytes(body)
    assert holder(path) is None
    with lock(path):
        found = holder(path)
        assert found is not None
        assert found.pid == os.getpid()


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(Exception, match="state"), lock(tmp_path / "state" / "lock"):
        pass


@pytest.mark.system
def test_kill_9_releases_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with start("lock", path) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(Retryable, match=f"pid {other.pid}, `reconciler run`"), lock(path):
            pass
        other.kill()
        assert other.wait(60) == -signal.SIGKILL
    assert holder(path) is None
    with lock(path):
        pass


@pytest.mark.system
def test_a_waiting_one_goes_on_when_the_first_ends(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with start("lock", path) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        other.stdin.close()
        with lock(path, wait=60):
            found = holder(path)
    assert found is not None
    assert found.pid == os.getpid()


@pytest.mark.system
def test_a_child_that_outlives_its_reconciler_does_not_hold_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with start("child", path) as reconciler:
        assert reconciler.stdout is not None
        child = psutil.Process(int(reconciler.stdout.readline()))
        assert reconciler.wait(60) == -signal.SIGKILL
    try:
        assert child.is_running()
        with lock(path):
            pass
    finally:
        child.kill()
