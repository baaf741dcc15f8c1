"""Cuts short what we wait for when the daemon has to stop: gits, installs, and programs that take long to end.

Nothing is lost by it: a fetch or an install that was cut off is done again, and a program that was asked to stop goes
on stopping. Not done here: deciding to stop.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from threading import Event, Thread

_TOOLS = frozenset({"git", "uv", "env"})
_AGAIN_SECONDS = 0.2


class Hurry:
    """Asked from the loops that wait, said once by whoever stops the daemon, over when the daemon has stopped."""

    def __init__(self) -> None:
        self._said = Event()
        self._over = Event()

    def __bool__(self) -> bool:
        return self._said.is_set()

    def say(self) -> None:
        """From now on nothing is waited for; git and uv, each a session of its own, are ended with their children.
        So are those that begin later: somebody may just have been about to start one. May be said in a signal's
        handler."""
        if not self._said.is_set():
            self._said.set()
            Thread(target=self._end_all, name="hurry", daemon=True).start()

    def over(self) -> None:
        """From now on nothing is ended any more."""
        self._over.set()

    def _end_all(self) -> None:
        _end_tools()
        while not self._over.wait(_AGAIN_SECONDS):
            _end_tools()


def _end_tools() -> None:
    import psutil

    for child in psutil.Process().children():
        with suppress(psutil.Error, ProcessLookupError, PermissionError):
            if child.name() in _TOOLS and os.getsid(child.pid) == child.pid:
                os.killpg(child.pid, signal.SIGKILL)
