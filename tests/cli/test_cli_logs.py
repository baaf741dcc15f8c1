"""`logs`: the tail, what follows it, and that nothing in it reaches the terminal as a command."""

from __future__ import annotations

import signal
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest

from reconciler.cli.follow import follow
from reconciler.cli.logtext import readable
from tests.cli.conftest import Call
from tests.cli.site import Site
from tests.cli.terminal import PATIENCE, silent


@pytest.fixture
def log(here: Call, site: Site) -> Path:
    assert here("run", "--once").code == 0
    return site.root / "ada" / "logs" / "gateway.log"


def test_the_last_lines(here: Call, log: Path) -> None:
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    ran = here("logs", "ada", "-n", "3")
    assert (ran.code, ran.out, ran.err) == (0, "line 97\nline 98\nline 99\n", "")
    assert len(here("logs", "ada").out.splitlines()) == 50


def test_escapes_are_taken_out(here: Call, log: Path) -> None:
    log.write_bytes(b"\x1b[31mred\x1b[0m\r\n\x1b]0;title\x07\ttab \x9b2J \xff end\n")
    ran = here("logs", "ada")
    assert "\x1b" not in ran.out
    assert "\x9b" not in ran.out
    assert ran.out.startswith("red\n        tab ")
    assert here("logs", "ada", "--raw").out.startswith("\x1b[31mred")


@pytest.mark.parametrize("how", [(), ("--raw",), ("--json",)])
def test_secrets_are_masked(how: tuple[str, ...], here: Call, log: Path) -> None:
    """What we put into its .env, what the agent keeps itself, and what looks like a credential."""
    home = log.parent.parent / "home"
    ours = next(line for line in (home / ".env").read_text().splitlines() if line.startswith("API_SERVER_KEY="))
    key = ours.partition("=")[2].strip("'\"")
    with (home / ".env").open("a") as env:
        env.write("LEARNT=the agents own words\n")
    said = f"asked with {key} and the agents own words, Authorization: Bearer abcdefgh12345678\n"
    log.write_text(said)
    ran = here("logs", "ada", *how)
    assert "asked with *** and ***, Authorization: Bearer ***" in ran.out
    assert key not in ran.out


def test_json(here: Call, log: Path) -> None:
    log.write_text("one\ntwo\n")
    ran = here("logs", "ada", "--json")
    assert ran.json == {"format": 1, "wizard": "ada", "path": str(log), "lines": ["one", "two"]}


def test_no_log_yet(here: Call, log: Path) -> None:
    ran = here("logs", "ada")
    assert (ran.code, ran.out) == (0, "")
    assert f"there is no log yet: {log}" in ran.err


def test_unknown_wizard(here: Call, log: Path) -> None:
    ran = here("logs", "adda")
    assert ran.code == 1
    assert "did you mean ada?" in ran.err


def test_following_prints_what_is_added_until_it_is_interrupted(log: Path) -> None:
    log.write_text("first\n")
    process = silent("logs", "ada", "-f")
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "first\n"
        with log.open("a") as stream:
            stream.write("sec")
            stream.flush()
            stream.write("ond \x1b[2J\n")
        assert process.stdout.readline() == "second \n"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 130
    finally:
        process.kill()
        process.communicate()


def test_following_goes_through_rotation_and_truncation(tmp_path: Path) -> None:
    path = tmp_path / "gateway.log"
    path.write_text("old\n" * 10 + "one\n")
    with closing(follow(path, 1)) as lines:
        assert next(lines) == "one\n"
        path.rename(tmp_path / "gateway.log.1")
        path.write_text("the second file\n")
        assert next(lines) == "the second file\n"
        path.write_text("three\n")
        assert next(lines) == "three\n"


def test_following_waits_for_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "gateway.log"
    writer = Thread(target=path.write_text, args=("here\n",))
    with closing(follow(path, 5)) as lines:
        writer.start()
        assert next(lines) == "here\n"
    writer.join()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\n", "plain\n"),
        ("no end", "no end"),
        ("a\tb", "a       b"),
        ("50%\r100%\r\n", "50%\\r100%\n"),
        ("\x1b[1;31mx\x1b[m", "x"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b", "\\x1b"),
        ("\u202ertl", "\\u202ertl"),
        ("émoji 🙂\n", "émoji 🙂\n"),
    ],
)
def test_readable(text: str, shown: str) -> None:
    assert readable(text) == shown
