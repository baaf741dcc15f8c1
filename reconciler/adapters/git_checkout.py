"""The files of one commit of any repository, for building a codebase: fetched into a bare mirror, exported to a folder.

One mirror a remote, under the state folder; it only saves a download and is made anew when it is damaged. A commit is
named by all its digits, so nothing that a remote says can make it another one. No hooks, no filters, no submodules.
Not done here: building (uv.py).
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.adapters.git_names import check_commit
from reconciler.adapters.git_remote import Access, Remote, parse_remote
from reconciler.adapters.git_repo import Damaged, GitRepo, Unreachable, make_bare, open_repo
from reconciler.adapters.git_words import last_words, mend_for
from reconciler.errors import Retryable, Terminal

_FETCH = ("fetch", "--quiet", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules")
_KEPT = "refs/reconciler/commits/"
_ALL = ("+refs/heads/*:refs/reconciler/heads/*", "+refs/tags/*:refs/reconciler/tags/*")


class GitCheckouts:
    """`state` is the host's state folder; `access` tells how to reach a remote by its address."""

    def __init__(self, state: Path, access: Callable[[str], Access]) -> None:
        self._folder = state.absolute() / "git" / "codebases"
        self._access = access

    def export(self, url: str, commit: str, target: Path) -> None:
        """Writes the commit's files into `target`, a folder that does not exist yet.

        Retryable when the remote is away, Terminal when it does not have the commit.
        """
        remote = parse_remote(url, self._access(url), "source.git of the Codebase")
        mirror = self._folder / f"{hashlib.sha256(remote.url.encode()).hexdigest()[:16]}.git"
        try:
            self._export(mirror, remote, check_commit(commit), target)
        except Damaged:
            shutil.rmtree(mirror, ignore_errors=True)
            shutil.rmtree(target, ignore_errors=True)
            try:
                self._export(mirror, remote, commit, target)
            except Damaged as damage:
                what = f"the repository seems to be damaged: {damage}"
                raise Retryable(what, where=remote.url, mend="run git fsck in it") from damage

    def _export(self, mirror: Path, remote: Remote, commit: str, target: Path) -> None:
        if not mirror.exists():
            make_bare(mirror)
        with open_repo(mirror) as repo:
            if not _is_here(repo, commit):
                try:
                    _bring(repo, remote, commit)
                except Unreachable as away:
                    what = f"the repository can't be reached: {away}"
                    raise Retryable(what, where=remote.url, mend=mend_for(str(away))) from away
            _write(repo, commit, target)


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


def _bring(repo: GitRepo, remote: Remote, commit: str) -> None:
    """The commit alone where the remote gives it; else all its branches and tags, which is what older ones give."""
    alone = repo.contact(
        remote,
        *(*_FETCH, "--depth=1", "--no-tags", "--", remote.url, f"{commit}:{_KEPT}{commit}"),
        seconds=remote.access.first_seconds,
    )
    if alone.code == 0:
        return
    deepen = ("--unshallow",) if (repo.path / "shallow").exists() else ()
    everything = repo.contact(
        remote, *(*_FETCH, "--prune", *deepen, "--", remote.url, *_ALL), seconds=remote.access.first_seconds
    )
    if everything.code != 0:
        raise Unreachable(last_words(everything.err))
    if repo.run("cat-file", "--batch-check", feed=f"{commit}\n".encode()).split()[1:2] != [b"commit"]:
        mend = "name a commit that is on one of its branches or tags, in the Codebase document"
        raise Terminal(f"there is no commit {commit}", where=remote.url, mend=mend)
    repo.run("update-ref", f"{_KEPT}{commit}", commit)


def _write(repo: GitRepo, commit: str, target: Path) -> None:
    """A checkout without a work tree of the repository's own: an index beside the files, gone afterwards."""
    target.mkdir(mode=0o700)
    index = target.with_name(f"{target.name}.index")
    index.unlink(missing_ok=True)
    places = {"GIT_INDEX_FILE": str(index), "GIT_WORK_TREE": str(target)}
    try:
        repo.run("read-tree", commit, environment=places)
        repo.run("checkout-index", "--all", "--quiet", environment=places)
    finally:
        index.unlink(missing_ok=True)
    (target / ".env").unlink(missing_ok=True)
