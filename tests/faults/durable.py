"""Whether what got its name was on disk before, and the name itself before anybody said so.

Read from the calls of a pass on a healthy disk, since no test can pull the plug. Not looked at: what Git and SQLite
write, who see to it themselves.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_NAMES = re.compile(r"rename(at2?)?|link(at)?")
_WRITES = re.compile(r"p?writev?(64|2)?|f?truncate|fallocate|sendfile|copy_file_range")
_SYNCS = frozenset({"fsync", "fdatasync"})
_THEIRS = re.compile(r"\.git(/|$|\.)|/ledger\.db(-\w+)?$|/lock$")
_JOURNAL = re.compile(r"-(wal|shm|journal)$")
"""Of a database; the copy of one is whole once the database itself has its name, which comes last."""


@dataclass(frozen=True, slots=True)
class Done:
    """A call that was let through: what it changed, what that was called before, and whether it is a folder."""

    name: str
    path: str
    source: str
    folder: bool


def unsafe(root: Path, state: Path, done: Sequence[Done]) -> Iterator[str]:
    """Every name that was given too early, or that a power cut might take back after the journal has told of it; and
    files that were written in their place, where a kill would leave half of one."""
    said = f"{state}/ledger.db"
    for number, one in enumerate(done):
        if one.path.startswith(f"{root}/") and _NAMES.fullmatch(one.name):
            journal = f"{said}-wal"
            if _last(done[:number], journal, _WRITES) > _last(done[:number], journal, _SYNCS):
                yield f"the intent to make {one.path} was not synced before it was made"
        if _NAMES.fullmatch(one.name) and not _THEIRS.search(one.path):
            written = {d.path for d in done[:number] if _WRITES.fullmatch(d.name) and _below(d.path, one.source)}
            for path in sorted(written):
                if _last(done[:number], path, _WRITES) > _last(done[:number], path, _SYNCS):
                    yield f"{path} was not synced before it became {one.path}"
            if not _synced_before_told(done[number + 1 :], os.path.dirname(one.path), said):
                yield f"the folder of {one.path} was not synced before the journal went on"
    yield from (f"{path} is written in its place" for path in _in_place(root, state, done))


def _below(path: str, source: str) -> bool:
    return path == source or path.startswith(f"{source}/")


def _last(done: Sequence[Done], path: str, calls: re.Pattern[str] | frozenset[str]) -> int:
    matches = calls.__contains__ if isinstance(calls, frozenset) else calls.fullmatch
    return max((n for n, one in enumerate(done) if one.path == path and matches(one.name)), default=-1)


def _synced_before_told(later: Sequence[Done], folder: str, ledger: str) -> bool:
    for one in later:
        if one.name in _SYNCS and one.path == folder:
            return True
        if one.path.startswith(ledger) and _WRITES.fullmatch(one.name):
            return False
    return False


def _in_place(root: Path, state: Path, done: Sequence[Done]) -> Iterator[str]:
    """Files of ours that were written, and neither got another name afterwards nor went."""
    ours = (f"{root}/", *(f"{state}/{name}/" for name in ("kept", "secrets", "generations")))
    written = {one.path: n for n, one in enumerate(done) if _WRITES.fullmatch(one.name)}
    for path, last in written.items():
        later = done[last + 1 :]
        gone = any(one.name.startswith("unlink") and one.path == path for one in later)
        named = any(one.source and _below(path, one.source) for one in later)
        if path.startswith(ours) and not _JOURNAL.search(path) and not gone and not named:
            yield path
