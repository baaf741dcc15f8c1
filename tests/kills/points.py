"""Counts every journal commit and every effect of a pass, and kills the process right before or after the n-th.

`before k` and `after k` are instants: nothing of the reconciler's own runs between the count and the call. What an
effect does on its way (temporary file, rename, request to the supervisor) is counted besides, as `inside`: there the
interpreter itself tells of each call.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.engine.host import Host

JOURNAL = (
    "begin",
    "intend",
    "settle",
    "finish",
    "note",
    "add_generation",
    "quarantine",
    "reject",
    "release",
    "repeat",
    "put",
    "stand",
    "started",
    "close_passes",
    "pause",
    "resume",
    "presence",
)
EFFECTS = {
    "ledger": JOURNAL,
    "files": ("make_directory", "write_text", "edit_keys", "link", "remove", "move", "keep"),
    "secrets": ("make", "pin", "renew", "inherit", "forget", "prune", "prepare"),
    "codebases": ("install", "remove"),
    "databases": ("rehearse", "copy", "inherit", "restore", "discard"),
    "runtime": ("start", "stop", "forget", "unplanned", "shutdown"),
    "store": ("write", "flush"),
    "source": ("fetch", "accept"),
}
"""Door of the host -> its verbs that change something. What only looks is not counted."""
LOOKS = {
    "ledger": (
        "records",
        "open_intents",
        "entries",
        "passes",
        "get",
        "close",
        "pass_",
        "entries_of",
        "uptime",
    ),
    "files": ("admit", "observe", "size", "tail"),
    "secrets": ("observe", "exposed", "reveal", "digest", "redact"),
    "codebases": ("observe",),
    "databases": (),
    "runtime": ("observe",),
    "store": ("read",),
    "source": ("read", "revision", "since", "history", "last_good", "usable", "last_change", "moved", "tip"),
}
"""What only looks. A secret is made before it is revealed."""
_MAKES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CALLS = (
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.mkdir",
    "os.link",
    "os.symlink",
    "os.chmod",
    "subprocess.Popen",
    "socket.connect",
)


@dataclass
class Tally:
    """`at` is the instant at which this process dies (from 1; 0: never), which is told to the open file `mark` then.
    `inside`: what counts are the interpreter's calls, not those of the doors. `look` is asked at each instant."""

    at: int = 0
    mark: int = -1
    inside: bool = False
    look: Callable[[], object] = lambda: None
    seen: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hit(self, what: str) -> None:
        with self._lock:
            self.seen.append(what)
            self.look()
            if len(self.seen) == self.at:
                os.write(self.mark, what.encode())
                os.kill(os.getpid(), signal.SIGKILL)

    def listen(self) -> None:
        """From now on and to the end of this process, counts what it asks of the kernel to change."""
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[object, ...]) -> None:
        if event in _CALLS or (event == "open" and isinstance(arguments[2], int) and arguments[2] & _MAKES):
            self.hit(f"{event} {arguments[0]}")


class _Counted:
    """Stands before a door of the host and counts the calls of some verbs."""

    def __init__(self, real: object, door: str, verbs: tuple[str, ...], tally: Tally) -> None:
        self._real = real
        self._door = door
        self._verbs = verbs
        self._tally = tally

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        return self._counting(found, name) if name in self._verbs else found

    def _counting(self, call: Callable[..., object], verb: str) -> Callable[..., object]:
        def counted(*arguments: object, **options: object) -> object:
            what = f"{self._door}.{verb} {_subject(arguments)}".strip()
            self._tally.hit(f"before {what}")
            answer = call(*arguments, **options)
            self._tally.hit(f"after {what}")
            return answer

        return counted


def counted(host: Host, tally: Tally) -> Host:
    """The same host with every changing verb counted."""
    if tally.inside:
        tally.listen()
        return host
    doors: dict[str, Any] = {
        door: _Counted(getattr(host, door), door, verbs, tally)
        for door, verbs in EFFECTS.items()
        if getattr(host, door) is not None
    }
    return replace(host, **doors)


def _subject(arguments: tuple[object, ...]) -> str:
    """What a call is about, without what differs between two runs of the same thing."""
    for argument in arguments:
        step = getattr(argument, "id", None)
        if isinstance(step, str):
            return step
        for name in ("name", "location", "wizard", "key"):
            text = getattr(argument, name, None)
            if isinstance(text, str):
                return text
        if isinstance(argument, str) and argument.startswith("/"):
            return argument
    return ""
