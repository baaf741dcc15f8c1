"""The files of one commit of any repository, for building a codebase: fetched into a bare mirror, exported to a folder.

One mirror a remote, under the state folder, and one at a time at work in it; it only saves a download and is made
anew when it is damaged. A commit is named by all its digits, so nothing that a remote says can make it another one. No
hooks, no filters, no submodules.
Not done here: building (uv.py).
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.adapters.disk_errors import told
from reconciler.adapters.git_names import check_commit
from reconciler.adapters.git_remote import Access, Remote, parse_remote
from reconciler.adapters.git_repo import Damaged, GitRepo, Unreachable, make_bare, open_repo
from reconciler.adapters.git_words import last_words, mend_for
from reconciler.adapters.path_lock import held
from reconciler.errors import Retryable, Terminal

_FETCH = ("fetch", "--quiet", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules")
_KEPT = "refs/reconciler/commits/"
_ALL = ("+refs/heads/*:refs/reconciler/heads/*", "+refs/tags/*:refs/reconciler/tags/*")
_LOCK_SECONDS = 1800.0
_SUBMODULE = b"160000"


@dataclass(frozen=True, slots=True)
class _Wanted:
    remote: Remote
    commit: str
    cancelled: Callable[[], bool]


class GitCheckouts:
    """`state` is the host's state folder; `access` tells how to reach a remote by its address."""

    def __init__(self, state: Path, access: Callable[[str], Access]) -> None:
        self._folder = state.absolute() / "git" / "codebases"
        self._access = access

    def export(
        self, url: str, commit: str, target: Path, cancelled: Callable[[], bool] = lambda: False
    ) -> tuple[str, ...]:
        """Writes the commit's files into `target`, a folder that does not exist yet; returns the paths of submodules,
        of which nothing is there.

        Retryable when the remote is away, Terminal when it does not have the commit, Interrupted when `cancelled` says
        so while it is fetched.
        """
        remote = parse_remote(url, self._access(url), "source.git of the Codebase")
        wanted = _Wanted(remote, check_commit(commit), cancelled)
        mirror = self._folder / f"{hashlib.sha256(remote.url.encode()).hexdigest()[:16]}.git"
        with told(str(mirror)):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with held(mirror.with_suffix(".lock"), _LOCK_SECONDS, cancelled):
                return self._exported(mirror, wanted, target)

    def _exported(self, mirror: Path, wanted: _Wanted, target: Path) -> tuple[str, ...]:
        try:
            return self._export(mirror, wanted, target)
        except Damaged:
            shutil.rmtree(mirror, ignore_errors=True)
            shutil.rmtree(target, ignore_errors=True)
            try:
                return self._export(mirror, wanted, target)
            except Damaged as damage:
                what = f"the repository seems to be damaged: {damage}"
                raise Retryable(what, where=wanted.remote.url, mend="run git fsck in it") from damage

    def _export(self, mirror: Path, wanted: _Wanted, target: Path) -> tuple[str, ...]:
        if not mirror.exists():
            make_bare(mirror)
        with open_repo(mirror) as repo:
            if not _is_here(repo, wanted.commit):
                try:
                    _bring(repo, wanted)
                except Unreachable as away:
                    what = f"the repository can't be reached: {away}"
                    raise Retryable(what, where=wanted.remote.url, mend=mend_for(str(away))) from away
            return _write(repo, wanted.commit, target)


def same_place(one: str, other: str) -> bool:
    """Whether two addresses name the same server, so that what opens one may be shown to the other."""
    return _server(one) == _server(other) != ("file", "")


def _server(url: str) -> tuple[str, str]:
    if "://" in url:
        parts = urlsplit(url)
        return parts.scheme, parts.netloc
    server, colon, _ = url.partition(":")
    return ("ssh", server) if colon and not url.startswith("/") else ("file", "")


def _is_here(repo: GitRepo, commit: str) -> bool:
    """Whether the commit is here with all that it needs: its ref is written after its objects."""
    return repo.ask("show-ref", "--verify", "--quiet", f"{_KEPT}{commit}").code == 0


def _bring(repo: GitRepo, wanted: _Wanted) -> None:
    """The commit alone where the remote gives it; else all its branches and tags, which is what older ones give. Its
    ref is written last, once it is known to be a commit."""
    remote, commit = wanted.remote, wanted.commit
    if _contact(repo, wanted, "--depth=1", "--no-tags", "--", remote.url, commit):
        deepen = ("--unshallow",) if (repo.path / "shallow").exists() else ()
        away = _contact(repo, wanted, "--prune", *deepen, "--", remote.url, *_ALL)
        if away:
            raise Unreachable(away)
    kind = repo.run("cat-file", "--batch-check", feed=f"{commit}\n".encode()).split()[1].decode()
    if kind == "missing":
        mend = "name a commit that is on one of its branches or tags, in the Codebase document"
        raise Terminal(f"there is no commit {commit}", where=remote.url, mend=mend)
    if kind != "commit":
        mend = "write what `git rev-parse 'NAME^{commit}'` prints, in the Codebase document"
        raise Terminal(f"{commit} is a {kind}, not a commit", where=remote.url, mend=mend)
    repo.run("update-ref", f"{_KEPT}{commit}", commit)


def _contact(repo: GitRepo, wanted: _Wanted, *args: str) -> str:
    """What is in the way of the fetch; "" when it is done."""
    seconds = wanted.remote.access.first_seconds
    answer = repo.contact(wanted.remote, *_FETCH, *args, seconds=seconds, cancelled=wanted.cancelled)
    return last_words(answer.err) if answer.code else ""


def _write(repo: GitRepo, commit: str, target: Path) -> tuple[str, ...]:
    """A checkout without a work tree of the repository's own: an index beside the files, gone afterwards. Returns the
    paths of submodules; no empty folder stands in for what is not there."""
    target.mkdir(mode=0o700)
    index = target.with_name(f"{target.name}.index")
    index.unlink(missing_ok=True)
    places = {"GIT_INDEX_FILE": str(index), "GIT_WORK_TREE": str(target)}
    try:
        repo.run("read-tree", commit, environment=places)
        repo.run("checkout-index", "--all", "--quiet", environment=places)
        entries = repo.run("ls-files", "--stage", "-z", environment=places).split(b"\0")
    finally:
        index.unlink(missing_ok=True)
    submodules = tuple(os.fsdecode(entry.partition(b"\t")[2]) for entry in entries if entry.startswith(_SUBMODULE))
    for path in submodules:
        shutil.rmtree(target / path, ignore_errors=True)
    forget(target / ".env")
    return submodules


def forget(path: Path) -> None:
    """Removes whatever stands there, a link instead of what it leads to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
