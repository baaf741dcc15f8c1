"""What a folder has to be to hold a fleet: plain files of a sensible number and size, and no way out of it.

One rule for a commit and for files on a disk, so that `validate` and the daemon refuse the same. A link is refused
whatever its name: it may stand for a folder of fleet files, and those would be missing without a word. Folders whose
names begin with a dot are nobody's business. Not done here: listing and reading (adapters/).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from reconciler.spec.position import Position, Problem

_MEND = "declare the fleet in plain files, and keep everything else out of its folder"
_ODD = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
"""Control characters, and bytes that are not UTF-8 as Python reads them from a disk."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one folder may hold; sizes in bytes."""

    files: int = 10_000
    total: int = 64 * 1024 * 1024
    blob: int = 10 * 1024 * 1024


class Form(Enum):
    FILE = "file"
    LINK = "link"
    SUBMODULE = "submodule"


@dataclass(frozen=True, slots=True)
class Item:
    """Something in the folder; `path` is the one that messages name, `size` in bytes."""

    path: str
    form: Form
    size: int


@dataclass(frozen=True, slots=True)
class Contents:
    """Files by path. `problems` are about what is there and can't be used: nothing that seems to be missing is known to
    be missing then."""

    files: Mapping[str, bytes]
    problems: tuple[Problem, ...] = field(default=())


def is_hidden(inside: str, form: Form = Form.FILE) -> bool:
    """Whether the path, relative to the fleet folder, leads through a folder that begins with a dot."""
    parts = inside.split("/")
    folders = parts if form is Form.SUBMODULE else parts[:-1]
    return any(part.startswith(".") for part in folders)


def faults(items: Iterable[Item], limits: Limits) -> list[Problem]:
    """What is wrong with single items, in their order; at most one problem for each."""
    return [problem for item in items if (problem := _fault(item, limits))]


def too_much(items: Iterable[Item], folder: str, limits: Limits) -> list[Problem]:
    """What is wrong with all of them together: none is read then. `folder` is where that stands."""
    sizes = [item.size for item in items]
    what = []
    if len(sizes) > limits.files:
        what.append(f"the folder holds {len(sizes)} files; the limit is {limits.files}")
    if sum(sizes) > limits.total:
        what.append(f"the folder holds {sum(sizes)} bytes; the limit is {limits.total}")
    return [_problem(folder or ".", text, "size") for text in what]


def unreadable(path: str, why: str) -> Problem:
    """A file or folder that is there, and what it holds could not be observed."""
    mend = "let the user who runs this read it, or take it out of the fleet folder"
    return Problem(Position(path or ".", 1, 1), f"it can't be read: {why}", mend, rule="file/unreadable")


def _fault(item: Item, limits: Limits) -> Problem | None:
    if _ODD.search(item.path):
        return _problem(item.path, "the name holds control characters or is not UTF-8", "name", "rename it")
    match item.form:
        case Form.LINK:
            return _problem(item.path, "is a symbolic link; links are not followed", "link")
        case Form.SUBMODULE:
            return _problem(item.path, "is a submodule; submodules are not followed", "submodule")
        case Form.FILE if item.size > limits.blob:
            return _problem(item.path, f"the file has {item.size} bytes; the limit is {limits.blob}", "size")
        case Form.FILE:
            return None


def _problem(path: str, what: str, rule: str, mend: str = _MEND) -> Problem:
    return Problem(Position(path, 1, 1), what, mend, rule=f"file/{rule}")
