"""Commits written straight into a bare repository: one `git fast-import`, no work tree, no index.

The stream declares its own end (`feature done`), so one that is cut off writes nothing; the ref moves last, at once.
Not done here: pushing (git_push.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.adapters.git_repo import Damaged, GitRepo
from reconciler.errors import ReconcilerError


@dataclass(frozen=True, slots=True)
class Identity:
    """Author and committer of what we write."""

    name: str
    email: str

    def line(self, when: int) -> bytes:
        clean = [part.translate(dict.fromkeys(map(ord, "<>\n\0"), "")) for part in (self.name, self.email)]
        return f"{clean[0]} <{clean[1]}> {when} +0000".encode()


@dataclass(frozen=True, slots=True)
class Message:
    """What a commit says, who says it and when (seconds since the epoch)."""

    who: Identity
    when: int
    text: bytes


@dataclass(frozen=True, slots=True)
class Queued:
    """A commit that is here and not at the remote; `tree` is the object name of all its files."""

    tree: str
    message: Message


def same_files(repo: GitRepo, commit: str, files: Mapping[str, bytes]) -> bool:
    """Whether the commit holds exactly these files. Compares object names, so no content is read."""
    listing = repo.run("ls-tree", "-r", "-z", commit).split(b"\0")
    there = {raw.partition(b"\t")[2]: raw.split()[2].decode() for raw in listing if raw}
    if {path.encode() for path in files} != there.keys():
        return False
    return all(_blob_name(data, len(there[path.encode()])) == there[path.encode()] for path, data in files.items())


def commit_files(repo: GitRepo, branch: str, parent: str | None, message: Message, files: Mapping[str, bytes]) -> str:
    """Commits exactly these files on `branch` (a full ref name)."""
    lines = [*_head(branch, parent, message), b"deleteall\n"]
    for path in sorted(files):
        lines.append(b"M 100644 inline " + _quoted(path) + b"\n" + _data(files[path]))
    return _import(repo, lines)


def replay(repo: GitRepo, branch: str, onto: str, queue: Sequence[Queued]) -> str:
    """Puts the queue on top of `onto`, each with the files it had, and moves the branch there. What changes nothing on
    its new parent is left out."""
    tree = repo.run("rev-parse", f"{onto}^{{tree}}").decode().strip()
    lines = [f"reset {branch}\nfrom {onto}\n\n".encode()]
    for queued in queue:
        if queued.tree != tree:
            lines += _head(branch, None, queued.message)
            lines.append(f'M 040000 {queued.tree} ""\n'.encode())
            tree = queued.tree
    if len(lines) == 1:
        repo.run("update-ref", branch, onto)
        return onto
    return _import(repo, lines, "--force")


def queue_of(repo: GitRepo, who: Identity, tip: str, *known: str | None) -> tuple[Queued, ...]:
    """Commits of ours up to `tip` that none of the known ones reaches, oldest first."""
    feed = "\n".join([tip, *(f"^{commit}" for commit in known if commit)]).encode()
    form = "--format=tformat:%T%x00%ct%x00%B%x00"
    parts = repo.run("log", "--reverse", "--topo-order", "--stdin", form, feed=feed).split(b"\0")
    return tuple(
        Queued(tree.strip().decode(), Message(who, int(when), text))
        for tree, when, text in zip(parts[0::3], parts[1::3], parts[2::3], strict=False)
    )


def _head(branch: str, parent: str | None, message: Message) -> list[bytes]:
    text = message.text.replace(b"\0", b"").rstrip() + b"\n"
    identity = message.who.line(message.when)
    lines = [f"commit {branch}\nmark :1\n".encode(), b"author " + identity + b"\ncommitter " + identity + b"\n"]
    return [*lines, _data(text), f"from {parent}\n".encode() if parent else b""]


def _import(repo: GitRepo, lines: Iterable[bytes], *options: str) -> str:
    feed = b"".join([b"feature done\n", *lines, b"get-mark :1\ndone\n"])
    try:
        return repo.run("fast-import", "--quiet", "--date-format=raw", *options, feed=feed).decode().strip()
    except (ReconcilerError, Damaged):
        repo.sweep()
        raise


def _data(data: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(data), data)


def _quoted(path: str) -> bytes:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'.encode()


def _blob_name(data: bytes, digits: int) -> str:
    digest = hashlib.sha256() if digits == 64 else hashlib.sha1(usedforsecurity=False)
    digest.update(b"blob %d\0" % len(data))
    digest.update(data)
    return digest.hexdigest()
