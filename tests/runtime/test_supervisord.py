"""The promises that only the real supervisord can break."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.adapters.processes import Identity, command, identify, send
from reconciler.adapters.supervisord import Supervisord
from reconciler.errors import Retryable, Terminal
from reconciler.plan.fact import ProcessFact, ProcessState
from tests.runtime.stage import Act, SupervisordStage, until

pytestmark = pytest.mark.system

AWKWARD = [
    "plain",
    "",
    " leading and trailing ",
    "100% of %(here)s and %(ENV_HOME)s",
    "a,b=c",
    "semi ; colon # hash",
    "\"double\" 'single' `back` \\ backslash",
    "'",
    '"',
    "line\nbreak\ttab",
    "$HOME ~ * ? [x] {y}",
    "Grüße, 世界 🧙",
]


def environment(pid: int | None) -> dict[str, str]:
    pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if pair)


def seen(real: SupervisordStage, name: str) -> ProcessFact:
    return real.runtime.observe([name])[name]


def gone(identity: Identity) -> bool:
    return identify(identity.pid) != identity


def test_the_environment_is_what_was_given_and_the_marks(
    real: SupervisordStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPERATORS_OWN", "s3cret")
    program = real.program("a")
    given = tuple((f"VALUE_{number}", text) for number, text in enumerate(AWKWARD))
    fact = real.up(replace(program, env=program.env + given))
    assert environment(fact.pid) == {
        **dict(program.env),
        **dict(given),
        "RECONCILER_OWNER": str(real.state.resolve()),
        "RECONCILER_MAIN": environment(fact.pid)["RECONCILER_MAIN"],
    }
    assert "OPERATORS_OWN" not in environment(real.daemon().pid)


def test_arguments_arrive_as_given(real: SupervisordStage) -> None:
    program = real.program("a")
    program = replace(program, argv=(*program.argv, *AWKWARD))
    assert command(real.up(program).pid or 0) == program.argv


def test_output_goes_to_the_log_even_without_a_supervisor(real: SupervisordStage, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    fact = real.up(real.program("a"))
    until(log.read_text, lambda text: text == "up\n")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    real.kill_supervisor()
    assert fact.pid
    os.kill(fact.pid, signal.SIGUSR2)
    until(log.read_text, lambda text: text == "up\nstill here\n")
    assert seen(real, "a").state is ProcessState.ORPHAN


def test_what_a_program_starts_is_no_orphan_and_goes_with_it(real: SupervisordStage, tmp_path: Path) -> None:
    first = real.up(real.program("a", Act.PARENT))
    tool = identify(int((tmp_path / "a.tool").read_text()))
    assert tool
    assert environment(tool.pid)["RECONCILER_PROGRAM"] == "a"
    assert seen(real, "a") == first
    real.crash("a", -9)
    second = real.ready("a", other_than=first.pid)
    assert second.state is ProcessState.RUNNING
    assert not gone(tool)  # its parent is dead, its marks still say "a"
    real.runtime.stop("a", 30)
    assert gone(tool)
    assert seen(real, "a").state is ProcessState.STOPPED


def test_what_is_left_of_a_program_is_no_orphan(real: SupervisordStage, tmp_path: Path) -> None:
    real.up(real.program("a", Act.PARENT))
    tool = identify(int((tmp_path / "a.tool").read_text()))
    assert tool
    real.kill_supervisor()
    real.crash("a", -9)
    assert seen(real, "a").state is ProcessState.STOPPED
    assert not gone(tool)
    real.runtime.stop("a", 30)
    assert gone(tool)


def test_two_reconcilers_do_not_see_each_others_programs(real: SupervisordStage, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = SupervisordStage(tmp_path / "other")
    try:
        real.up(real.program("a"))
        theirs = other.up(other.program("a"))
        real.kill_supervisor()
        assert seen(other, "a") == theirs
        other.runtime.stop("a", 30)
        assert seen(other, "a").state is ProcessState.STOPPED
        assert seen(real, "a").state is ProcessState.ORPHAN
    finally:
        other.close()


def test_programs_survive_the_process_that_started_them(real: SupervisordStage) -> None:
    program = real.program("a")
    script = (
        "import sys, json\nfrom pathlib import Path\n"
        "from reconciler.adapters.supervisord import Supervisord\nfrom reconciler.protocols.runtime import Program\n"
        "state, raw = sys.argv[1:]\nraw = json.loads(raw)\n"
        "raw['env'] = [tuple(pair) for pair in raw['env']]\n"
        "Supervisord(Path(state)).start(Program(**{k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}))"
    )
    fields = {name: getattr(program, name) for name in program.__slots__}
    argv = [sys.executable, "-c", script, str(real.state), json.dumps(fields)]
    starters = [subprocess.Popen(argv) for _ in range(2)]  # two at once: one supervisor, one program
    assert [starter.wait() for starter in starters] == [0, 0]
    fact = real.ready("a")
    assert fact.state is ProcessState.RUNNING
    assert os.getsid(real.daemon().pid) != os.getsid(0)
    assert os.readlink(f"/proc/{real.daemon().pid}/cwd") == "/"
    assert real.runs("a") == 1


def test_a_pid_file_that_names_a_stranger_is_no_supervisor(real: SupervisordStage) -> None:
    real.up(real.program("a"))
    real.kill_supervisor()
    (real.state / "supervisor" / "supervisord.pid").write_text(f"{os.getpid()}\n")
    assert seen(real, "a").state is ProcessState.ORPHAN
    real.runtime.shutdown()
    assert seen(real, "a").state is ProcessState.STOPPED


def test_a_supervisor_is_found_without_its_pid_file(real: SupervisordStage) -> None:
    before = real.up(real.program("a"))
    pid_file = real.state / "supervisor" / "supervisord.pid"
    text = pid_file.read_text()
    pid_file.unlink()
    assert seen(real, "a") == before
    real.up(real.program("b"))
    pid_file.write_text(text)


def test_a_silent_supervisor_does_not_stop_a_shutdown(real: SupervisordStage) -> None:
    program = identify(real.up(real.program("a")).pid or 0)
    daemon = real.daemon()
    assert program
    real.hang()
    real.runtime.shutdown()
    assert gone(program)
    assert gone(daemon)
    assert not (real.state / "supervisor" / "socket").exists()


def test_a_supervisor_told_to_exit_takes_its_programs_and_is_told(real: SupervisordStage) -> None:
    real.up(real.program("a"))
    real.runtime.unplanned()
    daemon = real.daemon()
    send(daemon, signal.SIGTERM)
    until(lambda: gone(daemon), bool)
    assert seen(real, "a").state is ProcessState.STOPPED
    assert list(real.runtime.unplanned()) == ["supervisord received SIGTERM and stopped every program"]
    real.up(real.program("a"))
    assert list(real.runtime.unplanned()) == []


def test_news_are_told_once_over_restarts_of_us(real: SupervisordStage) -> None:
    first = real.up(real.program("a"))
    real.crash("a", -9)
    real.ready("a", other_than=first.pid)
    assert Supervisord(real.state).unplanned() == ("a: killed by SIGKILL, started again",)
    assert Supervisord(real.state).unplanned() == ()


def test_a_long_state_path_has_a_short_socket(tmp_path: Path) -> None:
    state = tmp_path / ("long" * 20) / ("longer" * 10)
    real = SupervisordStage(tmp_path, state)
    try:
        real.up(real.program("a"))
        configuration = (state / "supervisor" / "supervisord.conf").read_text()
        socket = Path(next(line for line in configuration.splitlines() if line.startswith("file = "))[7:])
        assert stat.S_ISSOCK(socket.stat().st_mode)
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    finally:
        real.close()
    assert not socket.parent.exists()


def test_a_socket_folder_can_be_given(tmp_path: Path) -> None:
    runtime = Supervisord(tmp_path / "state", tmp_path / "run")
    stage = SupervisordStage(tmp_path)
    try:
        runtime.start(stage.program("a"))
        assert [stat.S_ISSOCK(path.stat().st_mode) for path in (tmp_path / "run").iterdir()] == [True]
    finally:
        runtime.shutdown()
    assert not (tmp_path / "run").exists()


def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o755)
    runtime = Supervisord(tmp_path / "state", tmp_path / "run")
    with pytest.raises(Terminal, match="others may enter"):
        runtime.start(SupervisordStage(tmp_path).program("a"))


def test_a_link_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "supervisor").symlink_to(tmp_path / "real")
    with pytest.raises(Terminal, match="not a folder of ours"):
        Supervisord(tmp_path / "state").start(SupervisordStage(tmp_path).program("a"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "../a"}, "can't name a program"),
        ({"name": "a b"}, "can't name a program"),
        ({"argv": ()}, "absolute path"),
        ({"argv": ("python3",)}, "absolute path"),
        ({"argv": ("/nonexistent/hermes",)}, "not an executable file"),
        ({"argv": ("/bin/sh", "a\0b")}, "NUL"),
        ({"env": (("A", "\0"),)}, "NUL"),
        ({"env": (("A=B", ""),)}, "impossible name"),
        ({"cwd": "/nonexistent"}, "is not there"),
        ({"log": "/nonexistent/a.log"}, "is not there"),
        ({"stop_signal": "HELLO"}, "not a signal"),
    ],
)
def test_what_can_not_run_is_refused_before_anything_changes(
    tmp_path: Path, change: dict[str, object], says: str
) -> None:
    program = replace(SupervisordStage(tmp_path).program("a"), **change)  # type: ignore[arg-type]
    with pytest.raises(Terminal, match=says):
        Supervisord(tmp_path / "state").start(program)
    assert not (tmp_path / "state").exists()


def test_observing_starts_and_writes_nothing(tmp_path: Path) -> None:
    runtime = Supervisord(tmp_path / "state")
    assert runtime.observe(["a"])["a"].state is ProcessState.STOPPED
    assert list(runtime.unplanned()) == []
    runtime.forget("a")
    runtime.shutdown()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_supervisord_can_not_read_is_named(real: SupervisordStage) -> None:
    before = real.up(real.program("a"))
    broken = real.state / "supervisor" / "programs" / "broken.ini"
    broken.write_text("[program:broken]\ncommand = /bin/true 50%\n")
    with pytest.raises(Terminal, match="broken"):
        real.runtime.start(real.program("b"))
    assert seen(real, "a") == before
    broken.unlink()
    real.up(real.program("b"))


@pytest.mark.parametrize("verb", ["forget", "start"])
def test_a_file_of_ours_that_can_not_be_removed_is_named(real: SupervisordStage, verb: str) -> None:
    program = real.program("a")
    real.up(program)
    real.runtime.stop("a", 5)
    blocked = real.state / "supervisor" / "programs" / "a.starts"
    blocked.unlink(missing_ok=True)
    blocked.mkdir()
    with pytest.raises(Terminal, match="a folder stands there") as caught:
        real.runtime.forget("a") if verb == "forget" else real.runtime.start(program)
    assert caught.value.where == str(blocked)
    blocked.rmdir()
    real.up(program)


def test_an_interpreter_that_vanishes_is_no_running_program(real: SupervisordStage, tmp_path: Path) -> None:
    program = real.program("a")
    tool = tmp_path / "tool"
    tool.symlink_to(program.argv[0])
    program = replace(program, argv=(str(tool), *program.argv[1:]))
    first = real.up(program)
    tool.unlink()
    real.crash("a", -9)
    fact = until(lambda: seen(real, "a"), lambda now: "too often" in now.note)
    assert fact.state is ProcessState.BACKOFF
    assert "could not start" in (tmp_path / "a.log").read_text()
    tool.symlink_to(program.argv[0] if program.argv[0] != str(tool) else sys.executable)
    real.runtime.stop("a", 30)
    assert real.up(program).pid != first.pid


def test_starts_that_were_asked_for_never_wait(real: SupervisordStage) -> None:
    for _ in range(5):
        real.up(real.program("a"))
        real.runtime.stop("a", 30)
    (start,) = (real.state / "supervisor" / "programs" / "a.starts").read_text().splitlines()
    assert start.endswith(" 0")


def test_a_stop_just_after_a_crash_is_a_stop(real: SupervisordStage) -> None:
    """Its signal must not be lost on a process that is only being made."""
    for _ in range(10):
        real.up(real.program("a"))
        real.crash("a", -9)
        assert real.runtime.stop("a", 30).forced is False
        assert seen(real, "a").state is ProcessState.STOPPED
    real.up(real.program("b"))
    assert seen(real, "a").state is ProcessState.STOPPED


def test_the_files_are_for_this_user_alone(real: SupervisordStage) -> None:
    real.up(real.program("a"))
    folder = real.state / "supervisor"
    paths = [folder, *folder.rglob("*")]
    assert len(paths) > 8
    assert [path for path in paths if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def test_a_damaged_program_file_is_written_anew(real: SupervisordStage) -> None:
    real.up(real.program("a"))
    real.runtime.stop("a", 30)
    (real.state / "supervisor" / "programs" / "a.json").write_text("{")
    (real.state / "supervisor" / "programs" / "a.ini").write_text("[program:a]\n")
    assert real.up(real.program("a")).state is ProcessState.RUNNING


def test_a_full_registration_survives_a_new_supervisor(real: SupervisordStage) -> None:
    real.up(real.program("a"))
    real.runtime.start(real.program("b", Act.EXIT, 78))
    real.kill_supervisor()
    real.runtime.stop("a", 30)
    real.up(real.program("a"))
    assert real.runs("b") == 1  # known to the new one, and not started by it
    with pytest.raises(Retryable):
        real.runtime.forget("a")
    real.runtime.forget("b")
    assert sorted(path.name for path in (real.state / "supervisor" / "programs").glob("*.ini")) == ["a.ini"]
