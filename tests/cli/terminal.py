"""The command line on a real terminal, and as a process of its own."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

PROGRAM = "import sys; from reconciler.cli import main; sys.exit(main())"
PATIENCE = 60.0
AGAIN = 10.0
"""Seconds after which a person presses Ctrl-C again."""


def command(*args: str) -> list[str]:
    return [sys.executable, "-c", PROGRAM, *args]


def environment(**variables: str) -> dict[str, str]:
    found = {name: os.environ[name] for name in ("PATH", "HOME", "RECONCILER_CONFIG") if name in os.environ}
    return {**found, "TERM": "xterm-256color", "COLUMNS": "100", "LANG": "C.UTF-8", **variables}


class Screen:
    """A command with a terminal of its own; `said` is what it has shown so far, both streams."""

    def __init__(self, *args: str, **variables: str) -> None:
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            command(*args),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment(**variables),
            start_new_session=True,
        )
        os.close(slave)
        self.said = ""

    def until(self, text: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while text not in self.said:
            assert time.monotonic() < deadline, f"{text!r} did not come: {self.said}"
            assert self._read(), f"it ended without {text!r}: {self.said}"

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def interrupt(self) -> int:
        """Sends SIGINT until it ends, as a person would: one that comes just before a blocking read waits for it.
        Returns its exit code."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self._process.send_signal(signal.SIGINT)
            pause = time.monotonic() + AGAIN
            while (left := pause - time.monotonic()) > 0:
                if select.select([self._master], [], [], left)[0] and not self._read():
                    return self.end()
        return self.end()

    def end(self) -> int:
        """Its exit code, once everything has been read."""
        while self._read():
            pass
        os.close(self._master)
        return self._process.wait(PATIENCE)

    def _read(self) -> bool:
        if not select.select([self._master], [], [], PATIENCE)[0]:
            self._process.kill()
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # a terminal whose last user has gone
            return False
        self.said += data.decode(errors="replace")
        return bool(data)


def silent(*args: str, cwd: Path | None = None, **variables: str) -> subprocess.Popen[str]:
    """A command without a terminal, to be read and ended by the caller."""
    return subprocess.Popen(
        command(*args),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**variables),
        cwd=cwd,
    )
