"""Becomes a program: the supervisor runs this file, and it replaces itself with what a program file describes.

Run as `python -I -S launch.py PROGRAM.json`. The supervisor's own configuration can't express every value (both kinds
of quotes, `%(here)s`, ` ;`), adds variables of its own, and drops the program's output when it dies. Here the argv, the
environment, the folder and the log are exactly those of the file, and the process stays the supervisor's own child.
A program that keeps ending is made to wait longer before each further start.
Not done here: deciding whether a program starts again (the supervisor does). Standard library only, nothing of ours:
this runs at every start, in an interpreter without site-packages.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

WINDOW_SECONDS = 120.0
FREE_STARTS = 3
LONGEST_WAIT_SECONDS = 30


def launch(path: str) -> None:
    """Replaces this process; returns only by raising OSError or ValueError."""
    supervisor = os.getppid()
    for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python changes these three, and ignoring is inherited
    os.umask(0o077)
    with open(path, "rb") as file:  # noqa: PTH123 - pathlib costs as much as the rest of the start
        program = json.load(file)
    _redirect(program["log"])
    _wait_turn(f"{path.removesuffix('.json')}.starts", supervisor)
    env = {name.encode(): value.encode() for name, value in program["env"]}
    env[b"RECONCILER_MAIN"] = main_mark(os.getpid(), _ticks()).encode()
    argv = [word.encode() for word in program["argv"]]
    os.chdir(program["cwd"])
    os.execve(argv[0], argv, env)  # noqa: S606


def main_mark(pid: int, ticks: int) -> str:
    return f"{pid}:{ticks}"


def _redirect(log: str) -> None:
    """The program writes its log itself: it must not stall with the supervisor, nor break when that dies."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)


def _wait_turn(path: str, supervisor: int) -> None:
    """Records this start as a line `pid monotonic-seconds wait-seconds`, then sleeps where there were many lately.
    The file is removed by a start that somebody asked for."""
    now = time.monotonic()
    recent = [line for line in _lines(path) if 0 <= now - float(line.split()[1]) < WINDOW_SECONDS]
    wait = min(2 ** (len(recent) - FREE_STARTS), LONGEST_WAIT_SECONDS) if len(recent) >= FREE_STARTS else 0
    text = "".join(f"{line}\n" for line in [*recent, f"{os.getpid()} {now} {wait}"])
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
    if wait:
        time.sleep(wait)
        if os.getppid() != supervisor:
            raise ValueError("the supervisor ended while this program waited for its start")


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="ascii") as file:  # noqa: PTH123
            return [line for line in file.read().splitlines() if line.count(" ") == 2]
    except FileNotFoundError:
        return []


def _ticks() -> int:
    """Start time of this process in clock ticks since boot: field 22 of proc(5), after a free-form name."""
    with open("/proc/self/stat", "rb") as file:  # noqa: PTH123
        return int(file.read().rpartition(b")")[2].split()[19])


if __name__ == "__main__":
    try:
        launch(sys.argv[1])
    except (OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"could not start: {error}\n")
        sys.exit(127)
