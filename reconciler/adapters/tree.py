"""Walks from an allowed root to a path, one component at a time, and follows no link on the way.

An agent owns its home and can swap any folder in it for a link to /etc between our look and our write. So every effect
happens relative to an open folder that was reached with O_NOFOLLOW. The root itself is the operator's and may be
a link. Not done here: reading, writing.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from reconciler.adapters.disk_errors import told
from reconciler.errors import Terminal

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
PRIVATE = 0o700


@dataclass(frozen=True, slots=True)
class Spot:
    """A name inside an open folder; `path` is for messages."""

    folder: int
    name: str
    path: str

    def stat(self) -> os.stat_result | None:
        """What stands there, not following a link; None when nothing does."""
        try:
            return os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return None


class Tree:
    """The folders below which the reconciler may act."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = sorted((os.path.abspath(root) for root in roots), key=len, reverse=True)  # noqa: PTH100

    def admit(self, root: str) -> None:
        """Allows one more root."""
        path = os.path.abspath(root)  # noqa: PTH100
        if path not in self._roots:
            self._roots = sorted([*self._roots, path], key=len, reverse=True)

    def root_of(self, path: str) -> str | None:
        """The deepest root that holds the path, or None. The root itself is not inside."""
        if ".." in path.split("/"):
            return None
        return next((root for root in self._roots if path.startswith(root.rstrip("/") + "/")), None)

    @contextmanager
    def spot(self, path: str, *, make: bool = False) -> Iterator[Spot]:
        """The open folder that holds `path`. With `make`, missing folders on the way are made (0700).

        Raises Terminal for a path outside the roots or a link on the way, Retryable for what the disk refuses.
        """
        with told(path), self.glimpse(path, make=make) as spot:
            yield spot

    @contextmanager
    def glimpse(self, path: str, *, make: bool = False) -> Iterator[Spot]:
        """The same with the kernel's own errors, for who only looks."""
        root = self.root_of(path)
        if root is None:
            raise Terminal(
                "the path is outside the folders that may be changed",
                where=path,
                mend=f"keep it below {' or '.join(self._roots)}",
            )
        *parents, name = [part for part in path[len(root) :].split("/") if part not in {"", "."}] or [""]
        if not name:
            raise Terminal("the root itself can't be replaced", where=path)
        folder = _descend(root, parents, make)
        try:
            yield Spot(folder, name, path)
        finally:
            os.close(folder)


def _descend(root: str, parents: Sequence[str], make: bool) -> int:
    if make:
        Path(root).mkdir(parents=True, exist_ok=True)
    folder = os.open(root, FOLDER)
    try:
        for part in parents:
            inner = _enter(folder, part, make)
            os.close(folder)
            folder = inner
    except BaseException:
        os.close(folder)
        raise
    return folder


def _enter(folder: int, part: str, make: bool) -> int:
    try:
        return os.open(part, FOLDER | os.O_NOFOLLOW, dir_fd=folder)
    except FileNotFoundError:
        if not make:
            raise
    except NotADirectoryError as error:
        # O_DIRECTORY with O_NOFOLLOW says "not a directory" for a link as well.
        if stat.S_ISLNK(os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), part) from error
        raise
    make_folder(folder, part, PRIVATE)
    return os.open(part, FOLDER | os.O_NOFOLLOW, dir_fd=folder)


def make_folder(folder: int, name: str, mode: int) -> None:
    """mkdir that survives a power cut; the umask does not count. A disk that fails on the way leaves no folder: one
    that nobody recorded would be taken for somebody else's."""
    try:
        os.mkdir(name, PRIVATE, dir_fd=folder)
    except FileExistsError:
        return
    try:
        inner = os.open(name, FOLDER | os.O_NOFOLLOW, dir_fd=folder)
        try:
            os.fchmod(inner, mode)
        finally:
            os.close(inner)
        os.fsync(folder)
    except OSError:
        with suppress(OSError):
            os.rmdir(name, dir_fd=folder)
        raise
