"""Identities and signals, on real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from reconciler.adapters.launch import main_mark
from reconciler.adapters.processes import Identity, Processes, await_end, command, identify, send

pytestmark = pytest.mark.system
SLEEP = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"]


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(SLEEP) as process:
        yield process
        process.kill()


def found(process: subprocess.Popen[bytes]) -> Identity:
    identity = identify(process.pid)
    assert identity is not None
    return identity


def test_a_pid_with_another_start_time_is_never_signalled(sleeper: subprocess.Popen[bytes]) -> None:
    real = found(sleeper)
    reused = Identity(real.pid, real.ticks - 1)
    assert send(reused, signal.SIGKILL) is False
    assert await_end(reused, 0) is True
    assert await_end(real, 0.05) is False
    assert sleeper.poll() is None


def test_the_same_without_process_descriptors(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", refused)
    real = found(sleeper)
    assert send(Identity(real.pid, real.ticks - 1), signal.SIGKILL) is False
    assert await_end(real, 0.05) is False
    assert send(real, signal.SIGKILL) is True
    assert await_end(real, 60) is True


def test_an_ended_process_is_gone_before_it_is_collected(sleeper: subprocess.Popen[bytes]) -> None:
    real = found(sleeper)
    assert send(real, signal.SIGKILL) is True
    assert await_end(real, 60) is True
    assert identify(real.pid) is None
    assert send(real, signal.SIGKILL) is False
    assert sleeper.wait() == -9


def test_the_start_time_is_the_one_that_others_compute(sleeper: subprocess.Popen[bytes]) -> None:
    assert found(sleeper).started == pytest.approx(psutil.Process(sleeper.pid).create_time(), abs=1.5)
    assert command(sleeper.pid) == tuple(SLEEP)


def test_a_process_is_seen_anew_when_it_becomes_another_program(tmp_path: Path) -> None:
    """The walk remembers environments; executing a program changes the environment of the same process."""
    processes = Processes(str(tmp_path))
    wait = "import os, sys; sys.stdin.read(1); env = dict(os.environ, **{0!r}); os.execve(sys.executable, {1!r}, env)"
    marks = {"RECONCILER_OWNER": str(tmp_path), "RECONCILER_PROGRAM": "a", "RECONCILER_INPUTS": "digest"}
    code = wait.format(marks, [*SLEEP[:-1], "print(flush=True); import time; time.sleep(600)"])
    argv = [sys.executable, "-I", "-S", "-c", code]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            identity = found(process)
            assert processes.marked() == []
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(b"x")
            process.stdin.flush()
            process.stdout.readline()
            (mark,) = processes.marked()
            assert (mark.identity, mark.program, mark.inputs, mark.is_main) == (identity, "a", "digest", False)
            assert processes.marked() == [mark]
            assert Processes(str(tmp_path / "other")).marked() == []
        finally:
            process.kill()
    assert processes.marked() == []


def test_only_the_named_process_is_the_main_one() -> None:
    assert main_mark(12, 345) == "12:345"
