"""The file of the keys that may sign commits: read whole, and refused where others than its owner can change it.

As strict as sshd with StrictModes is about authorized_keys: neither group nor others may write the file, or a folder
that leads to it. A sticky folder such as /tmp is let pass: in it, nobody puts another file in place of ours.
Not done here: what the keys are, and whom they let in (git_signature.py).
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from reconciler.errors import Terminal

_LARGEST = 10_000_000
_OTHERS = {stat.S_IWOTH: "everybody on this host", stat.S_IWGRP: "a group"}


def read_keys(path: Path) -> bytes:
    """The file's bytes. Raises Terminal when it is missing, empty, or open to others."""
    where = f"settings: {path}"
    try:
        for folder in _folders(path):
            _closed(folder.stat().st_mode, folder, where)
        with path.open("rb") as file:
            _closed(os.fstat(file.fileno()).st_mode, path, where)
            keys = file.read(_LARGEST)
    except OSError as error:
        mend = "name the file of the keys that may sign, and let the reconciler read it"
        raise Terminal(f"the allowed keys can't be read: {error.strerror}", where=where, mend=mend) from error
    if not keys.strip():
        raise Terminal("there is no allowed key in it", where=where, mend="add the keys of those who may sign")
    return keys


def _folders(path: Path) -> list[Path]:
    """Every folder on the way to the file, and to what it is a link to; the nearest first."""
    return list(dict.fromkeys((*path.absolute().parents, *path.resolve().parents)))


def _closed(mode: int, path: Path, where: str) -> None:
    """Raises Terminal when somebody else can write what is there: that would let them allow themselves."""
    folder = stat.S_ISDIR(mode)
    who = next((words for bit, words in _OTHERS.items() if mode & bit), "")
    if not who or (folder and mode & stat.S_ISVTX):
        return
    what = f"the folder {path}, and put other keys there" if folder else "the allowed keys"
    raise Terminal(f"{who} can write {what}", where=where, mend=f"chmod go-w {path}")
