"""The real disk behind `protocols.files.Files`: composes looking, safe paths, atomic writes and edits per key.

Not done here: deciding what to write; the formats (keyed.py); how a path is walked (tree.py).
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from reconciler.adapters import keyed
from reconciler.adapters.atomic import (
    clear_leftovers,
    create,
    kind,
    put,
    read_at,
    read_end,
    replace,
    staged,
    temporary_name,
)
from reconciler.adapters.disk_errors import told
from reconciler.adapters.keyed_errors import Unreadable, Unwritable
from reconciler.adapters.look import Lstat
from reconciler.adapters.observe_files import FileObserver
from reconciler.adapters.signature import signature
from reconciler.adapters.tree import FOLDER, Spot, Tree, make_folder
from reconciler.errors import ReconcilerError, Retryable, Terminal
from reconciler.plan.fact import FileFact
from reconciler.plan.resource import Format
from reconciler.protocols.files import FileQuery, KeyEdit

_TRIES = 5
_TAIL_BYTES = 256 * 1024
_KEEP_BYTES = 64 * 1024 * 1024


class Disk:
    """See `protocols.files.Files`. `roots` are the only folders below which anything is read or changed; `kept` is
    where replaced files go; `digest` makes secrets comparable. `lstat` and `now` are the observer's, for tests."""

    def __init__(
        self,
        roots: Sequence[Path],
        kept: Path,
        digest: Callable[[str], str],
        lstat: Lstat = os.lstat,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        self._tree = Tree(roots)
        self._kept = kept
        self._observer = FileObserver(self._tree, digest, lstat, now)

    def admit(self, root: str) -> None:
        self._tree.admit(root)

    def observe(self, queries: Sequence[FileQuery], *, reread: bool = False) -> Mapping[str, FileFact]:
        return self._observer.observe(queries, reread)

    def make_directory(self, path: str, mode: int) -> None:
        with self._tree.spot(path, make=True) as spot:
            make_folder(spot.folder, spot.name, mode)
            folder = os.open(spot.name, FOLDER | os.O_NOFOLLOW, dir_fd=spot.folder)
            try:
                if stat.S_IMODE(os.fstat(folder).st_mode) != mode:
                    os.fchmod(folder, mode)
                    os.fsync(folder)
            finally:
                os.close(folder)

    def write_text(self, path: str, text: str, mode: int) -> None:
        with self._tree.spot(path) as spot:
            replace(spot, text.encode("utf-8"), mode)

    def edit_keys(self, path: str, file_format: Format, edits: Sequence[KeyEdit], mode: int) -> None:
        with self._tree.spot(path) as spot:
            clear_leftovers(spot)
            for _ in range(_TRIES):
                if _edit_once(spot, file_format, edits, mode):
                    return
        raise Retryable("the file changes faster than it can be edited", where=path, mend="the next pass tries again")

    def link(self, path: str, target: str) -> None:
        with self._tree.spot(path) as spot:
            found = spot.stat()
            if found is not None and not stat.S_ISLNK(found.st_mode):
                raise Terminal(f"{kind(found.st_mode)} stands there, not a link", where=path, mend="move it away")
            if found is not None and os.readlink(spot.name, dir_fd=spot.folder) == target:
                return
            clear_leftovers(spot)
            name = temporary_name(spot.name)
            os.symlink(target, name, dir_fd=spot.folder)
            put(spot, name)

    def remove(self, path: str) -> None:
        with told(path), suppress(FileNotFoundError), self._tree.glimpse(path) as spot:
            found = spot.stat()
            if found is None:
                return
            if stat.S_ISDIR(found.st_mode):
                _remove_folder(spot)
            else:
                clear_leftovers(spot)
                os.unlink(spot.name, dir_fd=spot.folder)
            os.fsync(spot.folder)

    def move(self, source: str, target: str) -> None:
        with self._tree.spot(source) as old, self._tree.spot(target, make=True) as new:
            found = old.stat()
            if found is None:
                raise Retryable("there is nothing to move", where=source, mend="the next pass looks again")
            if not stat.S_ISDIR(found.st_mode):
                raise Terminal(f"{kind(found.st_mode)} stands there, not a folder", where=source)
            standing = new.stat()
            if standing is not None:
                raise Terminal(f"{kind(standing.st_mode)} stands there already", where=target, mend="move it away")
            # Between this look and the rename only an empty folder could be replaced, and files never: the kernel
            # refuses to rename a folder over anything else.
            os.rename(old.name, new.name, src_dir_fd=old.folder, dst_dir_fd=new.folder)
            try:
                with told(str(Path(target).parent)):
                    os.fsync(new.folder)
                with told(str(Path(source).parent)):
                    os.fsync(old.folder)
            except ReconcilerError:
                # A move that counts as failed must not have happened: nobody would know where the folder went.
                with suppress(OSError):
                    os.rename(new.name, old.name, src_dir_fd=new.folder, dst_dir_fd=old.folder)
                raise

    def keep(self, path: str) -> str | None:
        with told(path), suppress(FileNotFoundError), self._tree.glimpse(path) as spot:
            found = spot.stat()
            if found is None or not stat.S_ISREG(found.st_mode):
                return None
            if found.st_size > _KEEP_BYTES:
                raise Terminal("the file is over 64 MiB, too large to be kept", where=path, mend="move it away by hand")
            data = read_at(spot, _KEEP_BYTES)
            copy = self._kept / sha256(data).hexdigest()
            with told(str(copy)):
                create(copy, data)
            return str(copy)
        return None

    def size(self, path: str) -> int:
        with told(path), suppress(FileNotFoundError), self._tree.glimpse(path) as spot:
            found = spot.stat()
            return found.st_size if found is not None else 0
        return 0

    def tail(self, path: str, lines: int, since: int = 0) -> str:
        with told(path), suppress(FileNotFoundError), self._tree.glimpse(path) as spot:
            data = read_end(spot, _TAIL_BYTES, since)
            wanted = data.decode("utf-8", "replace").splitlines(keepends=True)[-lines:] if lines > 0 else []
            return "".join(wanted)
        return ""


def _remove_folder(spot: Spot) -> None:
    try:
        os.rmdir(spot.name, dir_fd=spot.folder)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise


def _edit_once(spot: Spot, file_format: Format, edits: Sequence[KeyEdit], mode: int) -> bool:
    """False when somebody else wrote the file between our reading and our writing."""
    found = spot.stat()
    data = b"" if found is None else read_at(spot, keyed.MAX_BYTES + 1)
    changed = _edited(spot.path, file_format, data, edits)
    if found is not None and changed == data and stat.S_IMODE(found.st_mode) == mode:
        return True
    with staged(spot, changed, mode) as name:
        # The program replaces its own file by a rename too; what little time is left between this look and ours can't
        # be closed without a lock that it does not take.
        now = spot.stat()
        if (now and signature(now)) != (found and signature(found)):
            return False
        put(spot, name)
    return True


def _edited(path: str, file_format: Format, data: bytes, edits: Sequence[KeyEdit]) -> bytes:
    try:
        return keyed.edited(file_format, data, edits)
    except Unreadable as error:
        raise Terminal(error.problem, where=f"{path}:{error.line}:{error.column}", mend=error.mend) from error
    except Unwritable as error:
        name = f" [{'.'.join(error.path)}]" if error.path else ""
        raise Terminal(error.problem, where=path + name, mend="change the file by hand") from error
