"""Commits as values: one revision, those between two, and the newest that touched a path.

`Histories` remembers what it was told, because commits never change.
Not done here: trees and files (git_tree.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from reconciler.adapters.git_names import check_commit, is_commit
from reconciler.adapters.git_repo import CommitMissing, GitRepo
from reconciler.errors import Terminal
from reconciler.plan.trailers import stray_lines
from reconciler.protocols.source import Revision

# NUL ends every field: it is the one byte that a commit message can't hold.
_FIELDS = ("%H", "%P", "%ct", "%an", "%s", "%(trailers:only,unfold)", "%B")
_FORMAT = "--format=tformat:" + "%x00".join(_FIELDS) + "%x00"
_WALK = 1000
_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class _Changes:
    """At one commit: path -> object name, and path -> newest commit that touched it, as far as that was asked."""

    commit: str = ""
    blobs: Mapping[str, bytes] = field(default_factory=dict)
    newest: dict[str, str] = field(default_factory=dict)


class Histories:
    """Revisions and last changes of one repository."""

    def __init__(self) -> None:
        self._revisions: dict[str, Revision] = {}
        self._changes = _Changes()

    def revision(self, repo: GitRepo, commit: str) -> Revision:
        if commit not in self._revisions:
            if not _known(repo, commit):
                raise CommitMissing(commit)
            self._learn(repo, "--no-walk", commit)
        return self._revisions[commit]

    def since(self, repo: GitRepo, old: str, new: str) -> tuple[Revision, ...]:
        """Newest first; only `new` when `old` is not here."""
        if not is_commit(old) or not _known(repo, old):
            return (self.revision(repo, new),)
        self.revision(repo, new)
        return self._learn(repo, "--topo-order", new, f"^{old}")

    def known_change(self, commit: str, path: str) -> Revision | None:
        """What was found before; None when the repository has to be asked."""
        at = self._changes
        return self._revisions.get(at.newest.get(path, "")) if at.commit == commit else None

    def last_change(self, repo: GitRepo, commit: str, path: str) -> Revision:
        if self._changes.commit != commit:
            self.revision(repo, commit)
            self._changes = _walk(repo, commit, self._changes)
            self._learn(repo, "--no-walk", *sorted(set(self._changes.newest.values()) - self._revisions.keys()))
        newest = self._changes.newest
        if path not in newest:
            newest[path] = _newest(repo, commit, path)
        return self.revision(repo, newest[path])

    def _learn(self, repo: GitRepo, *which: str) -> tuple[Revision, ...]:
        if which == ("--no-walk",):
            return ()
        order, *commits = which
        feed = "\n".join(commits).encode()
        out = repo.run("log", order, "--stdin", "--no-show-signature", "--no-mailmap", _FORMAT, feed=feed)
        learned = tuple(_revisions(out))
        if len(self._revisions) > _REMEMBERED:
            self._revisions.clear()
        self._revisions.update((revision.commit, revision) for revision in learned)
        return learned


def history(repo: GitRepo, commit: str, folder: str, limit: int) -> tuple[str, ...]:
    """Commits that changed the folder, newest first, from `commit` back along first parents."""
    if not _known(repo, commit):
        raise CommitMissing(commit)
    out = repo.run("rev-list", "--first-parent", f"--max-count={limit}", commit, "--", folder or ".")
    return tuple(out.decode().split())


def _known(repo: GitRepo, commit: str) -> bool:
    return repo.run("cat-file", "--batch-check", feed=f"{check_commit(commit)}\n".encode()).split()[1:2] == [b"commit"]


def _revisions(out: bytes) -> Iterable[Revision]:
    parts = out.decode("utf-8", "replace").split("\0")
    for start in range(0, len(parts) - 1, len(_FIELDS)):
        commit, parents, seconds, author, subject, trailers, message = parts[start : start + len(_FIELDS)]
        when = datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        said = tuple(_trailers(trailers))
        stray = tuple((key, _shown(value)) for key, value in stray_lines(message, said))
        yield Revision(commit.strip(), _shown(subject), _shown(author), when, said, tuple(parents.split()), stray)


def _trailers(text: str) -> Iterable[tuple[str, str]]:
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            yield _shown(key.strip()), _shown(value.strip())


def _shown(text: str) -> str:
    """One line without control characters: it ends up on terminals."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def _walk(repo: GitRepo, commit: str, before: _Changes) -> _Changes:
    """What the latest commits answer beyond doubt: a hit counts when the commit left the very blob there that stands
    there now; a merge that chose another side is left to `_newest`. On top of an earlier answer, only the commits
    since then are looked at."""
    older = before.commit and repo.ask("merge-base", "--is-ancestor", before.commit, commit).code == 0
    blobs = _blobs(repo.run("ls-tree", "-r", "-z", commit))
    recent = repo.run("rev-list", f"--max-count={_WALK}", commit, *([f"^{before.commit}"] if older else []))
    touched = repo.run("diff-tree", "--stdin", "-r", "--root", "--no-renames", "-z", feed=recent)
    newest: dict[str, str] = {}
    seen: set[str] = set()
    at, fields = "", iter(touched.split(b"\0"))
    for part in fields:
        if not part.startswith(b":"):
            at = part.decode()
            continue
        path = next(fields).decode("utf-8", "surrogateescape")
        if path not in seen and blobs.get(path) == part.split()[3]:
            newest[path] = at
        seen.add(path)
    if older and recent.count(b"\n") < _WALK:
        kept = (path for path in before.newest.keys() - seen if before.blobs.get(path) == blobs.get(path))
        newest |= {path: before.newest[path] for path in kept}
    return _Changes(commit, blobs, newest)


def _blobs(listing: bytes) -> Mapping[str, bytes]:
    entries = (entry.partition(b"\t") for entry in listing.split(b"\0") if entry)
    return {path.decode("utf-8", "surrogateescape"): about.split()[2] for about, _, path in entries}


def _newest(repo: GitRepo, commit: str, path: str) -> str:
    found = repo.run("rev-list", "--max-count=1", commit, "--", path).decode().strip()
    if not found:
        raise Terminal(f"no commit up to {commit[:12]} has touched {path}", where=path)
    return found
