"""Which live processes run from a folder, as the kernel tells: a version that somebody runs is never taken away.

A program of a virtual environment is started by its path, and maps compiled modules from it. Maps of other users'
processes may be hidden; arguments are not. Not done here: removing.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def users_of(folder: str, proc: str = "/proc") -> tuple[tuple[int, str], ...]:
    """(pid, command) of every other live process that runs from below the folder."""
    inside = os.fsencode(folder.rstrip("/") + "/")
    places = [place for place in Path(proc).iterdir() if place.name.isdecimal() and int(place.name) != os.getpid()]
    return tuple((int(place.name), _command(place)) for place in places if _runs_from(place, inside))


def _runs_from(place: Path, inside: bytes) -> bool:
    """What can't be read, or has just ended, says nothing."""
    started = any(word.startswith(inside) for word in _words(place))
    if started or any(_link(place / name).startswith(inside) for name in ("exe", "cwd")):
        return True
    with suppress(OSError):
        return inside in (place / "maps").read_bytes()
    return False


def _words(place: Path) -> list[bytes]:
    """The program and its first argument, which is the script that an interpreter runs. Further arguments may only
    mention the folder, as an editor's do."""
    with suppress(OSError):
        return (place / "cmdline").read_bytes().split(b"\0")[:2]
    return []


def _link(path: Path) -> bytes:
    with suppress(OSError):
        return os.fsencode(path.readlink()) + b"/"
    return b""


def _command(place: Path) -> str:
    return os.fsdecode(b" ".join(_words(place)))[:120]
