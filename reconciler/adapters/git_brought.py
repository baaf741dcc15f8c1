"""What a push brings: each file below a folder in each of its commits, also one that a later commit takes out again.

Commits that a ref leads to already are not gone through, and of the others only what they change; a merge changes what
none of its parents has. A file with the same content is given once, in the first commit that holds it.
Not done here: what is sought in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.adapters.git_names import check_commit
from reconciler.adapters.git_repo import GitRepo
from reconciler.adapters.git_tree import load_blobs
from reconciler.errors import Terminal
from reconciler.spec.contents import Limits

_AT_ONCE = 4 * 1024 * 1024
"""Bytes that are held in memory at the same time, but for a single file that is larger."""
_SUBMODULE = b"160000"


@dataclass(frozen=True, slots=True)
class Brought:
    """A file as a commit of the push holds it. `commit` is a tag's object where that leads to no commit."""

    commit: str
    path: str
    data: bytes


def brought(repo: GitRepo, tips: Sequence[str], folder: str, limits: Limits) -> Iterator[Brought]:
    """The files, those of the oldest commits first. Raises Terminal for more than the limits, before the first."""
    names = [check_commit(tip) for tip in tips]
    places: dict[str, tuple[str, str]] = {}
    for blob, commit, path in (*_changed(repo, names, folder), *_bare_trees(repo, names, folder)):
        places.setdefault(blob, (commit, path))
    sizes = _sizes(repo, places)
    _check(sizes, places, folder, limits)
    for some in _portions(sizes):
        for blob, data in load_blobs(repo, some).items():
            yield Brought(*places[blob], data)


def _changed(repo: GitRepo, tips: Sequence[str], folder: str) -> Iterator[tuple[str, str, str]]:
    """(blob, commit, path) of all that the new commits change."""
    feed = "".join(f"{tip}\n" for tip in tips).encode()
    commits = repo.run("rev-list", "--reverse", "--topo-order", "--stdin", "--not", "--all", feed=feed)
    if not commits:
        return
    shape = ("--stdin", "-r", "-c", "--root", "--raw", "-z", "--no-renames", "--no-abbrev")
    words = iter(repo.run("diff-tree", *shape, *_below(folder), feed=commits).split(b"\0"))
    commit = ""
    for word in words:
        if not word.startswith(b":"):
            commit = word.decode().strip() or commit
            continue
        # One colon, mode and object name for each parent, then those of the commit itself, then letters.
        parents = len(word) - len(word.lstrip(b":"))
        parts = word[parents:].split(b" ")
        mode, blob, path = parts[parents], parts[2 * parents + 1].decode(), _text(next(words))
        if mode != _SUBMODULE and blob.strip("0"):
            yield blob, commit, path


def _bare_trees(repo: GitRepo, tips: Sequence[str], folder: str) -> Iterator[tuple[str, str, str]]:
    """The same of tips that lead to a tree without any commit."""
    feed = "".join(f"{tip}^{{}}\n" for tip in tips).encode()
    kinds = repo.run("cat-file", "--batch-check=%(objectname) %(objecttype)", feed=feed).decode().splitlines()
    for tip, (name, _, kind) in zip(tips, (line.partition(" ") for line in kinds), strict=True):
        if kind != "tree":
            continue
        for entry in repo.run("ls-tree", "-r", "-z", "--full-tree", name, *_below(folder)).split(b"\0"):
            about, _, path = entry.partition(b"\t")
            if about and not about.startswith(_SUBMODULE):
                yield about.decode().split(" ")[2], tip, _text(path)


def _below(folder: str) -> tuple[str, ...]:
    return ("--", folder) if folder else ()


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def _sizes(repo: GitRepo, blobs: Iterable[str]) -> dict[str, int]:
    feed = "".join(f"{blob}\n" for blob in blobs).encode()
    lines = repo.run("cat-file", "--batch-check=%(objectname) %(objectsize)", feed=feed).decode().splitlines()
    return {name: int(size) for name, _, size in (line.partition(" ") for line in lines) if size.isdigit()}


def _check(sizes: Mapping[str, int], places: Mapping[str, tuple[str, str]], folder: str, limits: Limits) -> None:
    for blob, (commit, path) in places.items():
        if blob not in sizes:
            raise Terminal(f"commit {commit[:7]} has a file that is not here", where=path, mend="push it again")
        if sizes[blob] > limits.blob:
            what = f"the file has {sizes[blob]} bytes in commit {commit[:7]}; {limits.blob} can be searched for secrets"
            raise Terminal(what, where=path, mend="take it out of that commit, or out of the fleet folder")
    where = folder or "the repository"
    mend = "push it in parts: an older commit first, as `git push REMOTE COMMIT:refs/heads/BRANCH`"
    for count, limit, unit in (
        (len(sizes), limits.files, "files"),
        (sum(sizes.values()), limits.total, "bytes"),
    ):
        if count > limit:
            what = f"the push brings {count} {unit} below {where}; {limit} can be searched for secrets at once"
            raise Terminal(what, mend=mend)


def _portions(sizes: Mapping[str, int]) -> Iterator[dict[str, int]]:
    portion: dict[str, int] = {}
    held = 0
    for blob, size in sizes.items():
        if portion and held + size > _AT_ONCE:
            yield portion
            portion, held = {}, 0
        portion[blob] = size
        held += size
    if portion:
        yield portion
