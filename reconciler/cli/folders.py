"""Fleet folders on this machine: their files, named as whoever reads the messages needs them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.spec.contents import Contents
    from reconciler.spec.desired import Loaded


def read_fleet(path: str, folder: str) -> Contents:
    """What is below `path`, with names that begin with `folder` ("" or "." for none)."""
    from reconciler import compose

    return compose.read_folder(Path(path), folder)


def load(contents: Contents, folder: str) -> Loaded:
    """The fleet that was read from `folder`, with every problem of it."""
    from reconciler.spec.load import load_fleet

    return load_fleet(contents.files, folder, faults=contents.problems)


def shown_folder(path: str) -> str:
    """The folder as an editor finds it from here."""
    shown = os.path.relpath(path)
    return "" if shown == os.curdir else shown


def folder_in_repository(path: str) -> str:
    """The folder as a forge finds it, from the top of the Git repository that holds it; from here where none does."""
    top = checkout_of(path)
    return shown_folder(path) if top is None else Path(os.path.realpath(path)).relative_to(top).as_posix()


def checkout_of(path: str) -> Path | None:
    """The top folder of the Git repository that holds the path, which need not be there; None where none does."""
    real = Path(os.path.realpath(path))
    return next((folder for folder in (real, *real.parents) if os.path.lexists(folder / ".git")), None)
