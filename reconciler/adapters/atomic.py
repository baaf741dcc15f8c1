"""Writes that are whole or not there: a temporary name in the same folder, fsync, rename, fsync of the folder.

What a kill leaves behind is a file called `.reconciler-*.tmp`; the next write of the same file removes it.
Not done here: finding the folder (tree.py), what the bytes mean.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from reconciler.adapters.tree import FOLDER, PRIVATE, Spot
from reconciler.errors import Terminal

TEMPORARY = ".reconciler-"
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def kind(mode: int) -> str:
    """In words, what a mode of stat says."""
    names = {stat.S_IFREG: "a file", stat.S_IFDIR: "a folder", stat.S_IFLNK: "a link", stat.S_IFSOCK: "a socket"}
    names |= {stat.S_IFIFO: "a pipe", stat.S_IFBLK: "a device", stat.S_IFCHR: "a device"}
    return names.get(stat.S_IFMT(mode), "something unknown")


def read_at(spot: Spot, limit: int) -> bytes:
    """The bytes of a regular file, at most `limit`; a pipe or device is refused instead of waited for."""
    with _regular(spot) as file:
        return file.read(limit)


def read_end(spot: Spot, limit: int, since: int = 0) -> bytes:
    """The last bytes of a regular file, at most `limit`, and none of its first `since` where it is that long."""
    with _regular(spot) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(since if since <= size else 0, size - limit))
        return file.read(limit)


@contextmanager
def _regular(spot: Spot) -> Iterator[BinaryIO]:
    with os.fdopen(os.open(spot.name, READ, dir_fd=spot.folder), "rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise Terminal(f"{kind(mode)} stands there, not a file", where=spot.path, mend="move it away")
        yield file


@contextmanager
def staged(spot: Spot, data: bytes, mode: int) -> Iterator[str]:
    """A temporary file with these bytes, safe on disk; gone at the end unless `put` renamed it.

    Owner and group of the file that it will replace are kept, as far as we may.
    """
    old = spot.stat()
    if old is not None and not stat.S_ISREG(old.st_mode):
        raise Terminal(f"{kind(old.st_mode)} stands there, not a file", where=spot.path, mend="move it away")
    name = temporary_name(spot.name)
    descriptor = os.open(name, _NEW, 0o600, dir_fd=spot.folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if old is not None and os.geteuid() == 0:
                os.fchown(descriptor, old.st_uid, old.st_gid)
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        yield name
    finally:
        # Mostly it is gone by now. What a disk that fails makes stay, the next write of this file removes; the file
        # itself is right already, or the trouble with it is the one to tell.
        with suppress(OSError):
            os.unlink(name, dir_fd=spot.folder)


def put(spot: Spot, name: str) -> None:
    """The temporary `name` takes the place of whatever file stands at the spot.

    Where none did, a disk that fails leaves none: a file of ours that nobody recorded would be taken for another's.
    """
    new = spot.stat() is None
    os.rename(name, spot.name, src_dir_fd=spot.folder, dst_dir_fd=spot.folder)
    try:
        os.fsync(spot.folder)
    except OSError:
        if new:
            with suppress(OSError):
                os.unlink(spot.name, dir_fd=spot.folder)
        raise


def replace(spot: Spot, data: bytes, mode: int) -> None:
    """The file has these bytes afterwards; a kill at any instant leaves the old ones or the new ones."""
    clear_leftovers(spot)
    with staged(spot, data, mode) as name:
        put(spot, name)


def temporary_name(name: str) -> str:
    return f"{_mark(name)}{secrets.token_hex(4)}.tmp"


def _mark(name: str) -> str:
    # A digest, since the name itself may already be as long as a name can be.
    return f"{TEMPORARY}{sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}-"


def clear_leftovers(spot: Spot) -> None:
    """Removes what a killed write of this file left. Only for files that one process writes, or by `create`."""
    mark = _mark(spot.name)
    for name in os.listdir(spot.folder):  # noqa: PTH208 - an open folder has no path to trust
        if name.startswith(mark) and name.endswith(".tmp"):
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=spot.folder)


def private_folder(path: Path) -> None:
    """Makes the folder and its missing parents, each 0700."""
    if not path.is_dir():
        private_folder(path.parent)
        path.mkdir(PRIVATE, exist_ok=True)


def create(path: Path, data: bytes) -> bool:
    """Makes a private file (0600, folders 0700) in a folder of our own; False when it is there already.

    Two processes may race: one file wins whole, since a link never replaces anything.
    """
    private_folder(path.parent)
    folder = os.open(path.parent, FOLDER)
    try:
        spot = Spot(folder, path.name, str(path))
        clear_leftovers(spot)
        while spot.stat() is None:
            with staged(spot, data, 0o600) as name:
                if _linked(spot, name):
                    os.fsync(folder)
                    return True
    finally:
        os.close(folder)
    return False


def _linked(spot: Spot, name: str) -> bool:
    """False when another process was first, or took our temporary file for a leftover: each does that once, before it
    begins."""
    try:
        os.link(name, spot.name, src_dir_fd=spot.folder, dst_dir_fd=spot.folder, follow_symlinks=False)
    except (FileExistsError, FileNotFoundError):
        return False
    return True
