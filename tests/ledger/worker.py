"""What the tests run in processes of their own: `python -m tests.ledger.worker VERB PATH [...]`."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

from reconciler.adapters.clock import SystemClock
from reconciler.adapters.lock import HostLock
from reconciler.adapters.sqlite import SqliteLedger
from reconciler.errors import ReconcilerError
from reconciler.protocols.ledger import Result
from tests.ledger.examples import COMMIT, change, folder, held, hold, step


def intend_and_die(path: str) -> None:
    """Announces an effect, and is killed before it can tell how it went."""
    ledger = SqliteLedger(Path(path), SystemClock())
    wanted = folder("ezra", "home")
    ledger.intend(ledger.begin(COMMIT, "test"), COMMIT, step(wanted), change(wanted), hold(held(wanted)))
    os.kill(os.getpid(), signal.SIGKILL)


def work(path: str) -> None:
    """Intends and settles until somebody kills it, and says what is safe."""
    ledger = SqliteLedger(Path(path), SystemClock())
    number = ledger.begin(COMMIT, "test")
    for count in range(1_000_000):
        wanted = folder("ezra", f"f{count}")
        intent = ledger.intend(number, COMMIT, step(wanted), change(wanted), hold(held(wanted)))
        say(f"intended {count}")
        ledger.settle(intent, Result.DONE, "", hold(held(wanted)))
        say(f"settled {count}")


def fill(path: str) -> None:
    """Writes under a limit of the file size, as on a small disk, until it is told no."""
    ledger = SqliteLedger(Path(path), SystemClock())
    ledger.put("first", "kept")
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
    try:
        for count in range(1000):
            ledger.put(f"filler {count}", "x" * 5000)
    except ReconcilerError as error:
        say(f"{type(error).__name__}: {error}")
    say(f"still there: {ledger.get('first')}")


def read(path: str, *, write: bool = False) -> None:
    """Reads, then tries to write."""
    ledger = SqliteLedger(Path(path), SystemClock(), readonly=not write)
    try:
        say(f"held {len(ledger.records().held)}")
        if write:
            ledger.put("a", "b")
    except ReconcilerError as error:
        say(f"{type(error).__name__}: {error}")


def lock(path: str) -> None:
    """Holds the host's lock until its standard input ends."""
    with HostLock(Path(path), SystemClock(), "reconciler run"):
        say("locked")
        sys.stdin.read()


def lock_and_leave_a_child(path: str) -> None:
    """Takes the lock, starts a program that outlives us, and is killed."""
    with HostLock(Path(path), SystemClock(), "reconciler run"):
        child = subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, close_fds=False)
        say(f"{child.pid}")
        os.kill(os.getpid(), signal.SIGKILL)


def say(text: str) -> None:
    print(text, flush=True)


VERBS = {
    "intend": intend_and_die,
    "work": work,
    "fill": fill,
    "read": read,
    "write": lambda path: read(path, write=True),
    "lock": lock,
    "child": lock_and_leave_a_child,
}

if __name__ == "__main__":
    VERBS[sys.argv[1]](sys.argv[2])
