"""Colour, closed pipes, signals and bugs."""

from __future__ import annotations

import signal
import socket
import subprocess

import pytest

from reconciler.cli import failures
from reconciler.errors import Interrupted, Refused, Retryable, Terminal
from tests.cli.conftest import Call
from tests.cli.site import Site
from tests.cli.terminal import PATIENCE, Screen, command, environment, silent


def test_a_terminal_gets_colour(site: Site) -> None:
    terminal = Screen("plan")
    assert terminal.end() == 2
    assert "\x1b[32m" in terminal.said


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_that_wants_none_gets_none(variables: dict[str, str], site: Site) -> None:
    terminal = Screen("status", **variables)
    assert terminal.end() == 0
    assert "\x1b[" not in terminal.said


def test_colour_is_chosen_before_or_after_the_verb(here: Call) -> None:
    assert "\x1b[" not in here("plan").out
    assert "\x1b[32m" in here("--color", "plan").out
    assert "\x1b[32m" in here("plan", "--color").out
    assert "\x1b" not in here("plan", "--color", "--json").out


@pytest.mark.parametrize("words", [["--help"], ["plan", "--help"], ["plan", "-v", "--json"], ["schema", "--check"]])
def test_a_closed_pipe_is_no_error_message(words: list[str], site: Site) -> None:
    reader, writer = socket.socketpair()
    reader.close()
    with writer:
        ran = subprocess.run(
            command(*words), stdout=writer.fileno(), stderr=subprocess.PIPE, text=True, env=environment(), check=False
        )
    assert "Traceback" not in ran.stderr
    assert "BrokenPipe" not in ran.stderr


@pytest.mark.parametrize("words", [["plan"], ["status"], ["run", "--once"]])
def test_a_remote_that_hangs_is_left_by_ctrl_c(words: list[str], site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        site.config.write_text(
            site.config.read_text().replace(
                str(site.remote.path), f"http://127.0.0.1:{server.getsockname()[1]}/fleet.git"
            )
        )
        process = silent(*words)
        try:
            server.settimeout(PATIENCE)
            connection, _ = server.accept()
            with connection:
                process.send_signal(signal.SIGINT)
                _, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
            process.communicate()
    assert process.returncode == 130
    assert err.strip() == "interrupted"


def test_a_pass_ends_on_sigterm_as_on_ctrl_c(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        site.config.write_text(
            site.config.read_text().replace(
                str(site.remote.path), f"http://127.0.0.1:{server.getsockname()[1]}/fleet.git"
            )
        )
        process = silent("run", "--once")
        try:
            server.settimeout(PATIENCE)
            connection, _ = server.accept()
            with connection:
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
            process.communicate()
    assert process.returncode == 130


def test_an_ascii_terminal_gets_escapes_instead_of_an_error(site: Site) -> None:
    process = silent("plan", "-v", PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0")
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (2, "")
    assert out.isascii()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Terminal("it broke", where="file.yaml", mend="mend it"), 1),
        (Retryable("it is away"), 1),
        (Refused("policy says no"), 3),
        (Interrupted("stopped"), 130),
    ],
)
def test_expected_errors_say_what_where_and_what_to_do(
    error: Terminal | Retryable | Refused | Interrupted, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failures.expected(error, as_json=False) == code
    told = capsys.readouterr()
    assert told.out == ""
    wanted = f"error: {error.what}\n"
    wanted += f"  where: {error.where}\n" if error.where else ""
    wanted += f"  mend: {error.mend}\n" if error.mend else ""
    assert told.err == wanted


def test_errors_can_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    failures.expected(Terminal("\x1b[2Jgone", where="a\rb"), as_json=True)
    told = capsys.readouterr()
    assert "\x1b" not in told.out + told.err
    assert "\r" not in told.err


def test_a_bug_says_how_to_report_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 / len("")
    assert failures.bug(caught.value, as_json=True) == 1
    told = capsys.readouterr()
    assert "Traceback (most recent call last)" in told.err
    assert "this is a bug in reconciler: ZeroDivisionError" in told.err
    assert "report it" in told.err
    assert '"a bug in reconciler: ZeroDivisionError"' in told.out
