"""The files under a folder at one commit, straight from the object store: no checkout, nothing followed.

`Trees` remembers by object name: the same folder is read once, and a changed folder costs its changed files.
Not done here: which commit (git_mirror.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reconciler.adapters.git_names import check_commit, decode_path
from reconciler.adapters.git_repo import CommitMissing, Damaged, GitRepo
from reconciler.errors import Terminal

_REMEMBERED_TREES = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one folder may hold; sizes in bytes."""

    files: int = 10_000
    total: int = 64 * 1024 * 1024
    blob: int = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a tree; `blob` is its object name."""

    path: str
    mode: str
    blob: str
    size: int


class Trees:
    """Files of one repository by commit and folder."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._names: dict[tuple[str, str], str] = {}
        self._files: dict[tuple[str, str], Mapping[str, bytes]] = {}
        self._blobs: dict[str, bytes] = {}

    def known(self, commit: str, folder: str) -> Mapping[str, bytes] | None:
        """What was read before; None when the repository has to be asked."""
        tree = self._names.get((commit, folder))
        return None if tree is None else self._files.get((tree, folder))

    def read(self, repo: GitRepo, commit: str, folder: str) -> Mapping[str, bytes]:
        tree = tree_of(repo, commit, folder)
        if (tree, folder) not in self._files:
            self._remember((tree, folder), self._load(repo, tree, folder))
        if len(self._names) > 1000:
            self._names.clear()
        self._names[(commit, folder)] = tree
        return self._files[(tree, folder)]

    def _load(self, repo: GitRepo, tree: str, folder: str) -> dict[str, bytes]:
        entries = list_tree(repo, tree, folder)
        _check(entries, self._limits)
        missing = {entry.blob: entry.size for entry in entries if entry.blob not in self._blobs}
        blobs = self._blobs | load_blobs(repo, missing)
        self._blobs = {entry.blob: blobs[entry.blob] for entry in entries}
        return {entry.path: self._blobs[entry.blob] for entry in entries}

    def _remember(self, key: tuple[str, str], files: dict[str, bytes]) -> None:
        while len(self._files) >= _REMEMBERED_TREES:
            del self._files[next(iter(self._files))]
        self._files[key] = MappingProxyType(files)


def tree_of(repo: GitRepo, commit: str, folder: str) -> str:
    """Object name of the folder's tree at the commit."""
    root = f"{check_commit(commit)}^{{tree}}"
    wanted = f"{commit}:{folder}" if folder else root
    first, second = repo.run("cat-file", "--batch-check", feed=f"{root}\n{wanted}\n".encode()).splitlines()
    if first.endswith(b" missing"):
        raise CommitMissing(commit)
    name, kind = second.decode("utf-8", "replace").rsplit(" ", 2)[:2] if not second.endswith(b" missing") else ("", "")
    if kind == "tree":
        return name
    what = "is a file" if kind else "does not exist"
    tops = repo.run("ls-tree", "-d", "--name-only", "-z", commit).decode("utf-8", "replace").split("\0")
    there = ", ".join(repr(top)[1:-1] for top in tops if top) or "none"
    mend = f"folders at the top: {there}; set source.folder to the one that holds the fleet"
    raise Terminal(f"the folder {folder!r} {what} at commit {commit[:12]}", where="source.folder", mend=mend)


def list_tree(repo: GitRepo, tree: str, folder: str) -> tuple[Entry, ...]:
    """Everything below the tree, with paths inside the repository."""
    prefix = f"{folder}/" if folder else ""
    entries = []
    for raw in repo.run("ls-tree", "-r", "-l", "-z", tree).split(b"\0"):
        if raw:
            about, _, path = raw.partition(b"\t")
            mode, _, blob, size = about.decode().split()
            if size == "BAD":
                raise Damaged(f"{repo.path}: object {blob} is missing")
            entries.append(Entry(prefix + decode_path(path), mode, blob, 0 if size == "-" else int(size)))
    return tuple(entries)


def load_blobs(repo: GitRepo, wanted: Mapping[str, int]) -> dict[str, bytes]:
    """Contents by object name, in one call. `wanted` is name -> size."""
    if not wanted:
        return {}
    out = memoryview(repo.run("cat-file", "--batch", feed="\n".join(wanted).encode() + b"\n"))
    blobs, at = {}, 0
    for name, size in wanted.items():
        header = f"{name} blob {size}\n".encode()
        start = at + len(header)
        at = start + size + 1
        if out[start - len(header) : start] != header or at > len(out):
            raise Damaged(f"{repo.path}: object {name} is missing or broken")
        blobs[name] = bytes(out[start : at - 1])
    return blobs


def _check(entries: Iterable[Entry], limits: Limits) -> None:
    entries = tuple(entries)
    mend = "declare the fleet in plain files, and keep everything else out of its folder"
    for entry in entries:
        match entry.mode:
            case "120000":
                raise Terminal("is a symbolic link; links are not followed", where=entry.path, mend=mend)
            case "160000":
                raise Terminal("is a submodule; submodules are not followed", where=entry.path, mend=mend)
            case _ if entry.size > limits.blob:
                what = f"the file has {entry.size} bytes; the limit is {limits.blob}"
                raise Terminal(what, where=entry.path, mend=mend)
            case _:
                pass
    total = sum(entry.size for entry in entries)
    if len(entries) > limits.files:
        raise Terminal(f"the folder holds {len(entries)} files; the limit is {limits.files}", mend=mend)
    if total > limits.total:
        raise Terminal(f"the folder holds {total} bytes; the limit is {limits.total}", mend=mend)
