"""Fleet folders on this machine: their files, named as the person who reads the messages needs them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def read_fleet(path: str, folder: str) -> Mapping[str, bytes]:
    """Every file below `path`, with names that begin with `folder` ("" or "." for none)."""
    from reconciler import compose

    found = compose.read_folder(Path(path))
    prefix = "" if folder in ("", ".") else f"{folder.strip('/')}/"
    return {prefix + name.partition("/")[2]: data for name, data in found.items()}


def shown_folder(path: str) -> str:
    """The folder as an editor finds it from here."""
    shown = os.path.relpath(path)
    return "" if shown == os.curdir else shown
