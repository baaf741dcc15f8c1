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
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from reconciler.adapters.git_words import LOCK, MOVED
from reconciler.errors import Retryable, Terminal

if TYPE_CHECKING:
    from git import Git

STALE_LOCK_SECONDS = 15.0
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
    """One git to run; `environment` is what it gets beside the caller's variables that are not GIT_*."""

    args: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    seconds: float
    feed: bytes = b""


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
    Raises subprocess.TimeoutExpired when it had to be killed."""
    answer = _once(git, call)
    if answer.code != 0 and (_break_stale_lock(answer.err) or MOVED.search(answer.err)):
        return _once(git, call)
    return answer


def _once(git: Git, call: Call) -> Answer:
    # GitPython hands os.environ on and can only add to it: what has to go is taken out by env(1), by name.
    foreign = [name for name in os.environ if name.startswith("GIT_") and name not in call.environment]
    prefix = ["env", *(part for name in foreign for part in ("-u", name))] if foreign else []
    process = _start(git, [*prefix, "git", *call.args], call)
    try:
        out, err = process.communicate(call.feed, call.seconds)
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    return Answer(process.returncode, out, err.decode("utf-8", "replace"))


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


def _break_stale_lock(err: str) -> bool:
    """Removes the lock that a killed git left behind. Ours are held for milliseconds, so an old one has no owner."""
    found = LOCK.search(err)
    if not found:
        return False
    lock = Path(found[1])
    try:
        if time.time() - lock.stat().st_mtime < STALE_LOCK_SECONDS:
            return False
        lock.unlink()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
