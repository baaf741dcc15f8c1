"""A fleet folder on this machine, read as Git would commit it: nothing followed, folders of a dot left alone.

What is there and can't be read is told, never left out. Not done here: what such a folder may hold (spec/contents.py).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.errors import Terminal
from reconciler.spec.contents import Contents, Form, Item, Limits, faults, too_much, unreadable
from reconciler.spec.position import Problem


@dataclass(slots=True)
class _Found:
    """What a walk has met: items with where they are, and what it could not look into."""

    items: dict[Item, Path] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read_contents(path: Path, folder: str, limits: Limits = Limits()) -> Contents:  # noqa: B008  # frozen
    """Every file below `path`, by a name that begins with `folder` ("" or "." for none).

    Raises Terminal when there is no such folder, or when that can't be told.
    """
    top, name = _top(path), "" if folder in ("", ".") else folder.rstrip("/")
    found = _Found()
    _walk(top, name, found)
    wrong, much = faults(found.items, limits), too_much(found.items, name, limits)
    unusable = {problem.at.file for problem in wrong}
    files: dict[str, bytes] = {}
    for item, where in {} if much else found.items.items():
        if item.path not in unusable:
            _read(item.path, where, files, found.problems)
    return Contents(files, (*wrong, *much, *found.problems))


def _top(path: Path) -> Path:
    mend = "name the folder that holds the fleet files"
    try:
        top = path.resolve()
        if stat.S_ISDIR(top.stat().st_mode):
            return top
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, RuntimeError) as error:  # before Python 3.13, links in a circle are a RuntimeError
        why = getattr(error, "strerror", None) or str(error)
        raise Terminal(f"the folder can't be read: {why}", where=str(path), mend=mend) from error
    if path.is_file():
        mend = f"name the folder that holds the fleet files: {path.parent}, or one above it"
        raise Terminal("it is a file, not a folder", where=str(path), mend=mend)
    raise Terminal("there is no such folder", where=str(path), mend=mend)


def _walk(top: Path, name: str, found: _Found) -> None:
    pending = [(top, name)]
    while pending:
        where, folder = pending.pop()
        try:
            with os.scandir(where) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            found.problems.append(unreadable(folder, error.strerror or str(error)))
            continue
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if _is_folder(entry, path, found):
                pending.append((Path(entry.path), path))


def _is_folder(entry: os.DirEntry[str], path: str, found: _Found) -> bool:
    """Whether there is more to see in it; else notes what it is."""
    where = Path(entry.path)
    try:
        about = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    except OSError as error:
        found.problems.append(unreadable(path, error.strerror or str(error)))
        return False
    if not stat.S_ISDIR(about.st_mode):
        found.items.update((item, where) for item in _item(path, about))
        return False
    if entry.name.startswith("."):
        return False
    if os.path.lexists(where / ".git"):  # a repository of its own is committed as a submodule
        found.items[Item(path, Form.SUBMODULE, 0)] = where
        return False
    return True


def _item(path: str, about: os.stat_result) -> Iterator[Item]:
    """Sockets, pipes and devices can't be in a commit."""
    if stat.S_ISLNK(about.st_mode):
        yield Item(path, Form.LINK, about.st_size)
    elif stat.S_ISREG(about.st_mode):
        yield Item(path, Form.FILE, about.st_size)


def _read(path: str, where: Path, files: dict[str, bytes], problems: list[Problem]) -> None:
    try:
        files[path] = where.read_bytes()
    except FileNotFoundError:
        return  # it went away since it was listed
    except OSError as error:
        problems.append(unreadable(path, error.strerror or str(error)))
