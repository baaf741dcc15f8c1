"""Cuts short what we wait for when the daemon has to stop: gits, installs, and programs that take long to end.

Nothing is lost by it: a fetch or an install that was cut off is done again, and a program that was asked to stop goes
on stopping. Not done here: deciding to stop.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from threading import Event

_TOOLS = frozenset({"git", "uv", "env"})


class Hurry:
    """Asked from the loops that wait, said once by whoever stops the daemon."""

    def __init__(self) -> None:
        self._said = Event()

    def __bool__(self) -> bool:
        return self._said.is_set()

    def say(self) -> None:
        """From now on nothing is waited for; git and uv, each a session of its own, are ended with their children."""
        import psutil

        self._said.set()
        for child in psutil.Process().children():
            with suppress(psutil.Error, ProcessLookupError, PermissionError):
                if child.name() in _TOOLS and os.getsid(child.pid) == child.pid:
                    os.killpg(child.pid, signal.SIGKILL)
