"""The embedded runtime: programs under a supervisord of our own, which outlives us.

The kernel tells what runs (marked processes, and whose child each is); supervisord is asked for what ended. It is never
started by observing. A program is defined by two files (supervisor_files.py), becomes itself through launch.py, and
what it left running is ended with it.
Not done here: the daemon itself (supervisor_daemon.py), its log (supervisor_log.py), health of a program.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from reconciler.adapters.by_hand import by_hand
from reconciler.adapters.disk_errors import disk_error, told
from reconciler.adapters.processes import Marked, Processes, identify
from reconciler.adapters.program_log import rotate
from reconciler.adapters.supervised_facts import FactReader
from reconciler.adapters.supervised_stop import Stopper
from reconciler.adapters.supervisor_daemon import Daemon
from reconciler.adapters.supervisor_files import Definition, definition, read_program, write
from reconciler.adapters.supervisor_layout import layout
from reconciler.adapters.supervisor_log import SupervisorLog
from reconciler.adapters.supervisor_rpc import Fault, FaultError, Info, Rpc, State
from reconciler.agents import home_of
from reconciler.errors import Retryable, Terminal
from reconciler.plan.fact import ProcessFact
from reconciler.protocols.runtime import ANYWHERE, Program, Stopped

SETTLE_SECONDS = 10.0
_ACTIVE = (State.STARTING, State.RUNNING, State.BACKOFF, State.STOPPING)


class Supervisord:
    """Implements `protocols.runtime.Runtime`; safe to call from several threads and processes.

    `state` is the reconciler's state folder. The socket lies in it, or in a short folder of its own where that path is
    too long, or in `socket_folder`. A supervisord that is silent for `answer_seconds` is Retryable. Once `hurried` says
    so, the end of a program that is to stop is no longer awaited.
    """

    def __init__(
        self,
        state: Path,
        socket_folder: Path | None = None,
        *,
        answer_seconds: float = 10.0,
        hurried: Callable[[], bool] = lambda: False,
    ) -> None:
        self._layout = layout(state, socket_folder)
        self._rpc = Rpc(self._layout.socket, answer_seconds)
        self._daemon = Daemon(self._layout, self._rpc)
        self._processes = Processes(str(self._layout.state))
        self._facts = FactReader(self._layout, self._rpc, self._daemon, self._processes)
        self._stopper = Stopper(self._layout, self._rpc, self._daemon, self._processes, hurried)
        self._log = SupervisorLog(self._layout)
        self._lock = threading.Lock()

    def observe(self, names: Sequence[str], homes: Mapping[str, str] = ANYWHERE) -> Mapping[str, ProcessFact]:
        return self._facts.read(names, homes)

    def start(self, program: Program) -> None:
        files = definition(self._layout, program)
        with self._alone():
            if self._runs_already(program, files):
                return
            self._daemon.start()
            self._register(program.name, files)
            self._spawn(program.name)
        self._settle(program.name)

    def stop(self, name: str, seconds: int, home: str = "") -> Stopped:
        """The registered stop_seconds (and a few more) are an upper limit of `seconds`."""
        return self._stopper.stop(name, seconds, home)

    def forget(self, name: str) -> None:
        """Refused with Retryable while a process of it lives."""
        if name not in set(self._layout.registered()):
            return
        with self._alone():
            if self._mains(name):
                raise Retryable("it still runs and can't be forgotten", where=name, mend="stop it first")
            if self._daemon.running() is not None:
                self._remove_group(name)
            for path in (self._layout.ini, self._layout.program, self._layout.starts, self._layout.errors):
                _remove(path(name))

    def unplanned(self, name: str = "") -> Sequence[str]:
        """Also the moment at which overlong program logs are rotated: a pass asks once for all programs."""
        if not self._layout.folder.is_dir():
            return ()
        with self._alone():
            if name:
                return self._log.news_of(name)
            for one in self._layout.registered():
                program = read_program(self._layout, one)
                with suppress(OSError):  # a full disk is told by what fails on it; the next pass tries again
                    rotate(Path(program.log)) if program else None
            return self._log.news(self._daemon.running)

    def shutdown(self) -> None:
        """A supervisord that does not answer is killed first, and its programs are then stopped as orphans."""
        if not self._layout.folder.is_dir():
            return
        with self._alone():
            self._end_silence()
            names = {*self._layout.registered(), *(m.program for m in self._processes.marked())}
            with ThreadPoolExecutor(max_workers=8) as pool:
                list(pool.map(self._stop_registered, sorted(names)))
            self._daemon.end()
            self._log.skip()

    def _stop_registered(self, name: str) -> None:
        program = read_program(self._layout, name)
        self._stopper.stop(name, program.stop_seconds if program else 10)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._lock, self._daemon.alone():
            yield

    def _end_silence(self) -> None:
        daemon = self._daemon.running_unasked()
        try:
            if daemon is not None:
                self._rpc.call("supervisor.getState")
        except Retryable:
            self._daemon.kill(daemon) if daemon else None

    def _mains(self, name: str) -> list[Marked]:
        return [mark for mark in self._processes.marked() if mark.is_main and mark.program == name]

    def _runs_already(self, program: Program, files: Definition) -> bool:
        """Raises Retryable for an orphan and for another definition: stopping is the caller's decision, and what came
        up since it looked is no fault of what is to be started."""
        daemon, name = self._daemon.running(), program.name
        home = home_of(dict(program.env))
        for gateway in by_hand(self._processes.look(), {name: home} if home else {}).get(name, ()):
            what = f"a gateway started by hand as pid {gateway.identity.pid} lives on its home, and would be doubled"
            raise Retryable(what, where=name, mend="stop it first")
        for main in self._mains(name):
            if daemon is None or main.parent != daemon.pid:
                what = f"it runs outside its supervisor as pid {main.identity.pid}, and would be doubled"
                raise Retryable(what, where=name, mend="stop it first")
        info = self._rpc.info(name) if daemon else None
        if info is None or not (info.state in _ACTIVE or info.restarts):
            return False
        if info.state is State.STOPPING:
            raise Retryable("it is being stopped", where=name, mend="wait for its end")
        if self._text(self._layout.program(name)) != files.program:
            raise Retryable("it runs with another definition", where=name, mend="stop it first")
        return True

    def _register(self, name: str, files: Definition) -> None:
        """The group goes before its file changes: whatever interrupts this, supervisord never keeps an old definition
        beside a new file, and `_spawn` registers what it doesn't know."""
        _remove(self._layout.starts(name))
        if self._text(self._layout.program(name)) != files.program:
            write(self._layout.program(name), files.program)
        if self._text(self._layout.ini(name)) != files.ini:
            self._remove_group(name)
            write(self._layout.ini(name), files.ini)

    def _spawn(self, name: str) -> None:
        try:
            self._start_process(name)
        except FaultError as fault:
            if fault.code != Fault.BAD_NAME:
                raise Terminal(f"supervisord can't run it: {fault.text}", where=name) from fault
            try:
                self._rpc.call("supervisor.reloadConfig")
                self._rpc.call("supervisor.addProcessGroup", name)
                self._start_process(name)
            except FaultError as second:
                where = str(self._layout.ini(name))
                raise Terminal(f"supervisord can't register it: {second.text}", where=where) from second

    def _start_process(self, name: str) -> None:
        try:
            self._rpc.call("supervisor.startProcess", name, False)
        except FaultError as fault:
            if fault.code == Fault.ALREADY_STARTED:
                return
            if fault.code != Fault.SPAWN_ERROR:
                raise
            info = self._rpc.info(name)
            if info is None or info.state in (State.BACKOFF, State.FATAL):
                trouble = info.trouble if info else "it is unknown"
                raise Retryable(f"supervisord could not spawn it: {trouble}", where=name) from fault

    def _settle(self, name: str) -> None:
        """Waits until the new process has become the program, so that its marks can be read, or has ended."""
        info: Info | None = self._rpc.info(name)
        deadline = time.monotonic() + SETTLE_SECONDS
        while info and info.pid and time.monotonic() < deadline:
            identity = identify(info.pid)
            if identity is None or self._processes.read(identity, 0) is not None:
                return
            time.sleep(0.005)

    def _remove_group(self, name: str) -> None:
        try:
            self._rpc.call("supervisor.removeProcessGroup", name)
        except FaultError as fault:
            if fault.code == Fault.STILL_RUNNING:
                raise Retryable("it still runs", where=name, mend="stop it first") from fault
            if fault.code != Fault.BAD_NAME:
                raise Terminal(f"supervisord can't drop it: {fault.text}", where=name) from fault

    @staticmethod
    def _text(path: Path) -> str | None:
        try:
            return path.read_text(encoding="utf-8")
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        except OSError as error:
            raise disk_error(str(path), error) from error


def _remove(path: Path) -> None:
    with told(str(path)):
        path.unlink(missing_ok=True)
