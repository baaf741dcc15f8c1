"""The lstats of one pass, and what the way to a folder makes of everything below it.

Folders are resources themselves, so remembering for the length of a pass looks at each path once. No link is followed
between a root and a path. Not done here: reading, remembering across passes.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable

from reconciler.adapters.atomic import kind
from reconciler.adapters.tree import Tree
from reconciler.plan.fact import Absent, FileFact, InTheWay, Unknown

Lstat = Callable[[str], os.stat_result]
ABSENT = Absent()


class Look:
    """`stats` holds what was looked at, `clear` the folders that nothing stands in the way of."""

    def __init__(self, tree: Tree, lstat: Lstat) -> None:
        self.stats: dict[str, os.stat_result | OSError] = {}
        self.clear: set[str] = set()
        self._tree = tree
        self._lstat = lstat
        self._problems: dict[str, FileFact] = {}

    def at(self, path: str) -> os.stat_result | OSError:
        found = self.stats.get(path)
        if found is None:
            try:
                found = self._lstat(path)
            except OSError as error:
                found = error
            self.stats[path] = found
        return found

    def problem(self, folder: str) -> FileFact | None:
        """Why nothing below the folder can be looked at; None when the way is clear."""
        if folder in self.clear:
            return None
        if folder in self._problems:
            return self._problems[folder]
        found = self._way(folder)
        if found is None:
            self.clear.add(folder)
        else:
            self._problems[folder] = found
        return found

    def _way(self, folder: str) -> FileFact | None:
        parent, _, name = folder.rpartition("/")
        if parent not in self.clear or name == "..":
            root = self._tree.root_of(f"{folder}/.")
            if root is None:
                return Unknown(f"{folder}: this is outside the folders that may be looked at")
            if folder == root:
                return _root_problem(root)
            above = self.problem(parent)
            if above is not None:
                return above
        found = self.at(folder)
        if isinstance(found, OSError):
            return refusal(folder, found)
        if stat.S_ISLNK(found.st_mode):
            return Unknown(f"{folder}: a link stands on the way, and links are not followed (replace it by a folder)")
        if not stat.S_ISDIR(found.st_mode):
            return InTheWay(f"{kind(found.st_mode)} at {folder}, where a folder is needed")
        return None


def _root_problem(root: str) -> FileFact | None:
    """The root is the operator's choice and may be a link."""
    try:
        found = os.stat(root)  # noqa: PTH116
    except OSError as error:
        return refusal(root, error)
    return (
        None if stat.S_ISDIR(found.st_mode) else InTheWay(f"{kind(found.st_mode)} at {root}, where a folder is needed")
    )


def refusal(path: str, error: OSError) -> FileFact:
    """What an error of the kernel says about a path."""
    if error.errno == errno.ENOENT:
        return ABSENT
    if error.errno == errno.ENOTDIR:
        return InTheWay("a file where a folder is needed on the way to it")
    hint = " (run the reconciler as its owner, or change the mode)" if isinstance(error, PermissionError) else ""
    return Unknown(f"{path}: {error.strerror or error}{hint}")
