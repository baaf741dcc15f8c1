"""One run of git: started through GitPython in a session of its own, with a clean environment, ended with all its
children at a timeout or Ctrl-C.

Nothing of the caller's GIT_* reaches it; system and global configuration, hooks, prompts and helpers are off.
Not done here: what its words mean (git_words.py), credentials (git_remote.py).
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from reconciler.adapters.git_words import LOCK, MOVED
from reconciler.errors import Interrupted, Retryable, Terminal

if TYPE_CHECKING:
    from git import Git

STALE_LOCK_SECONDS = 15.0
_POLL_SECONDS = 0.2
_END_SECONDS = 2.0
_NO_GIT = "install git 2.32 or newer, and have it on PATH"
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",  # set and empty: git looks no further, not at SSH_ASKPASS either
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
}
_CONFIGURATION = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.fsync": "committed,reference",  # a queued commit has to survive a power loss
    "core.fsyncMethod": "batch",
    "credential.helper": "",
    "protocol.version": "2",
    "maintenance.auto": "false",
    "gc.autoDetach": "false",
    "fetch.writeCommitGraph": "false",
    "i18n.logOutputEncoding": "UTF-8",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one git said."""

    code: int
    out: bytes
    err: str


@dataclass(frozen=True, slots=True)
class Call:
    """One git to run; `environment` is what it gets beside the caller's variables that are not GIT_*. `cancelled` is
    asked a few times a second."""

    args: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    seconds: float
    feed: bytes = b""
    cancelled: Callable[[], bool] = lambda: False


def gitpython() -> ModuleType:
    """The module `git`, imported late because that costs 200 ms and fails where git is missing."""
    try:
        import git
    except ImportError as error:
        raise Terminal("git can't be run", mend=_NO_GIT) from error
    return git


def environment_for(path: Path | None, settings: Mapping[str, str]) -> dict[str, str]:
    """Variables for a git that works on the repository at `path`, with these Git settings beside ours."""
    pairs = [*_CONFIGURATION.items(), *settings.items()]
    environment = {**_ENVIRONMENT, "GIT_CONFIG_COUNT": str(len(pairs))}
    for number, (key, value) in enumerate(pairs):
        environment[f"GIT_CONFIG_KEY_{number}"] = key
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    if path is not None:
        environment["GIT_DIR"] = str(path)
    return environment


def run(git: Git, call: Call) -> Answer:
    """Runs the call; once more when a stale lock, or another of our own processes, was in its way.
    Raises subprocess.TimeoutExpired when it had to be ended, Interrupted when it was cancelled."""
    answer = _once(git, call)
    repository = call.environment.get("GIT_DIR", "")
    if answer.code != 0 and (_break_stale_lock(answer.err, repository) or MOVED.search(answer.err)):
        return _once(git, call)
    return answer


def _once(git: Git, call: Call) -> Answer:
    # GitPython hands os.environ on and can only add to it: what has to go is taken out by env(1), by name.
    foreign = [name for name in os.environ if name.startswith("GIT_") and name not in call.environment]
    prefix = ["env", *(part for name in foreign for part in ("-u", name))] if foreign else []
    process = _start(git, [*prefix, "git", *call.args], call)
    try:
        out, err = _wait(process, call)
    except BaseException:
        _end(process)
        raise
    return Answer(process.returncode, out, err.decode("utf-8", "replace"))


def _wait(process: subprocess.Popen[bytes], call: Call) -> tuple[bytes, bytes]:
    deadline, feed = time.monotonic() + call.seconds, call.feed
    while True:
        left = max(0.0, deadline - time.monotonic())
        try:
            return process.communicate(feed, min(left, _POLL_SECONDS))
        except subprocess.TimeoutExpired as error:
            feed = b""  # what was not taken yet is remembered, and may not be given twice
            if left <= _POLL_SECONDS:
                raise subprocess.TimeoutExpired(error.cmd, call.seconds) from error
        if call.cancelled():
            raise Interrupted(f"git {call.args[0]} was stopped")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Git takes its locks and half-written files away when it is asked to end; then nothing of its session lives on."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + _END_SECONDS
        while _lives(process.pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _lives(pid: int) -> bool:
    """Whether our child has not ended yet. It is not reaped, so that its session's number stays its own."""
    with suppress(ChildProcessError):
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    return False


def _start(git: Git, argv: list[str], call: Call) -> subprocess.Popen[bytes]:
    from git.exc import GitCommandNotFound

    environment = dict(call.environment)
    try:
        started = git.execute(argv, subprocess.PIPE, as_process=True, env=environment, start_new_session=True)
    except GitCommandNotFound as error:
        raise Terminal("git can't be run", mend=_NO_GIT) from error
    except OSError as error:
        raise Retryable(f"git can't be started: {error.strerror}") from error
    process, started.proc = started.proc, None  # ours from here on: its finaliser has nothing left to end
    assert process is not None  # noqa: S101  # as_process gave us a started process
    return process


def _break_stale_lock(err: str, repository: str) -> bool:
    """Removes the lock that a killed git left behind: an old one, of a repository in which no git is at work. A fetch
    may hold its own for as long as it lasts."""
    found = LOCK.search(err)
    if not found or not repository:
        return False
    lock = Path(found[1])
    try:
        if time.time() - lock.stat().st_mtime < STALE_LOCK_SECONDS or _at_work(repository):
            return False
        lock.unlink()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _at_work(repository: str, proc: str = "/proc") -> bool:
    """Whether a live process was started for the repository, as ours are, or stands in it. What can't be read, or has
    just ended, says nothing."""
    told, inside = f"GIT_DIR={repository}".encode(), repository.rstrip("/") + "/"
    for place in Path(proc).iterdir():
        if not place.name.isdecimal() or int(place.name) == os.getpid():
            continue
        with suppress(OSError):
            if told in (place / "environ").read_bytes().split(b"\0"):
                return True
        with suppress(OSError):
            if f"{(place / 'cwd').readlink()}/".startswith(inside):
                return True
    return False
