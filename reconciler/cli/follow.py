"""Follows a growing file by its name, through truncation and replacement.

Not done here: making what was read safe to show.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from io import BufferedReader
from pathlib import Path

from reconciler.errors import Terminal

POLL_SECONDS = 0.3
_BEFORE = 1_000_000
"""Bytes at the end of the file that the first lines are taken from."""


def follow(path: Path, lines: int) -> Generator[str, None, None]:
    """The last `lines` lines, then whatever is added, in whole lines; never ends. A missing file is waited for."""
    stream = _open(path)
    rest = b"".join(_last(stream, lines)) if stream else b""
    try:
        while True:
            whole, newline, rest = rest.rpartition(b"\n")
            if newline:
                yield (whole + newline).decode(errors="replace")
            time.sleep(POLL_SECONDS)
            rest += stream.read() if stream else b""
            if stream is None or _replaced(path, stream):
                if stream:
                    stream.close()
                stream = _open(path)
                rest += stream.read() if stream else b""
    finally:
        if stream:
            stream.close()


def _open(path: Path) -> BufferedReader | None:
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Terminal(f"the log can't be read ({error.strerror})", where=str(path)) from error


def _last(stream: BufferedReader, lines: int) -> list[bytes]:
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(size - _BEFORE, 0))
    return stream.read().splitlines(keepends=True)[-lines:]


def _replaced(path: Path, stream: BufferedReader) -> bool:
    """Whether the name stands for another file now, or the file was cut short."""
    try:
        now = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(stream.fileno())
    return not os.path.samestat(now, mine) or mine.st_size < stream.tell()
