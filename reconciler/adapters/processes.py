"""Live processes as the kernel tells them: who they are, which program they were started as, signals without mix-ups.

A process is its pid AND its start time; a pid alone may have been given to somebody else meanwhile.
Not done here: who supervises a process and what to do about it (supervisord.py).
"""

from __future__ import annotations

import errno
import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from reconciler.adapters.launch import main_mark
from reconciler.agents import gateway_in
from reconciler.protocols.runtime import INPUTS_VARIABLE, MAIN_VARIABLE, PROGRAM_VARIABLE, STATE_VARIABLE

PROC = Path("/proc")
POLL_SECONDS = 0.05
_ENDED = (b"Z", b"X", b"x")
_NO_PIDFD = (errno.ENOSYS, errno.EPERM, errno.EINVAL)


@dataclass(frozen=True, slots=True)
class Identity:
    """`ticks` is the start time in clock ticks since boot, exact where seconds since the epoch are not."""

    pid: int
    ticks: int

    @property
    def started(self) -> float:
        """Seconds since the epoch, as psutil computes it."""
        return _boot_time() + self.ticks / os.sysconf("SC_CLK_TCK")

    @property
    def age(self) -> float:
        """Seconds since its start."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) - self.ticks / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Marked:
    """A live process that carries our variables. `main` is the mark of the process that was started as the program;
    what that one started inherits it."""

    identity: Identity
    parent: int
    program: str
    inputs: str | None
    main: str

    @property
    def is_main(self) -> bool:
        return self.main == main_mark(self.identity.pid, self.identity.ticks)


@dataclass(frozen=True, slots=True)
class Gateway:
    """A live gateway of a program, whoever started it. `home` is what its environment says; `mark` is what it carries
    of ours. One that another reconciler started is none of ours."""

    identity: Identity
    parent: int
    home: str
    stop_signal: str
    mark: Marked | None


@dataclass(frozen=True, slots=True)
class Live:
    """The processes of one walk that mean something here."""

    marked: list[Marked]
    gateways: list[Gateway]


@dataclass(frozen=True, slots=True)
class _Stat:
    identity: Identity
    parent: int
    image: tuple[bytes, bytes, bytes]
    """Where stack and environment lie: changes when the process executes another program."""


class Processes:
    """Finds the marked processes of one state folder. Environments are read once a process and program image."""

    def __init__(self, state: str) -> None:
        self._state = state.encode()
        self._seen: dict[int, tuple[_Stat, Marked | None, Gateway | None]] = {}

    def marked(self) -> list[Marked]:
        """Every live process that was started under this state folder, and all that inherited its variables."""
        return self.look().marked

    def look(self) -> Live:
        """The same, and every gateway of a program that this user may look into."""
        before, now = self._seen, {}
        for entry in os.scandir(PROC):
            if not entry.name.isdigit():
                continue
            stat = _stat(int(entry.name))
            if stat is None:
                continue
            pid = stat.identity.pid
            old = before.get(pid)
            same = old is not None and old[0] == stat
            now[pid] = old if old is not None and same else self._read(stat)
        self._seen = now
        marked = [mark for _, mark, _ in now.values() if mark is not None]
        return Live(marked, [gateway for *_, gateway in now.values() if gateway is not None])

    def _read(self, stat: _Stat) -> tuple[_Stat, Marked | None, Gateway | None]:
        env = _environment(stat.identity.pid)
        mark = self._mark(stat.identity, stat.parent, env)
        if mark is None and STATE_VARIABLE.encode() in env:
            return stat, None, None
        return stat, mark, _gateway(stat, env, mark)

    def read(self, identity: Identity, parent: int) -> Marked | None:
        """The marks of one process, None when it carries none of ours or is gone."""
        return self._mark(identity, parent, _environment(identity.pid))

    def _mark(self, identity: Identity, parent: int, env: dict[bytes, bytes]) -> Marked | None:
        program = env.get(PROGRAM_VARIABLE.encode())
        if program is None or env.get(STATE_VARIABLE.encode()) != self._state:
            return None
        inputs = env.get(INPUTS_VARIABLE.encode())
        main = env.get(MAIN_VARIABLE.encode(), b"")
        return Marked(
            identity=identity,
            parent=parent,
            program=program.decode(errors="replace"),
            inputs=None if inputs is None else inputs.decode(errors="replace"),
            main=main.decode(errors="replace"),
        )


def _gateway(stat: _Stat, env: dict[bytes, bytes], mark: Marked | None) -> Gateway | None:
    told = {name.decode(errors="replace"): os.fsdecode(value) for name, value in env.items() if b"HOME" in name}
    pid = stat.identity.pid
    agent = gateway_in(told, lambda: command(pid))
    if agent is None:
        return None
    return Gateway(stat.identity, stat.parent, told[agent.home_variable], agent.stop_signal, mark)


def identify(pid: int) -> Identity | None:
    """The live process with this pid; None when there is none or it has ended and waits to be collected."""
    stat = _stat(pid)
    return None if stat is None else stat.identity


def command(pid: int) -> tuple[str, ...]:
    """The argv of a process; empty when it is gone or not ours to see."""
    try:
        raw = (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return ()
    return tuple(raw.decode(errors="replace").split("\0"))[:-1]


def send(identity: Identity, number: signal.Signals) -> bool:
    """Sends a signal to exactly this process; False when it is gone, whoever has its pid now."""
    with _pinned(identity) as handle:
        if handle is None:
            return False
        try:
            if handle >= 0:
                signal.pidfd_send_signal(handle, number)
            else:
                os.kill(identity.pid, number)
        except ProcessLookupError:
            return False
    return True


def await_end(identity: Identity, seconds: float) -> bool:
    """Waits until this process has ended; False when it still lives after `seconds`."""
    with _pinned(identity) as handle:
        if handle is None:
            return True
        if handle >= 0:
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            return bool(poll.poll(max(0.0, seconds) * 1000))
    deadline = time.monotonic() + seconds
    while identify(identity.pid) == identity:
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


@contextmanager
def _pinned(identity: Identity) -> Iterator[int | None]:
    """A pidfd of the process, -1 where the kernel has none, None when the process is gone. The identity is checked
    after the descriptor exists: from then on it can't come to mean another process."""
    handle = -1
    try:
        handle = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        yield None
        return
    except OSError as error:
        if error.errno not in _NO_PIDFD:
            raise
    try:
        yield handle if identify(identity.pid) == identity else None
    finally:
        if handle >= 0:
            os.close(handle)


def _stat(pid: int) -> _Stat | None:
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return None
    try:
        raw = os.read(fd, 2048)
    except ProcessLookupError:
        return None
    finally:
        os.close(fd)
    fields = raw.rpartition(b")")[2].split()  # fields[0] is field 3 of proc(5): the name before may hold anything
    if not fields or fields[0] in _ENDED:
        return None
    return _Stat(Identity(pid, int(fields[19])), int(fields[1]), (fields[25], fields[47], fields[48]))


def _environment(pid: int) -> dict[bytes, bytes]:
    with suppress(OSError):  # gone, or another user's: not a process that we started
        raw = (PROC / str(pid) / "environ").read_bytes()
        return dict(pair.split(b"=", 1) for pair in raw.split(b"\0") if b"=" in pair)
    return {}


@cache
def _boot_time() -> float:
    for line in (PROC / "stat").read_text().splitlines():
        if line.startswith("btime "):
            return float(line.split()[1])
    raise OSError("/proc/stat names no boot time")
