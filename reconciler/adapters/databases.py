"""Copies of SQLite databases by the online backup API, whole or not at all.

Which files are databases is told by names and patterns below a home (`state.db`, `cron/*.db`). No link is followed: a
database that is one, or lies behind one, is an error, because going back without it would not be going back.
A copy is made in a temporary folder, checked, and renamed to its label. Restoring keeps the databases that it replaces,
with their journals, in the copy's own folder; when that copy goes, they move to `replaced/1`, `2` ... of their wizard
and stay. Not done here: stopping programs, deciding when.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from reconciler.errors import Retryable, Terminal

_SIDES = ("-wal", "-shm", "-journal")
_PATIENCE = 10.0
_MAGIC = b"SQLite format 3\0"
REPLACED = "replaced"


class SqliteCopies:
    """Implements `protocols.databases.Databases`. `folder` holds one folder a label (0700)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def rehearse(self, home: str, patterns: Sequence[str], label: str) -> None:
        final = self._place(label)
        with _errors_of(home, final), _partial(final) as partial:
            _backups(home, patterns, partial, final)

    def copy(self, home: str, patterns: Sequence[str], label: str) -> tuple[str, ...]:
        final = self._place(label)
        with _errors_of(home, final), _partial(final) as partial:
            found = _backups(home, patterns, partial, final)
            for folder in (partial, *(path for path in partial.rglob("*") if path.is_dir())):
                _sync(folder)
            _drop(final)
            partial.rename(final)
            _sync(final.parent)
        return found

    def inherit(self, old: str, new: str) -> None:
        source, target = self._place(old), self._place(new)
        try:
            if source.is_dir():
                for replaced in (*target.glob(f"*/{REPLACED}"), *target.glob(f"{REPLACED}/*")):
                    _archive(replaced, source)
                shutil.rmtree(target, ignore_errors=True)
                source.rename(target)
                _sync(target.parent)
        except OSError as error:
            raise Retryable(f"the copies of its databases could not be moved: {error}", where=str(source)) from error

    def restore(self, home: str, patterns: Sequence[str], label: str) -> tuple[str, ...] | None:
        place = self._place(label)
        if not place.is_dir():
            return None
        copied = _copies(place)
        for name in copied:
            _check(place / name)
        found = tuple(sorted({*copied, *_found(home, patterns)}))
        _refuse_links(home, found)
        try:
            for name in found:
                _put_back(place / name, Path(home) / name, place / REPLACED / name)
        except OSError as error:
            raise Retryable(f"the databases could not be put back: {error}", where=home) from error
        return found

    def discard(self, version: str) -> int:
        found = 0
        for wizard in sorted(self._folder.glob("*")):
            copy = wizard / version
            try:
                found += copy.is_dir()
                _drop(copy)
            except OSError as error:
                raise Retryable(f"the copies of databases could not be removed: {error}", where=str(copy)) from error
        return found

    def _place(self, label: str) -> Path:
        """Labels are `wizard/digest`; nothing in them may lead elsewhere."""
        parts = label.split("/")
        if any(part in {"", ".", ".."} for part in parts):
            raise Terminal(f"{label!r} is no label of a copy")
        return self._folder.joinpath(*parts)


def _found(home: str, patterns: Sequence[str]) -> tuple[str, ...]:
    """Paths below the home, sorted. What is named must be a database; of what a pattern with * meets, only databases
    count: an agent may keep other things there."""
    folder = Path(home)
    named = {folder / pattern for pattern in patterns if "*" not in pattern}
    met = {path for pattern in patterns if "*" in pattern for path in folder.glob(pattern)} - named
    found = [path for path in named if path.is_file() or path.is_symlink()]
    found += [path for path in met if _is_database(path) and _begins_as_one(path)]
    return tuple(sorted(str(path.relative_to(folder)) for path in found))


def _begins_as_one(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def _copies(place: Path) -> tuple[str, ...]:
    """Paths below the folder of a copy."""
    found = (path.relative_to(place) for path in place.rglob("*") if path.is_file())
    return tuple(sorted(str(path) for path in found if path.parts[0] != REPLACED and not path.name.endswith(_SIDES)))


def _refuse_links(home: str, names: Sequence[str]) -> None:
    """Raises Terminal for a database that is a link, or below a folder that is one."""
    for name in names:
        path = Path(home) / name
        below = (path, *(parent for parent in path.parents if parent.is_relative_to(home) and parent != Path(home)))
        if any(part.is_symlink() for part in below):
            mend = "put the database itself there; the version is not changed before it can be copied"
            raise Terminal("a database is a link, which is not followed", where=str(path), mend=mend)


def _check(copy: Path) -> None:
    """Raises Terminal unless the copy is a sound database. Nobody writes to it, so no journal is made beside it."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(copy))}?mode=ro&immutable=1", uri=True)) as database:
            sound = copy.stat().st_size > 0 and database.execute("pragma quick_check").fetchone() == ("ok",)
    except (sqlite3.Error, OSError):
        sound = False
    if not sound:
        mend = "bring it back from a backup, or move its folder away to start on the databases as they are"
        raise Terminal("the copy of a database is damaged, so nothing was put back", where=str(copy), mend=mend)


def _is_database(path: Path) -> bool:
    """A regular file: a link that an agent put there is not followed."""
    return path.is_file() and not path.is_symlink()


@contextmanager
def _errors_of(place: str, final: Path) -> Iterator[None]:
    """`place`: the home, or the one database that is copied."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        mend = "look at the disk and at who holds them open; the next pass tries again"
        raise Retryable(f"the databases could not be copied to {final}: {error}", where=place, mend=mend) from error
    except sqlite3.DatabaseError as error:
        mend = "look at it with sqlite3; the version is not changed before it can be copied"
        raise Terminal(f"a database is damaged: {error}", where=place, mend=mend) from error


@contextmanager
def _partial(final: Path) -> Iterator[Path]:
    """An empty folder beside the final one. What is left of it is taken away: others may need the space."""
    partial = final.with_name(f".{final.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True, mode=0o700)
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _drop(copy: Path) -> None:
    """Takes a copy away, under another name first: half a copy would be taken for one. What it has replaced stays."""
    going = copy.with_name(f".{copy.name}.old")
    shutil.rmtree(going, ignore_errors=True)  # of an attempt that was killed
    if copy.is_dir():
        if (copy / REPLACED).is_dir():
            _archive(copy / REPLACED, copy.parent)
        copy.rename(going)
        _sync(copy.parent)
        shutil.rmtree(going)


def _archive(replaced: Path, wizard: Path) -> None:
    """Moves replaced databases to where nothing takes them away."""
    archive = wizard / REPLACED
    archive.mkdir(mode=0o700, exist_ok=True)
    numbers = [int(path.name) for path in archive.iterdir() if path.name.isdecimal()]
    replaced.rename(archive / str(max(numbers, default=0) + 1))
    _sync(archive)


def _backups(home: str, patterns: Sequence[str], folder: Path, final: Path) -> tuple[str, ...]:
    found = _found(home, patterns)
    _refuse_links(home, found)
    for name in found:
        (folder / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _errors_of(str(Path(home) / name), final):
            _backup(Path(home) / name, folder / name)
    return found


def _backup(source: Path, target: Path) -> None:
    """The read is begun before: it gives up after a while, and `backup` itself would wait for a lock for ever."""
    address = f"file:{quote(str(source))}?mode=ro"
    with (
        closing(sqlite3.connect(address, uri=True, timeout=_PATIENCE, isolation_level=None)) as live,
        closing(sqlite3.connect(target)) as copy,
    ):
        live.execute("BEGIN")
        live.execute("SELECT count(*) FROM sqlite_master").fetchone()
        live.backup(copy)
        if copy.execute("pragma quick_check").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("it does not pass quick_check")
    target.chmod(0o600)


def _put_back(copy: Path, live: Path, kept: Path) -> None:
    """What stands there with its journals is kept first, then the copy is renamed into its place. Where there was none
    when the copies were made, there is none again."""
    _keep(live, kept, copy)
    if not _is_database(copy):
        for suffix in (*_SIDES, ""):
            _beside(live, suffix).unlink(missing_ok=True)
        _sync(live.parent)
        return
    live.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = live.with_name(f".{live.name}.restored")
    _copied(copy, fresh)
    for suffix in _SIDES:
        _beside(live, suffix).unlink(missing_ok=True)
    fresh.rename(live)
    _sync(live.parent)


def _keep(live: Path, kept: Path, copy: Path) -> None:
    """The database itself comes last: once it is there, all is. A second attempt after a kill then keeps nothing: what
    stands there now has lost its journals, or is the copy already."""
    if not _is_database(live) or (kept.exists() and (_same(live, kept) or (copy.exists() and _same(live, copy)))):
        return
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept.unlink(missing_ok=True)
    for suffix in _SIDES:
        _beside(kept, suffix).unlink(missing_ok=True)
        if _is_database(_beside(live, suffix)):
            _copied(_beside(live, suffix), _beside(kept, suffix))
    partial = kept.with_name(f".{kept.name}.partial")
    _copied(live, partial)
    partial.rename(kept)
    _sync(kept.parent)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _same(one: Path, other: Path) -> bool:
    return filecmp.cmp(one, other, shallow=False)


def _copied(source: Path, target: Path) -> None:
    """The bytes are on disk afterwards, and nobody else may read them."""
    target.unlink(missing_ok=True)
    target.touch(0o600, exist_ok=False)
    shutil.copyfile(source, target)
    with target.open("rb") as data:
        _flush(data.fileno(), target)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _flush(descriptor, folder)
    finally:
        os.close(descriptor)


def _flush(descriptor: int, path: Path) -> None:
    """The kernel's error for a descriptor knows no path."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
