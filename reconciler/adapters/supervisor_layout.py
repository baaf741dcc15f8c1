"""Where supervisord's files lie under the state folder, and a socket path short enough for the kernel.

Not done here: what the files hold (supervisor_files.py).
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import Retryable, Terminal

LONGEST_SOCKET_BYTES = 99
"""107 is the kernel's limit; supervisord first binds `PATH.PID`, and a pid has up to seven digits."""


@dataclass(frozen=True, slots=True)
class Layout:
    """All paths, absolute. The socket's folder may lie elsewhere, because a state path may be long."""

    state: Path
    socket: Path

    @property
    def folder(self) -> Path:
        return self.state / "supervisor"

    @property
    def programs(self) -> Path:
        return self.folder / "programs"

    @property
    def configuration(self) -> Path:
        return self.folder / "supervisord.conf"

    @property
    def pid(self) -> Path:
        return self.folder / "supervisord.pid"

    @property
    def log(self) -> Path:
        return self.folder / "supervisord.log"

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    @property
    def told(self) -> Path:
        """What was already told of the log."""
        return self.folder / "told.json"

    def program(self, name: str) -> Path:
        return self.programs / f"{name}.json"

    def ini(self, name: str) -> Path:
        return self.programs / f"{name}.ini"

    def starts(self, name: str) -> Path:
        """When launch.py lately started the program; see there."""
        return self.programs / f"{name}.starts"

    def errors(self, name: str) -> Path:
        return self.programs / f"{name}.err"

    def registered(self) -> Iterator[str]:
        """Names of all registered programs."""
        try:
            entries = os.listdir(self.programs)  # noqa: PTH208 - names only, several times faster than Path objects
        except FileNotFoundError:
            return
        for entry in entries:
            if entry.endswith(".ini") and not entry.startswith("."):
                yield entry.removesuffix(".ini")

    def make(self) -> None:
        """Makes the folders that are missing, for this user alone."""
        try:
            self.state.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Retryable(f"can't be made: {error.strerror}", where=str(self.state)) from error
        for folder in (self.folder, self.programs, self.socket.parent):
            private_folder(folder)


def layout(state: Path, socket_folder: Path | None) -> Layout:
    """Every caller with the same state must find the same socket, so nothing of the environment decides here."""
    state = state.resolve()
    if socket_folder is not None:
        return Layout(state, _fitting(socket_folder.resolve() / f"{_digest(state)}.sock"))
    inside = state / "supervisor" / "socket"
    if len(os.fsencode(inside)) <= LONGEST_SOCKET_BYTES:
        return Layout(state, inside)
    place = Path("/run") if os.getuid() == 0 else Path("/tmp")  # noqa: S108 - private_folder checks what stands there
    return Layout(state, _fitting(place / f"reconciler-{os.getuid()}-{_digest(state)}" / "socket"))


def private_folder(path: Path) -> None:
    """Makes a folder that only this user can enter; refuses one that somebody else made or could enter."""
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        seen = path.lstat()
    except FileExistsError as error:
        raise Terminal("something else stands where a folder belongs", where=str(path), mend="move it away") from error
    except OSError as error:
        raise Retryable(f"can't be made: {error.strerror}", where=str(path)) from error
    if not stat.S_ISDIR(seen.st_mode):
        raise Terminal("is not a folder of ours", where=str(path), mend="remove it")
    if seen.st_uid != os.getuid():
        raise Terminal(f"belongs to user {seen.st_uid}", where=str(path), mend="remove it")
    if stat.S_IMODE(seen.st_mode) & 0o077:
        raise Terminal("others may enter this folder", where=str(path), mend=f"chmod 700 {path}")


def _digest(state: Path) -> str:
    return hashlib.sha256(os.fsencode(state)).hexdigest()[:16]


def _fitting(socket: Path) -> Path:
    if len(os.fsencode(socket)) > LONGEST_SOCKET_BYTES:
        raise Terminal(f"longer than {LONGEST_SOCKET_BYTES} bytes for a socket", where=str(socket), mend="shorten it")
    return socket
