"""One reconciler a host: a file lock that tells who holds it, and since when.

The kernel holds the lock (flock) and drops it when the holder's last descriptor closes, however it dies; what the file
says is for people only. Children never inherit the descriptor (close-on-exec), so a supervisor that outlives us does
not keep the host locked. The file stays: removing it would let two processes lock two files of one name.
Not done here: deciding what needs the lock.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from reconciler.adapters.disk_errors import told
from reconciler.errors import Retryable
from reconciler.protocols.clock import Clock

BREATH = 0.1
"""Seconds between two tries while waiting."""
SLACK = 2.0
"""Seconds by which two readings of one process's start time may differ: they hang on the system clock."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock. `started` is the process's start and `since` the moment it took the lock; seconds since the
    epoch. Pid and start together name a process; a pid alone may have been reused."""

    pid: int
    started: float
    command: str
    since: float


class HostLock:
    """A context manager; entering raises Retryable, naming the holder, when it is not free within `wait` seconds.

    `command` is how others are told what runs, such as `reconciler run`: no arguments that could hold a secret.
    """

    def __init__(self, path: Path, clock: Clock, command: str, *, wait: float = 0.0) -> None:
        self._path = path
        self._clock = clock
        self._command = command
        self._wait = wait
        self._descriptor: int | None = None

    def __enter__(self) -> HostLock:
        if self._descriptor is not None:
            raise RuntimeError("this lock is held already")
        with told(str(self._path)):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = self._take()
            self._sign(self._descriptor)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):
                os.ftruncate(descriptor, 0)
            os.close(descriptor)

    def _take(self) -> int:
        deadline = self._clock.monotonic() + self._wait
        while (descriptor := _locked(self._path)) is None:
            if self._clock.monotonic() >= deadline:
                raise self._taken()
            self._clock.sleep(BREATH)
        return descriptor

    def _sign(self, descriptor: int) -> None:
        me = Holder(os.getpid(), _start_of(os.getpid()) or 0.0, self._command, float(self._clock.now()))
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(asdict(me)).encode(), 0)
        except OSError:
            self.__exit__(None, None, None)
            raise

    def _taken(self) -> Retryable:
        found = holder(self._path)
        who = "another reconciler, which is just starting,"
        if found:
            age = _age(self._clock.now() - found.since)
            who = f"another reconciler (pid {found.pid}, `{found.command}`, for {age})"
        return Retryable(
            f"{who} is at work on this host",
            where=str(self._path),
            mend="let it finish, or stop it; there is one reconciler a host",
        )


def holder(path: Path) -> Holder | None:
    """Who says that it holds the lock and is still alive; None otherwise. Never touches the lock itself."""
    try:
        found = _parsed(path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    if found is None:
        return None
    started = _start_of(found.pid)
    return found if started is not None and abs(started - found.started) <= SLACK else None


def _locked(path: Path) -> int | None:
    """A descriptor that holds the lock of the file that has this name now; None when somebody else has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), path.lstat()):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass  # held by another, or removed under our hands: the next try sees the new file
    except OSError:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _parsed(text: str) -> Holder | None:
    try:
        match json.loads(text):
            case {"pid": int(pid), "started": float(started), "command": str(command), "since": float(since)}:
                return Holder(pid, started, command, since)
    except ValueError:
        pass
    return None


def _start_of(pid: int) -> float | None:
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except (psutil.Error, ValueError, OverflowError):
        return None


def _age(seconds: float) -> str:
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {name}{'s' if count != 1 else ''}"
    return f"{max(int(seconds), 0)} s"
