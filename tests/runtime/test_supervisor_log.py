"""What the log says, in sentences: case tables and a log that is rotated meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.adapters.processes import Identity
from reconciler.adapters.program_log import rotate
from reconciler.adapters.supervisor_layout import layout
from reconciler.adapters.supervisor_log import SupervisorLog

STARTED = "INFO supervisord started with pid 7"
CRASHED = "WARN exited: a (exit status 1; not expected)"


def alive() -> Identity | None:
    return Identity(7, 1)


def dead() -> Identity | None:
    return None


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "supervisor").mkdir()
    return tmp_path


def write(state: Path, *lines: str, mode: str = "a") -> None:
    with (state / "supervisor" / "supervisord.log").open(mode) as log:
        log.writelines(f"2026-01-02 03:04:05,678 {line}\n" for line in lines)


def told(state: Path, running: Callable[[], Identity | None] = alive) -> list[str]:
    """As a new process of ours each time."""
    return list(SupervisorLog(layout(state, None)).news(running))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("WARN exited: a (terminated by SIGKILL; not expected)", "a: killed by SIGKILL, started again"),
        ("WARN exited: a (terminated by SIGSEGV (core dumped); not expected)", "a: killed by SIGSEGV, started again"),
        (CRASHED, "a: ended with exit code 1, started again"),
        ("INFO exited: a.b-c (exit status 78; expected)", "a.b-c: ended with exit code 78, not started again"),
        ("INFO gave up: a entered FATAL state, too many start retries too quickly", "a: could not be started; "),
        ("WARN received SIGHUP indicating restart request", "supervisord received SIGHUP and stopped every program"),
        ("INFO spawned: 'a' with pid 12", ""),
        ("WARN stopped: a (terminated by SIGINT)", ""),
        ("INFO waiting for a to stop", ""),
        ("CRIT Server 'unix_http_server' running without any HTTP authentication checking", ""),
    ],
)
def test_a_line_and_its_sentence(state: Path, line: str, sentence: str) -> None:
    write(state, line)
    news = told(state)
    assert len(news) == (1 if sentence else 0)
    assert "".join(news).startswith(sentence)
    assert told(state) == []


def test_the_same_event_is_counted(state: Path) -> None:
    write(state, CRASHED, CRASHED, CRASHED)
    assert told(state) == ["a: ended with exit code 1, started again (3 times)"]


def test_news_of_one_program_keep_those_of_the_others(state: Path) -> None:
    """Over processes of ours, in order, and also when its memory is an older one."""
    write(state, CRASHED.replace(" a ", " b "))
    assert len(told(state)) == 1
    memory = state / "supervisor" / "told.json"
    shape = json.loads(memory.read_text())
    memory.write_text(json.dumps({name: value for name, value in shape.items() if name != "kept"}))
    write(state, CRASHED, CRASHED, CRASHED.replace(" a ", " b "))
    log = SupervisorLog(layout(state, None))
    assert list(log.news_of("a")) == ["a: ended with exit code 1, started again (2 times)"]
    write(state, CRASHED.replace(" a ", " c "))
    assert [text[0] for text in told(state)] == ["b", "c"]
    assert told(state) == []


def test_half_a_line_waits_for_its_end(state: Path) -> None:
    log = state / "supervisor" / "supervisord.log"
    log.write_text("2026-01-02 03:04:05,678 WARN exited: a (exit sta")
    assert told(state) == []
    with log.open("a") as file:
        file.write("tus 1; not expected)\n")
    assert told(state) == ["a: ended with exit code 1, started again"]


def test_the_rest_of_a_rotated_log_is_told_first(state: Path) -> None:
    write(state, CRASHED)
    assert len(told(state)) == 1
    write(state, CRASHED.replace(" a ", " b "))
    log = state / "supervisor" / "supervisord.log"
    log.rename(log.with_name("supervisord.log.1"))
    write(state, CRASHED.replace(" a ", " c "))
    assert [text[0] for text in told(state)] == ["b", "c"]
    assert told(state) == []


def test_a_dead_supervisor_is_told_once(state: Path) -> None:
    write(state, STARTED)
    assert told(state) == []
    assert told(state, dead) == ["supervisord (pid 7) died without stopping its programs"]
    assert told(state, dead) == []
    write(state, STARTED.replace("7", "8"))
    assert told(state) == []


def test_a_death_between_two_looks_is_told(state: Path) -> None:
    write(state, STARTED, STARTED.replace("7", "8"))
    assert told(state) == ["supervisord (pid 7) died and was started again (pid 8)"]


def test_an_exit_that_is_logged_while_we_look_is_no_death(state: Path) -> None:
    write(state, STARTED)

    def exits_now() -> Identity | None:
        write(state, "WARN received SIGTERM indicating exit request")
        return None

    assert told(state, exits_now) == ["supervisord received SIGTERM and stopped every program"]
    assert told(state, dead) == []


def test_a_damaged_memory_tells_twice_rather_than_not(state: Path) -> None:
    write(state, CRASHED)
    assert len(told(state)) == 1
    (state / "supervisor" / "told.json").write_text("[")
    assert len(told(state)) == 1


def test_a_small_log_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    assert rotate(log) is False
    log.write_text("12345")
    assert rotate(log, limit=5) is False
    assert log.read_text() == "12345"


def test_a_writer_goes_on_in_an_emptied_log(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    with log.open("a") as writer:
        writer.write("old text\n")
        writer.flush()
        assert rotate(log, limit=5) is True
        writer.write("new\n")
    assert log.read_text() == "new\n"
    assert (tmp_path / "a.log.1").read_text() == "old text\n"
    assert (tmp_path / "a.log.1").stat().st_mode & 0o777 == 0o600
