"""The disk, as far as the engine needs it. All writes are atomic (temporary name, fsync, rename), never follow a link
out of the allowed roots, and raise: Retryable for a full or read-only disk (naming the path), Terminal for a path that
escapes its root or a file that can't be parsed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from reconciler.plan.fact import FileFact
from reconciler.plan.resource import FileResource, Format
from reconciler.plan.value import FieldPath


@dataclass(frozen=True, slots=True)
class FileQuery:
    """Look at `resource`, at `path` (its own, or where the attic holds it). `open_keys` are key paths
    whose values may be shown; all other values of a keyed file come back Hidden."""

    resource: FileResource
    path: str
    open_keys: frozenset[FieldPath]


@dataclass(frozen=True, slots=True)
class KeyEdit:
    """Set the key at `path` to the JSON text `value`, or remove it when `value` is None."""

    path: FieldPath
    value: str | None


class Files(Protocol):
    def admit(self, root: str) -> None:
        """Allows what is below the folder that the fleet declares as this host's root; nothing else may be changed."""
        ...

    def observe(self, queries: Sequence[FileQuery], *, reread: bool = False) -> Mapping[str, FileFact]:
        """Facts by resource key. Content is remembered by stat signature (device, inode, size, mtime_ns, ctime_ns) and
        read again only when that changed, or when `reread`. The same fact object is returned while nothing changed.
        A file that can't be read or parsed is Unknown with path and position."""
        ...

    def make_directory(self, path: str, mode: int) -> None:
        """Makes the folder and its missing parents, or sets the mode of an existing one."""
        ...

    def write_text(self, path: str, text: str, mode: int) -> None: ...

    def edit_keys(self, path: str, file_format: Format, edits: Sequence[KeyEdit], mode: int) -> None:
        """Reads the file as it is now, sets and removes exactly these keys, keeps comments, order and every other key,
        and checks that the program's own parser reads back what was set. Makes the file when it is absent."""
        ...

    def link(self, path: str, target: str) -> None:
        """Makes or atomically replaces a symbolic link."""
        ...

    def remove(self, path: str) -> None:
        """Removes a file, a link or an empty folder; absent is a no-op; a folder that is not empty stays, silently."""
        ...

    def move(self, source: str, target: str) -> None:
        """Renames a folder on one file system, making the target's parents; never replaces anything."""
        ...

    def keep(self, path: str) -> str | None:
        """Copies the file's bytes into the host's history (0600); the copy's path, or None when there is no file."""
        ...

    def size(self, path: str) -> int:
        """Length of the file in bytes; 0 when there is none."""
        ...

    def tail(self, path: str, lines: int, since: int = 0) -> str:
        """The last lines, "" when there is no file. With `since`, only of what comes after that many bytes; of all
        where the file has become shorter than that, because it was begun anew."""
        ...
