"""Writes a file that only its owner may read, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from reconciler.errors import Retryable, Terminal


def write_private(target: str, text: str) -> None:
    """Replaces the file. Raises Retryable when it can't be written, and Terminal when something else stands there: a
    device, say, or a link."""
    path = Path(target)
    try:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise Terminal("something that is no plain file stands there", where=target, mend="name another file")
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise _failed(path, error) from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        with suppress(OSError):
            Path(temporary).unlink()
        raise _failed(path, error) from error


def _failed(path: Path, error: OSError) -> Retryable:
    return Retryable(f"it can't be written ({error.strerror})", where=str(path), mend="name another file")
