"""Looks at files, and remembers what it saw by stat signature: a pass with nothing to do costs one lstat a resource.

The same fact object is handed out while nothing changed. No link is followed on the way from the root to the path, so
a swapped folder can't make us read somewhere else. Not done here: any change of the disk.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO

from reconciler.adapters import keyed
from reconciler.adapters.atomic import READ, kind
from reconciler.adapters.file_facts import directory, keyed_file, link, text_file
from reconciler.adapters.keyed_errors import Unreadable
from reconciler.adapters.look import ABSENT, Look, Lstat, refusal
from reconciler.adapters.signature import Signature, settled, signature
from reconciler.adapters.tree import Tree
from reconciler.errors import ReconcilerError
from reconciler.plan.fact import FileFact, InTheWay, Unknown
from reconciler.plan.resource import Directory, FileResource, Format, KeyedFile, Symlink, TextFile
from reconciler.plan.value import FieldPath
from reconciler.protocols.files import FileQuery

_TRIES = 5
_EXPECTED = {"directory": stat.S_IFDIR, "text": stat.S_IFREG, "keyed": stat.S_IFREG, "symlink": stat.S_IFLNK}


@dataclass(slots=True)
class _Seen:
    """What was seen of one resource. `signature` is None while it can't be trusted; `parsed` is the last fact of a
    keyed file with the digest of what it was made of, so that reading the same bytes again parses nothing."""

    query: FileQuery
    resource: FileResource
    path: str
    folder: str
    open_keys: frozenset[FieldPath]
    fact: FileFact = ABSENT
    signature: Signature | None = None
    parsed: tuple[bytes, FileFact] | None = None


class FileObserver:
    """`lstat` and `now` (nanoseconds since the epoch) are given so that a test can make a racy write."""

    def __init__(
        self,
        tree: Tree,
        digest: Callable[[str], str],
        lstat: Lstat = os.lstat,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        self._tree = tree
        self._digest = digest
        self._lstat = lstat
        self._now = now
        self._seen: dict[str, _Seen] = {}

    def observe(self, queries: Iterable[FileQuery], reread: bool) -> Mapping[str, FileFact]:
        """Facts by resource key. The hot path of every pass: for an unchanged resource it costs one lstat and a few
        look-ups, and calls no function of ours."""
        look, lstat, known = Look(self._tree, self._lstat), self._lstat, self._seen
        stats, clear = look.stats, look.clear
        facts: dict[str, FileFact] = {}
        for query in queries:
            resource = query.resource
            key = resource.key
            seen = known.get(key)
            if seen is None or seen.query is not query:
                seen = known[key] = _asked(query, seen)
            if seen.signature is not None and seen.folder in clear:
                path = seen.path
                found = stats.get(path)
                if found is None:
                    try:
                        found = lstat(path)
                    except OSError as error:
                        found = error
                if not reread and found.__class__ is os.stat_result and signature(found) == seen.signature:
                    facts[key] = seen.fact
                    if resource.__class__ is Directory and stat.S_ISDIR(found.st_mode):
                        clear.add(path)
                    continue
                stats[path] = found
            facts[key] = self._renewed(seen, look, reread)
        return facts

    def _renewed(self, seen: _Seen, look: Look, reread: bool) -> FileFact:
        """Equal facts stay the same object, so that comparing by identity is enough for the plan."""
        fact = look.problem(seen.folder)
        if fact is not None:
            seen.signature = None
        else:
            fact = self._look_at(seen, look.at(seen.path), reread)
        if fact != seen.fact:
            seen.fact = fact
        return seen.fact

    def _look_at(self, seen: _Seen, found: os.stat_result | OSError, reread: bool) -> FileFact:
        if isinstance(found, os.stat_result):
            return seen.fact if seen.signature == signature(found) and not reread else self._read(seen, found)
        seen.signature = None
        return refusal(seen.path, found)

    def _read(self, seen: _Seen, found: os.stat_result) -> FileFact:
        """Reads until the signatures before and after agree, so that a fact never mixes two versions."""
        for _ in range(_TRIES):
            seen.signature, now = None, self._now()
            try:
                fact = self._content(seen, found)
                after = self._lstat(seen.path)
            except OSError as error:
                return refusal(seen.path, error)
            except ReconcilerError as error:
                return Unknown(str(error))
            if fact is not None and signature(after) == signature(found):
                seen.signature = signature(found) if settled(found, now) else None
                return fact
            found = after
        return Unknown(f"{seen.path}: it changes faster than it can be read (the next pass looks again)")

    def _content(self, seen: _Seen, found: os.stat_result) -> FileFact | None:
        """None when another file took the path between the look and the read."""
        resource = seen.resource
        if stat.S_IFMT(found.st_mode) != _EXPECTED[resource.type]:
            target = f" to {_target(self._tree, seen.path)}" if stat.S_ISLNK(found.st_mode) else ""
            return InTheWay(kind(found.st_mode) + target)
        match resource:
            case Directory():
                return directory(found)
            case Symlink():
                return link(_target(self._tree, seen.path))
            case TextFile():
                with _opened(self._tree, seen.path, found) as file:
                    return text_file(found, file) if file else None
            case KeyedFile():
                with _opened(self._tree, seen.path, found) as file:
                    data = file.read(keyed.MAX_BYTES + 1) if file else None
                return None if data is None else self._keyed(seen, resource, found, data)

    def _keyed(self, seen: _Seen, resource: KeyedFile, found: os.stat_result, data: bytes) -> FileFact:
        mark = sha256(data + found.st_mode.to_bytes(4, "big")).digest()
        if seen.parsed is not None and seen.parsed[0] == mark:
            return seen.parsed[1]
        fact: FileFact
        try:
            fact = keyed_file(found, keyed.leaves(resource.format, data), seen.open_keys, self._digest)
        except Unreadable as error:
            fact = Unknown(f"{seen.path}:{error.line}:{error.column}: {error.problem} ({error.mend})")
        seen.parsed = (mark, fact)
        return fact


def _asked(query: FileQuery, seen: _Seen | None) -> _Seen:
    """What is remembered for this question: all of it when the question only was made anew, so that asking the same
    object next time is fast again."""
    resource, folder = query.resource, query.path.rpartition("/")[0]
    new = _Seen(query, resource, query.path, folder, query.open_keys)
    if seen is None:
        return new
    new.fact = seen.fact
    if seen.path == query.path and seen.open_keys == query.open_keys and _form(seen.resource) == _form(resource):
        new.signature, new.parsed = seen.signature, seen.parsed
    return new


def _form(resource: FileResource) -> tuple[str, Format | None]:
    """All that the fact depends on besides path and open keys; what is desired does not count."""
    return resource.type, resource.format if isinstance(resource, KeyedFile) else None


@contextmanager
def _opened(tree: Tree, path: str, found: os.stat_result) -> Iterator[BinaryIO | None]:
    """The file that `found` tells of, or None when it is another one by now."""
    with tree.glimpse(path) as spot, os.fdopen(os.open(spot.name, READ, dir_fd=spot.folder), "rb") as file:
        opened = os.fstat(file.fileno())
        yield file if (opened.st_dev, opened.st_ino) == (found.st_dev, found.st_ino) else None


def _target(tree: Tree, path: str) -> str:
    with tree.glimpse(path) as spot:
        return os.readlink(spot.name, dir_fd=spot.folder)
