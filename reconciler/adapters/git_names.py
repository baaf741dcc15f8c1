"""Names that reach Git: branches, folders, refs we may write, paths inside a commit. Checked before Git sees them.

Not done here: URLs (git_remote.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from reconciler.errors import Refused, Terminal

_FORBIDDEN_IN_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
WRITABLE = ("status/", "checkpoints/")


def check_branch(name: str) -> str:
    """The name, when Git would take it as a branch (the rules of git-check-ref-format)."""
    odd = not name or name in {"@", "HEAD"} or name[0] in "-./" or name[-1] in "./"
    if odd or _FORBIDDEN_IN_REF.search(name):
        raise Terminal(
            f"{name!r} is not a branch name", where="source.branch", mend="write the name alone, such as main"
        )
    return name


def check_folder(folder: str) -> str:
    """The folder inside the repository without outer slashes; "" is the whole repository."""
    clean = folder.strip("/")
    if clean in {"", "."}:
        return ""
    if any(part in {"", ".", ".."} for part in clean.split("/")) or _CONTROL.search(clean):
        mend = "write a path inside the repository, such as fleet"
        raise Terminal(f"{folder!r} is not a folder of a repository", where="source.folder", mend=mend)
    return clean


def check_commit(commit: str) -> str:
    """The commit, when it is a full object name; nothing else may reach Git as a revision."""
    if not _COMMIT.fullmatch(commit):
        raise Terminal(f"{commit!r} is not a commit", mend="give the full object name of 40 hexadecimal digits")
    return commit


def is_commit(text: str | None) -> bool:
    return text is not None and _COMMIT.fullmatch(text) is not None


def check_writable(ref: str, watched: str) -> str:
    """The ref, when the store may write it: below status/ or checkpoints/ and never the watched branch."""
    if ref == watched:
        raise Refused(f"{ref} is the branch that we watch; our own commits would wake us", where=ref)
    if not ref.startswith(WRITABLE):
        raise Refused("only branches below status/ and checkpoints/ are written", where=ref)
    return check_branch(ref)


def check_paths(paths: Iterable[str]) -> None:
    """Refuses paths that could leave the folder somebody restores them to."""
    for path in paths:
        parts = path.split("/")
        if any(part in {"", ".", ".."} or part.lower() == ".git" for part in parts) or _CONTROL.search(path):
            raise Terminal(
                f"{path!r} can't be stored in Git",
                mend="use a relative path without ., .., .git and control characters",
            )


def decode_path(raw: bytes) -> str:
    """A path of a tree as text; names that could mislead a reader or a terminal are refused."""
    path = path_on_disk(raw)
    if not path.isascii() and path.encode("utf-8", "replace") != raw:
        raise Terminal(f"file name {raw!r} is not UTF-8", mend="rename the file and commit")
    if _CONTROL.search(path):
        raise Terminal(f"file name {path!r} holds control characters", mend="rename the file and commit")
    return path


def path_on_disk(raw: bytes) -> str:
    """A path of a tree as Python would read it from a disk, for who judges the name itself; names that lead elsewhere
    are refused."""
    path = raw.decode("utf-8", "surrogateescape")
    if any(part in {".", "..", ""} for part in path.split("/")):
        raise Terminal(f"file name {raw!r} holds dots alone", mend="rename the file and commit")
    return path
