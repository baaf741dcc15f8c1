"""Kills a pass at the n-th system call with which it changes something below the root or the state folder: also between
the making of a file and its text, and between two pieces of a text, where the interpreter tells of nothing. Or lets the
call fail instead: what the supervisor is told stands in files that the tests of a failing disk don't have.

The kernel hands each call to us first. What the pass has started (Git) lives on to its end, as after any kill.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Mapping

from tests.faults.syscalls import Call, Listener, surrender
from tests.kills.site import Ended, Site, end_with

_REST_SECONDS = 30.0


class Watch:
    """Counts the calls of one process; `at` is the one at which it is killed (from 1; 0: never). With an `error`, only
    calls at the supervisor's files are counted, and that one fails."""

    def __init__(self, site: Site, at: int, error: int = 0) -> None:
        self._places = (f"{site.root}/", f"{site.state}/") if not error else (f"{site.state}/supervisor/",)
        self._at = at
        self._error = error
        self.count = 0
        self.where = ""

    def run(self, work: Callable[[], Mapping[str, object]]) -> Ended:
        ours, theirs = socket.socketpair()
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            ours.close()
            surrender(theirs)
            theirs.close()
            end_with(work, writer)
        os.close(writer)
        theirs.close()
        listener = Listener(ours)
        text = self._serve(listener, reader, pid)
        _, status = os.waitpid(pid, 0)
        self._rest(listener)
        listener.close()
        ours.close()
        os.close(reader)
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        return Ended(number, json.loads(text) if text.endswith(b"}") else {})

    def _serve(self, listener: Listener, reader: int, pid: int) -> bytes:
        """Lets the calls through until the process has ended; what it said."""
        poll, text = select.poll(), b""
        for fd in (listener.fd, reader):
            poll.register(fd, select.POLLIN)
        while True:
            for fd, event in poll.poll():
                if fd == reader:
                    piece = os.read(reader, 1 << 20)
                    if not piece:
                        return text
                    text += piece
                elif event & select.POLLIN and (call := listener.receive()):
                    due = self._due(call, pid)
                    if due and not self._error:
                        os.kill(pid, signal.SIGKILL)
                        return text
                    listener.answer(call, self._error if due else 0)

    def _due(self, call: Call, pid: int) -> bool:
        if not call.path.startswith(self._places) or call.process != pid:
            return False
        self.count += 1
        if self.count == self._at:
            self.where = f"{call.name} {call.path}"
        return self.count == self._at

    def _rest(self, listener: Listener) -> None:
        """Lets through what the children of the killed one still do, until there is none."""
        poll, until = select.poll(), time.monotonic() + _REST_SECONDS
        poll.register(listener.fd, select.POLLIN)
        while time.monotonic() < until:
            for _, event in poll.poll(1000):
                if event & select.POLLIN and (call := listener.receive()):
                    listener.answer(call)
                elif event & select.POLLHUP:
                    return
