"""Tells the service manager how we are, when it has asked: readiness, status, and that we are alive.

The protocol is sd_notify(3): datagrams to the socket that $NOTIFY_SOCKET names. Without it nothing is sent.
Not done here: deciding whether we are alive.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


class SystemdNotify:
    """The `InitSystem` protocol."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self.watchdog_seconds = self._watchdog(environ)

    def tell(self, *lines: str) -> None:
        """Sends lines such as READY=1. A manager that is away is none of our trouble."""
        if not self._address.startswith(("/", "@")):
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            try:
                sender.sendto("\n".join(lines).encode(), address)
            except OSError:
                return  # sd_notify(3) asks for the same: the service goes on without its manager

    def _watchdog(self, environ: Mapping[str, str]) -> float | None:
        """Seconds within which WATCHDOG=1 is expected; None when it is not, or is from another process."""
        text, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
        if not text.isdigit() or int(text) == 0 or (pid and pid != str(os.getpid())):
            return None
        return int(text) / 1_000_000
