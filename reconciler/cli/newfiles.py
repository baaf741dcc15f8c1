"""Writes files that must not be there yet; what is there stays as it is."""

from __future__ import annotations

from pathlib import Path

from reconciler.errors import Terminal


def write_new(path: Path, text: str) -> bool:
    """Writes the file; False when something stands there already. Raises Terminal when it can't be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        if path.parent.is_dir():
            return False
        raise Terminal("a file stands where a folder is needed", where=str(path.parent)) from None
    except OSError as error:
        raise Terminal(f"it can't be written ({error.strerror})", where=str(path)) from error
    return True
