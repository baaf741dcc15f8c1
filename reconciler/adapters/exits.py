"""Ends of processes, told by the kernel: one pidfd a process, one thread that waits for all of them.

Not done here: what an end means.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterable
from threading import Lock, Thread


def _nobody(_: int) -> None:
    """Hears of an end before anybody has asked."""


class PidExits:
    """The `Exits` protocol, for Linux 5.3 and newer."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._wanted: frozenset[int] = frozenset()
        self._ended: Callable[[int], None] = _nobody
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._thread: Thread | None = None
        self._closed = False

    def watch(self, pids: Iterable[int], ended: Callable[[int], None]) -> None:
        wanted = frozenset(pids)
        with self._lock:
            if self._closed or (wanted == self._wanted and self._thread is not None):
                return
            self._wanted, self._ended = wanted, ended
            if self._thread is None:
                self._thread = Thread(target=self._wait, name="exits", daemon=True)
                self._thread.start()
        self._wake()

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            thread = self._thread
        self._wake()
        if thread is not None:
            thread.join()
        os.close(self._read)
        os.close(self._write)

    def _wake(self) -> None:
        try:
            os.write(self._write, b"x")
        except BlockingIOError:
            return  # it is full of wakes already

    def _wait(self) -> None:
        """Told once for each pid: it stays out until `watch` names it again with another set."""
        held: dict[int, int] = {}
        told: frozenset[int] = frozenset()
        try:
            while True:
                with self._lock:
                    wanted, closed = self._wanted, self._closed
                if closed:
                    return
                told &= wanted
                gone = self._follow(held, wanted - told)
                gone |= self._poll(held) if not gone else frozenset()
                told |= gone
                for pid in gone:
                    os.close(held.pop(pid)) if pid in held else None
                    self._ended(pid)
        finally:
            for descriptor in held.values():
                os.close(descriptor)

    def _follow(self, held: dict[int, int], wanted: frozenset[int]) -> frozenset[int]:
        """Opens what is new and closes what nobody wants; returns what had ended already."""
        for pid in [pid for pid in held if pid not in wanted]:
            os.close(held.pop(pid))
        gone = set()
        for pid in wanted - held.keys():
            try:
                held[pid] = os.pidfd_open(pid)
            except ProcessLookupError:
                gone.add(pid)
        return frozenset(gone)

    def _poll(self, held: dict[int, int]) -> frozenset[int]:
        poll = select.poll()
        poll.register(self._read, select.POLLIN)
        pids = {descriptor: pid for pid, descriptor in held.items()}
        for descriptor in pids:
            poll.register(descriptor, select.POLLIN)
        ready = [descriptor for descriptor, _ in poll.poll()]
        if self._read in ready:
            os.read(self._read, 65536)
        return frozenset(pids[descriptor] for descriptor in ready if descriptor in pids)
