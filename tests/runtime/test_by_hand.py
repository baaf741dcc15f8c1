"""Gateways that somebody started by hand on a wizard's home, as real processes beside the real supervisord."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.adapters import by_hand, supervised_stop
from reconciler.adapters.processes import Identity, await_end, identify, send
from reconciler.errors import Retryable
from reconciler.plan.fact import ProcessFact, ProcessState
from reconciler.protocols.runtime import Program, Stopped
from tests.runtime.stage import PATIENCE_SECONDS, SupervisordStage, until

pytestmark = pytest.mark.system
Start = Callable[..., int]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "ada" / "home"
    home.mkdir(parents=True)
    return home


@pytest.fixture
def start(tmp_path: Path, home: Path) -> Iterator[Start]:
    """Starts a program named hermes with these words and this home, waits until it is up, and tells its pid."""
    program = tmp_path / "bin" / "hermes"
    program.parent.mkdir()
    shutil.copy(Path(__file__).with_name("child.py"), program)
    started: list[subprocess.Popen[bytes]] = []

    def begin(*words: str, said: str = "", **more: str) -> int:
        words = words or ("gateway", "run")
        folder = tmp_path / f"hand{len(started)}"
        folder.mkdir()
        env = {"HERMES_HOME": said or str(home), **more}
        process = subprocess.Popen([sys.executable, str(program), *words], cwd=folder, env=env)
        started.append(process)
        until((folder / f"{words[0]}.ready").exists, bool)
        return process.pid

    yield begin
    for process in started:
        process.kill()
        process.wait()


def supervised(real: SupervisordStage, home: Path) -> Program:
    """The program as we start it: the same gateway on the same home."""
    program = real.program("a")
    argv = (sys.executable, str(real.folder / "bin" / "hermes"), "gateway", "run")
    return replace(program, argv=argv, env=(*program.env, ("HERMES_HOME", str(home))))


def seen(real: SupervisordStage, home: Path) -> ProcessFact:
    return real.runtime.observe(["a"], {"a": str(home)})["a"]


def stop(real: SupervisordStage, home: Path, pid: int) -> Stopped:
    """The children of this test are collected meanwhile, as their shell would."""
    identity = identify(pid)
    stopped = real.runtime.stop("a", 30, str(home))
    assert identity is None or await_end(identity, 0)
    return stopped


def test_it_is_an_orphan_that_is_stopped_before_it_is_started(real: SupervisordStage, home: Path, start: Start) -> None:
    pid = start()
    fact = seen(real, home)
    assert (fact.state, fact.pid, fact.by_hand, fact.note) == (ProcessState.ORPHAN, pid, True, "was started by hand")
    assert real.runtime.observe(["a"])["a"].state is ProcessState.STOPPED
    with pytest.raises(Retryable, match=f"started by hand as pid {pid} .* would be doubled"):
        real.runtime.start(supervised(real, home))
    assert stop(real, home, pid) == Stopped(None, forced=False)
    assert seen(real, home).state is ProcessState.STOPPED
    real.runtime.start(supervised(real, home))
    assert seen(real, home).state is ProcessState.RUNNING


def test_one_that_is_started_again_each_time_does_not_hold_us_for_ever(
    real: SupervisordStage, home: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = [start()]

    def send_and_start(identity: Identity, number: signal.Signals) -> bool:
        ended = send(identity, number)
        pids.append(start())
        return ended

    with monkeypatch.context() as patched:
        patched.setattr(supervised_stop, "send", send_and_start)
        with pytest.raises(Retryable, match="started by hand again each time"):
            real.runtime.stop("a", 30, str(home))
    assert identify(pids[-1])
    stop(real, home, pids[-1])


@pytest.mark.parametrize(
    "words", [("chat", "on"), ("gateway", "status"), ("cron", "gateway"), ("-p", "gateway", "chat")]
)
def test_what_is_no_gateway_is_left_alone(
    real: SupervisordStage, home: Path, start: Start, words: tuple[str, ...]
) -> None:
    pid = start(*words)
    assert seen(real, home).state is ProcessState.STOPPED
    real.runtime.stop("a", 30, str(home))
    assert identify(pid)


def test_only_gateways_on_that_very_folder(real: SupervisordStage, home: Path, start: Start, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = start(said=str(tmp_path / "other"))
    gone = start(said=str(tmp_path / "nowhere"))
    assert seen(real, home).state is ProcessState.STOPPED
    (tmp_path / "link").symlink_to(home.parent)
    pid = start(said="../link/home/")
    assert seen(real, home).pid == pid
    stop(real, home, pid)
    assert identify(other)
    assert identify(gone)


def test_what_another_reconciler_started_is_not_ours(real: SupervisordStage, home: Path, start: Start) -> None:
    start(RECONCILER_OWNER="/somewhere/else", RECONCILER_PROGRAM="a")
    assert seen(real, home).state is ProcessState.STOPPED


def test_our_own_gateway_and_what_it_has_started_are_none(real: SupervisordStage, home: Path, start: Start) -> None:
    real.runtime.start(supervised(real, home))
    fact = seen(real, home)
    environ = Path(f"/proc/{fact.pid}/environ").read_bytes().decode().split("\0")
    start(**dict(pair.split("=", 1) for pair in environ if pair.startswith("RECONCILER_")))
    assert seen(real, home) == fact
    assert fact.state is ProcessState.RUNNING


def test_two_on_one_home_are_both_stopped(
    real: SupervisordStage, home: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that lets two of them run. One beside ours that has just come up is going to end by itself."""
    real.runtime.start(supervised(real, home))
    ours = until(lambda: seen(real, home), lambda fact: fact.pid is not None)
    until((real.folder / "gateway.ready").exists, bool)
    pid = start()
    assert seen(real, home) == ours
    monkeypatch.setattr(by_hand, "LASTS_SECONDS", 0.0)
    fact = seen(real, home)
    assert (fact.state, fact.pid, fact.beside) == (ProcessState.ORPHAN, pid, (ours.pid,))
    stop(real, home, pid)
    assert seen(real, home).state is ProcessState.STOPPED
    assert identify(ours.pid or 0) is None


def test_an_orphan_of_a_dead_supervisor_is_still_told_as_that(real: SupervisordStage, home: Path, start: Start) -> None:
    real.runtime.start(supervised(real, home))
    until((real.folder / "gateway.ready").exists, bool)
    before = seen(real, home)
    real.kill_supervisor()
    orphan = seen(real, home)
    assert (orphan.state, orphan.pid, orphan.by_hand) == (ProcessState.ORPHAN, before.pid, False)
    real.runtime.stop("a", 30, str(home))
    assert seen(real, home).state is ProcessState.STOPPED


def test_another_users_stays_a_stranger(
    real: SupervisordStage, home: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    start()
    monkeypatch.setattr("os.geteuid", lambda: 12_345)
    assert seen(real, home).state is ProcessState.STOPPED


def test_a_deaf_one_is_killed_in_the_end(real: SupervisordStage, home: Path, start: Start) -> None:
    pid = start()
    identity = identify(pid)
    assert identity
    send(identity, signal.SIGSTOP)
    assert real.runtime.stop("a", 1, str(home)).forced
    assert await_end(identity, PATIENCE_SECONDS)
