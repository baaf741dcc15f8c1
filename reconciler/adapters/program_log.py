"""Keeps a program's log from filling the disk.

The program holds the file open for appending and can't be told to open another, so the text is copied aside and the
file emptied; the few lines written between the two are lost.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

LIMIT_BYTES = 20 * 1024 * 1024


def rotate(log: Path, limit: int = LIMIT_BYTES) -> bool:
    """Moves the text of a log over `limit` bytes to `LOG.1` (0600), replacing the one before; False when it was small
    or absent. Raises OSError."""
    try:
        if log.stat().st_size <= limit:
            return False
    except FileNotFoundError:
        return False
    temporary = log.with_name(f".{log.name}.1.new")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "wb") as target, log.open("r+b") as source:
        shutil.copyfileobj(source, target)
        source.truncate(0)
    temporary.replace(log.with_name(f"{log.name}.1"))
    return True
