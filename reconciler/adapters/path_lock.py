"""A lock between processes on a file beside what it guards. The kernel lets go of it when the last holder dies.

Not done here: locks between threads of one process on one file; each `held` opens the file anew, so they work too.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.errors import Interrupted, Retryable

_POLL_SECONDS = 0.2


@contextmanager
def held(path: Path, seconds: float, cancelled: Callable[[], bool] = lambda: False) -> Iterator[int]:
    """Holds the lock; the descriptor may be handed to a child, which then holds it too. Retryable after `seconds`,
    Interrupted when `cancelled` says so while it waits."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        deadline = time.monotonic() + seconds
        while not _taken(descriptor):
            if time.monotonic() >= deadline:
                raise Retryable(
                    f"another process has held this for more than {seconds:g} s",
                    where=str(path),
                    mend=f"see which one with `fuser {path}`",
                )
            if cancelled():
                raise Interrupted("waiting for another process was stopped", where=str(path))
            time.sleep(_POLL_SECONDS)
        yield descriptor
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
