"""supervisord itself: whether it lives, starting it so that it outlives us, ending it.

Not done here: its programs (supervisord.py).
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from reconciler.adapters.processes import Identity, await_end, command, identify, send
from reconciler.adapters.supervisor_files import write_configuration
from reconciler.adapters.supervisor_layout import Layout
from reconciler.adapters.supervisor_rpc import FaultError, Rpc
from reconciler.errors import Retryable

START_SECONDS = 60.0
END_SECONDS = 20.0


class Daemon:
    """The supervisord of one state folder."""

    def __init__(self, layout: Layout, rpc: Rpc) -> None:
        self._layout = layout
        self._rpc = rpc

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Holds the lock that keeps other processes of ours from starting a second supervisord or the same program."""
        self._layout.make()
        try:
            fd = os.open(self._layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Retryable(f"can't be opened: {error.strerror}", where=str(self._layout.lock)) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def running(self) -> Identity | None:
        """The live supervisord, None when there is none. Raises Retryable when somebody holds the socket and does not
        answer."""
        try:
            pid = int(self._layout.pid.read_text())
        except (FileNotFoundError, ValueError):
            return self._listening()
        except OSError as error:
            raise Retryable(f"can't be read: {error.strerror}", where=str(self._layout.pid)) from error
        found = identify(pid)
        if found is None or str(self._layout.configuration) not in command(pid):
            return self._listening()
        return found

    def start(self) -> Identity:
        """The live supervisord, started when there is none. The caller holds the lock."""
        found = self.running()
        if found is not None:
            return found
        write_configuration(self._layout)
        self._launch()
        deadline = time.monotonic() + START_SECONDS
        while (found := self.running()) is None:
            if time.monotonic() > deadline:
                raise Retryable("supervisord did not come up", where=str(self._layout.log), mend="read this log")
            time.sleep(0.02)
        return found

    def end(self) -> None:
        """Ends it with what still runs under it, by force where it does not answer, and removes its socket."""
        found = self.running_unasked()
        if found is not None:
            send(found, signal.SIGTERM)
            with suppress(Retryable, FaultError):  # wakes it up: it looks at its signals between two events only
                self._rpc.call("supervisor.getState")
            if not await_end(found, END_SECONDS):
                self.kill(found)
        for path in (self._layout.socket, self._layout.pid):
            path.unlink(missing_ok=True)
        if self._layout.socket.parent != self._layout.folder:
            with suppress(OSError):  # not empty: another state's socket lies there too
                self._layout.socket.parent.rmdir()

    def running_unasked(self) -> Identity | None:
        """As `running`, of a supervisord that perhaps does not answer."""
        try:
            return self.running()
        except Retryable:
            return None

    def kill(self, identity: Identity) -> None:
        """Ends a supervisord that does not react; its programs become orphans."""
        send(identity, signal.SIGKILL)
        if not await_end(identity, END_SECONDS):
            raise Retryable(f"supervisord (pid {identity.pid}) can't be killed", where=str(self._layout.pid))

    def _listening(self) -> Identity | None:
        """The pid file is gone or names a dead process: ask whoever listens on the socket, if anybody does."""
        try:
            pid = self._rpc.listener()
        except FaultError as fault:
            raise Retryable(f"supervisord refuses: {fault.text}", where=str(self._layout.socket)) from fault
        return None if pid is None else identify(pid)

    def _launch(self) -> None:
        """It forks itself into the background once its socket listens; with an empty environment, because it hands its
        own to its programs, and in isolated mode, so that no folder of the caller's is imported from."""
        argv = [sys.executable, "-I", "-m", "supervisor.supervisord", "-c", str(self._layout.configuration)]
        try:
            done = subprocess.run(
                argv,
                env={},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
                umask=0o077,
                timeout=START_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Retryable(f"supervisord could not be started: {error}", where=argv[0]) from error
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
            reason = said[-1] if said[0].startswith("Traceback") else said[0]
            raise Retryable(f"supervisord did not start: {reason}", where=str(self._layout.configuration))
