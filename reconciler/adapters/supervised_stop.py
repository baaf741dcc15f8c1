"""Ends a program wherever it runs: under its supervisor, outside it, and what it left running.

Every signal goes to a process that was identified by pid and start time; see processes.py.
Not done here: deciding that something has to stop.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence

from reconciler.adapters.by_hand import by_hand
from reconciler.adapters.launch import main_mark
from reconciler.adapters.processes import Gateway, Identity, Marked, Processes, await_end, identify, send
from reconciler.adapters.supervisor_daemon import Daemon
from reconciler.adapters.supervisor_files import KILL_GRACE_SECONDS, read_program, stop_signal
from reconciler.adapters.supervisor_layout import Layout
from reconciler.adapters.supervisor_rpc import Fault, FaultError, Info, Rpc, State
from reconciler.errors import Interrupted, Retryable
from reconciler.protocols.runtime import Program, Stopped

DEATH_SECONDS = 20.0
"""How long a killed process may take to end, and supervisord to notice it."""
REMAINS_SECONDS = 2.0
YOUNG_SECONDS = 10.0
AGAIN_SECONDS = 0.5
HANDS = 10
"""Gateways that were started by hand on one home and are stopped at once; more are the work of a loop."""
_NOTHING = Stopped(None, forced=False)


class Stopper:
    """Holds no lock while it waits: several programs are stopped at once."""

    def __init__(
        self, layout: Layout, rpc: Rpc, daemon: Daemon, processes: Processes, hurried: Callable[[], bool]
    ) -> None:
        self._hurried = hurried
        self._layout = layout
        self._rpc = rpc
        self._daemon = daemon
        self._processes = processes

    def stop(self, name: str, seconds: int, home: str = "") -> Stopped:
        """Raises Retryable when a killed process does not end, or supervisord does not answer; Interrupted when there
        is no time to wait for its end any more: it goes on stopping."""
        program = read_program(self._layout, name)
        result = _NOTHING
        daemon = self._daemon.running()
        if daemon is not None:
            result = self._stop_supervised(name, program, seconds)
        for mark in self._marked(name):
            if mark.is_main:
                send(mark.identity, stop_signal(program))
                forced = self._killed_after(mark.identity, stop_signal(program), seconds)
                result = Stopped(None, forced or result.forced)
        for gateway in self._started_by_hand(name, home):
            asked = signal.Signals["SIG" + gateway.stop_signal]
            send(gateway.identity, asked)
            forced = self._killed_after(gateway.identity, asked, seconds)
            result = Stopped(None, forced or result.forced)
        self._end_remains(name)
        return result

    def _started_by_hand(self, name: str, home: str) -> Iterator[Gateway]:
        """One after the other, as long as there is one. Raises Retryable where somebody starts it again each time."""
        for _ in range(HANDS):
            found = by_hand(self._processes.look(), {name: home}).get(name) if home else None
            if not found:
                return
            yield found[0]
        what = f"it is started by hand again each time that it is stopped ({HANDS} times now)"
        raise Retryable(
            what, where=name, mend="look for what starts it, such as a loop in a shell or another supervisor"
        )

    def _stop_supervised(self, name: str, program: Program | None, seconds: int) -> Stopped:
        if program is not None:  # supervisord forces it later than this
            seconds = min(seconds, program.stop_seconds + KILL_GRACE_SECONDS - 1)
        while True:
            info = self._settled(name)
            if info is None or info.state in (State.STOPPED, State.EXITED, State.FATAL, State.UNKNOWN):
                return _NOTHING
            if info.state is State.STOPPING or self._asked_to_stop(name):
                break
        target = self._target(name)
        forced = target is not None and self._killed_after(target, stop_signal(program), seconds)
        info = self._collected(name)
        return Stopped(_exit_code(info, forced, stop_signal(program)), forced)

    def _target(self, name: str) -> Identity | None:
        info = self._rpc.info(name)
        return identify(info.pid) if info and info.pid else None

    def _killed_after(self, identity: Identity, asked: signal.Signals, seconds: float) -> bool:
        """Waits for the end of a process that was asked to stop; True when it had to be killed. A young one is asked
        again: a signal is lost on a process that is not yet its program, and sometimes on one whose interpreter is just
        coming up (seen with Python)."""
        deadline = time.monotonic() + seconds
        while not await_end(identity, min(AGAIN_SECONDS, deadline - time.monotonic())):
            if self._hurried():
                raise Interrupted(f"pid {identity.pid} was asked to stop, and its end was not awaited")
            if time.monotonic() >= deadline:
                break
            if identity.age < YOUNG_SECONDS and deadline - time.monotonic() > AGAIN_SECONDS:
                send(identity, asked)
        else:
            return False
        send(identity, signal.SIGKILL)
        if not await_end(identity, DEATH_SECONDS):
            raise Retryable(f"pid {identity.pid} was killed and does not end", mend="look for a disk that hangs")
        return True

    def _settled(self, name: str) -> Info | None:
        """Between an unexpected end and the start after it there is nothing to stop, and a stop would be refused; each
        question makes supervisord go on."""
        deadline = time.monotonic() + DEATH_SECONDS
        while (info := self._rpc.info(name)) is not None and info.restarts:
            if time.monotonic() > deadline:
                raise Retryable("supervisord neither starts it again nor gives it up", where=name)
            time.sleep(0.02)
        return info

    def _asked_to_stop(self, name: str) -> bool:
        """False when it ended by itself meanwhile; it may be about to be started again."""
        try:
            self._rpc.call("supervisor.stopProcess", name, False)
        except FaultError as fault:
            if fault.code in (Fault.NOT_RUNNING, Fault.BAD_NAME):
                return False
            raise Retryable(f"supervisord can't stop it: {fault.text}", where=name) from fault
        return True

    def _collected(self, name: str) -> Info | None:
        """supervisord's view after the death; a start before it has noticed would be refused."""
        deadline = time.monotonic() + DEATH_SECONDS
        while True:
            info = self._rpc.info(name)
            if info is None or info.pid is None:
                return info
            if time.monotonic() > deadline:
                raise Retryable(f"supervisord still holds it as pid {info.pid}", where=name)
            time.sleep(0.02)

    def _marked(self, name: str) -> Sequence[Marked]:
        return [mark for mark in self._processes.marked() if mark.program == name]

    def _end_remains(self, name: str) -> None:
        """Ends tools that the program started and left behind: they would hold its files and ports, as systemd's
        control group would not let them."""
        marked = self._marked(name)
        living = {main_mark(mark.identity.pid, mark.identity.ticks) for mark in marked if mark.is_main}
        remains = [mark.identity for mark in marked if not mark.is_main and mark.main not in living]
        for number in (signal.SIGTERM, signal.SIGKILL):
            deadline = time.monotonic() + REMAINS_SECONDS
            remains = [identity for identity in remains if send(identity, number)]
            remains = [identity for identity in remains if not await_end(identity, deadline - time.monotonic())]


def _exit_code(info: Info | None, forced: bool, asked: signal.Signals) -> int | None:
    """supervisord tells only that a signal ended it: ours, then."""
    if forced:
        return -signal.SIGKILL
    if info is None or info.exit_code is None:
        return None
    return -asked if info.exit_code < 0 else info.exit_code
