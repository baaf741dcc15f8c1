"""One version's folder: what stands there, whether it is whole and ours, and how it is cleared and removed.

Two marks tell. BUILDING stands for as long as the folder is not whole: while it is built, while it is removed. At the
very end of an install it is renamed to MARKER, which names what was installed; a removal begins by renaming it back. So
a kill at any instant leaves a folder that is known to be ours, and known to be whole or not. Both stand only where a
whole version has lost its interpreter and gets another one.
Not done here: running uv (uv.py).
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from reconciler.adapters.atomic import kind, temporary_name
from reconciler.adapters.disk_errors import told
from reconciler.adapters.tree import FOLDER, Spot, Tree
from reconciler.errors import Terminal
from reconciler.plan.codebases import CODEBASES
from reconciler.plan.fact import Absent, FileFact, InTheWay, Present, Unknown
from reconciler.plan.fields import SOURCE, source_value
from reconciler.plan.resource import Install
from reconciler.plan.value import Known, known

MARKER = ".reconciler-complete.json"
BUILDING = ".reconciler-building"
PARTIAL = Present(())
_MAX_MARKER = 1 << 20


def fact_of(path: Path) -> FileFact:
    """Present with its source when the version is whole, Present without fields where something of ours is not."""
    try:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode):
            return InTheWay(kind(found.st_mode))
        source = marked(path)
        if source is None:
            return PARTIAL if _ours(path) else Absent()
        if os.path.lexists(path / BUILDING) or not _runs(path):
            return PARTIAL
    except (FileNotFoundError, NotADirectoryError):
        return Absent()
    except OSError as error:
        return Unknown(f"{error.filename or path}: {error.strerror}")
    return Present(((SOURCE, source),))


def marked(path: Path) -> Known | None:
    """What the marker says was installed. A damaged marker proves nothing."""
    try:
        with (path / MARKER).open("rb") as file:
            marker = json.loads(file.read(_MAX_MARKER))
    except (ValueError, FileNotFoundError):
        return None
    source = marker.get("source") if isinstance(marker, dict) else None
    return known(source) if isinstance(source, dict) else None


def carries_marker(path: Path) -> bool:
    """Whether it was whole once: somebody may run from it, and no install takes anything of it away."""
    return os.path.lexists(path / MARKER)


def clear(path: Path) -> None:
    """Makes room at the path. What an install of ours left is removed; anything else is set aside, not deleted."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode):
        raise Terminal("a link or a file stands where the codebase goes", where=str(path), mend="move it away")
    if _ours(path):
        remove(path)
    else:
        path.rename(path.with_name(temporary_name(path.name).removesuffix(".tmp") + ".aside"))


def begin(path: Path) -> None:
    """The folder is ours, and not whole from here on."""
    path.mkdir(mode=0o755, exist_ok=True)
    (path / BUILDING).touch()
    _sync(path)


def finish(path: Path, source: Install, versions: dict[str, str]) -> None:
    """Everything to disk, then one mark becomes the other: a power cut must not leave a marker without the files."""
    marker = {
        "source": json.loads(source_value(source).text),
        "versions": versions,
        "python": ".".join(map(str, sys.version_info[:3])),
        "installed_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    (path / BUILDING).write_text(json.dumps(marker, indent=2) + "\n")
    os.sync()
    (path / BUILDING).rename(path / MARKER)
    _sync(path)


def remove(path: Path) -> None:
    """Removes a folder that carries a mark of ours; absent is a no-op. No link on the way or inside is followed.

    The marks go last, so that whoever finds the rest of an interrupted removal knows it for ours.
    """
    if path.parent.parent.name != CODEBASES:
        raise Terminal(f"only versions below {CODEBASES} are removed", where=str(path))
    with told(str(path)), _inside(path) as (spot, folder):
        if folder is None:
            return
        names = set(os.listdir(folder))  # noqa: PTH208 - an open folder has no path to trust
        if names and not names & {MARKER, BUILDING}:
            what = "this folder carries no mark of ours, and is left alone"
            raise Terminal(what, where=str(path), mend="look at it, and move it away by hand")
        _unmark(folder, names)
        for name in sorted(names - {MARKER, BUILDING}):
            _delete(folder, name)
        if BUILDING in os.listdir(folder):  # noqa: PTH208
            os.unlink(BUILDING, dir_fd=folder)
        os.rmdir(spot.name, dir_fd=spot.folder)
        os.fsync(spot.folder)


def _unmark(folder: int, names: set[str]) -> None:
    """The marker becomes BUILDING: not whole any more, and still known for ours."""
    if MARKER in names:
        os.rename(MARKER, BUILDING, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)


def _delete(folder: int, name: str) -> None:
    if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        shutil.rmtree(name, dir_fd=folder)
    else:
        os.unlink(name, dir_fd=folder)


@contextmanager
def _inside(path: Path) -> Iterator[tuple[Spot, int | None]]:
    """The place of the folder and the open folder itself (None when it is absent), reached without following a link
    below the root of the wizards."""
    with Tree([path.parents[2]]).glimpse(str(path)) as spot:
        if spot.stat() is None:
            yield spot, None
            return
        try:
            folder = os.open(spot.name, FOLDER | os.O_NOFOLLOW, dir_fd=spot.folder)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                what = "a link or a file stands where the codebase goes"
                raise Terminal(what, where=str(path), mend="move it away") from error
            raise
        try:
            yield spot, folder
        finally:
            os.close(folder)


def _ours(path: Path) -> bool:
    """Whether the folder carries a mark of ours, or nothing at all, as in the moment after it was made."""
    names = {entry.name for entry in path.iterdir()}
    return not names or bool(names & {MARKER, BUILDING})


def _runs(path: Path) -> bool:
    """Whether the interpreter is there, and what it links to."""
    return (path / "bin" / "python").exists()


def _sync(path: Path) -> None:
    folder = os.open(path, FOLDER | os.O_NOFOLLOW)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
