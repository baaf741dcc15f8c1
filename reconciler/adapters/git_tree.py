"""The files under a folder at one commit, straight from the object store: no checkout, nothing followed.

`Trees` remembers by object name: the same folder is read once, and a changed folder costs its changed files.
Not done here: which commit (git_mirror.py), what a fleet folder may hold (spec/contents.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reconciler.adapters.git_names import check_commit, decode_path, path_on_disk
from reconciler.adapters.git_repo import CommitMissing, Damaged, GitRepo
from reconciler.errors import Terminal
from reconciler.spec.contents import Contents, Form, Item, Limits, faults, is_hidden, too_much
from reconciler.spec.position import printable

_REMEMBERED_TREES = 4
_FORMS = {"120000": Form.LINK, "160000": Form.SUBMODULE}


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
        self._contents: dict[tuple[str, str], Contents] = {}
        self._blobs: dict[str, bytes] = {}

    def known(self, commit: str, folder: str) -> Mapping[str, bytes] | None:
        """What was read before, and can be used; None when `read` has to be asked."""
        tree = self._names.get((commit, folder))
        found = None if tree is None else self._contents.get((tree, folder))
        return None if found is None or found.problems else found.files

    def read(self, repo: GitRepo, commit: str, folder: str) -> Mapping[str, bytes]:
        """The files. Raises Terminal for the first thing in the folder that can't be used."""
        found = self.contents(repo, commit, folder)
        for problem in found.problems:
            raise Terminal(problem.message, where=printable(problem.at.file), mend=problem.mend)
        return found.files

    def contents(self, repo: GitRepo, commit: str, folder: str) -> Contents:
        """The files that can be used, and what is wrong with the others. `commit` may name a tree as well."""
        tree = tree_of(repo, commit, folder)
        if (tree, folder) not in self._contents:
            self._remember((tree, folder), self._load(repo, tree, folder))
        if len(self._names) > 1000:
            self._names.clear()
        self._names[(commit, folder)] = tree
        return self._contents[(tree, folder)]

    def _load(self, repo: GitRepo, tree: str, folder: str) -> Contents:
        inside = len(f"{folder}/") if folder else 0
        listed = [(entry, _item(entry)) for entry in list_tree(repo, tree, folder, path_on_disk)]
        seen = {entry: item for entry, item in listed if not is_hidden(item.path[inside:], item.form)}
        wrong, much = faults(seen.values(), self._limits), too_much(seen.values(), folder, self._limits)
        unusable = {problem.at.file for problem in wrong}
        entries = [] if much else [entry for entry in seen if entry.path not in unusable]
        missing = {entry.blob: entry.size for entry in entries if entry.blob not in self._blobs}
        blobs = self._blobs | load_blobs(repo, missing)
        self._blobs = {entry.blob: blobs[entry.blob] for entry in entries}
        files = {entry.path: self._blobs[entry.blob] for entry in entries}
        return Contents(MappingProxyType(files), (*wrong, *much))

    def _remember(self, key: tuple[str, str], contents: Contents) -> None:
        while len(self._contents) >= _REMEMBERED_TREES:
            del self._contents[next(iter(self._contents))]
        self._contents[key] = contents


def _item(entry: Entry) -> Item:
    return Item(entry.path, _FORMS.get(entry.mode, Form.FILE), entry.size)


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


def list_tree(repo: GitRepo, tree: str, folder: str, decode: Callable[[bytes], str] = decode_path) -> tuple[Entry, ...]:
    """Everything below the tree, with paths inside the repository."""
    prefix = f"{folder}/" if folder else ""
    entries = []
    for raw in repo.run("ls-tree", "-r", "-l", "-z", tree).split(b"\0"):
        if raw:
            about, _, path = raw.partition(b"\t")
            mode, _, blob, size = about.decode().split()
            if size == "BAD":
                raise Damaged(f"{repo.path}: object {blob} is missing")
            entries.append(Entry(prefix + decode(path), mode, blob, 0 if size == "-" else int(size)))
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
