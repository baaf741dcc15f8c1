"""What the fleet would be once a pull request is merged: the `Proposals` protocol, in a repository of its own.

Its objects come from strangers, so they never enter the mirror that passes read: this repository borrows the mirror's
objects (alternates) and may be thrown away at any time; no ref is left in it between two calls. The merge is made from
trees to a tree (`git merge-tree --write-tree`), with neither index nor files, so there is nothing that a hook or a
filter could be run for. An attribute can name a merge driver, but a driver is a command of Git's configuration, and
every configuration but ours is off.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from reconciler.adapters.git_history import Histories
from reconciler.adapters.git_names import check_branch, check_folder, is_commit
from reconciler.adapters.git_remote import Access, parse_remote
from reconciler.adapters.git_repo import CommitMissing, Damaged, GitRepo, Unreachable, make_bare, open_repo
from reconciler.adapters.git_tree import Trees
from reconciler.adapters.git_words import DAMAGE, last_words, mend_for
from reconciler.errors import Retryable, Terminal
from reconciler.plan.trailers import deletions_allowed
from reconciler.protocols.proposals import Merge
from reconciler.spec.contents import Limits

T = TypeVar("T")
BASE = "refs/reconciler/base"
HEAD = "refs/reconciler/head"
LARGEST = 64 * 1024 * 1024
"""Bytes on disk above which the repository is made anew before the next merge."""
BLOCK = 4096
NEEDED = (2, 38)
_SETTINGS = {"merge.default": "text", "merge.renormalize": "false", "core.attributesFile": os.devnull}
_VARIABLES = {"GIT_ATTR_NOSYSTEM": "1"}


class GitProposals:
    """Pull requests of the repository that `GitSource` watches, with the same arguments. For one thread at a time."""

    def __init__(  # noqa: PLR0913  # each is a setting of its own, and the last three have defaults
        self,
        state: Path,
        url: str,
        branch: str,
        folder: str,
        *,
        access: Access = Access(),  # noqa: B008  # frozen
        limits: Limits = Limits(),  # noqa: B008  # frozen
        largest: int = LARGEST,
    ) -> None:
        self._remote = parse_remote(url, access)
        self._branch = check_branch(branch)
        self._folder = check_folder(folder)
        self._mirror = state.absolute() / "git" / "source.git"
        self._path = state.absolute() / "git" / "proposals.git"
        self._limits = limits
        self._largest = largest

    def merge(self, number: int) -> Merge:
        return self._anew_when_damaged(lambda repo: self._merge(repo, int(number)))

    def _merge(self, repo: GitRepo, number: int) -> Merge:
        self._bring(repo, number)
        base, head = _commit(repo, BASE), _commit(repo, HEAD)
        trees = Trees(self._limits)
        before = trees.read(repo, base, self._folder)
        commits = Histories().since(repo, base, head) if base != head else ()
        tree, conflicts = _merged(repo, base, head)
        files = {} if conflicts else trees.read(repo, tree, self._folder)
        telling = [place for place, commit in enumerate(commits) if deletions_allowed(commit.trailers)]
        told = commits[: telling[-1] + 1] if telling and not conflicts else ()
        seen = {commit.commit: self._files(trees, repo, commit.commit) for commit in told}
        return Merge(base, head, files, conflicts, before, commits, seen)

    def _files(self, trees: Trees, repo: GitRepo, commit: str) -> Mapping[str, bytes]:
        """Those of a commit that need not be sound: of one that can't be used there are none."""
        try:
            return trees.read(repo, commit, self._folder)
        except Terminal:
            return {}

    def _bring(self, repo: GitRepo, number: int) -> None:
        options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules")
        refs = (f"+refs/heads/{self._branch}:{BASE}", f"+refs/pull/{number}/head:{HEAD}")
        seconds = self._remote.access.seconds if self._mirror.exists() else self._remote.access.first_seconds
        try:
            answer = repo.contact(self._remote, "fetch", *options, "--", self._remote.url, *refs, seconds=seconds)
        except Unreachable as away:
            raise self._away(str(away)) from away
        if answer.code == 0:
            return
        if "couldn't find remote ref" in answer.err:
            missing = f"there is no branch {self._branch!r}"
            if f"refs/pull/{number}/head" in answer.err:
                missing = f"there is no pull request {number}"
            raise Terminal(missing, where=self._remote.url, mend="look at source.url and source.branch")
        if DAMAGE.search(answer.err.replace(self._remote.url, "")):
            raise Damaged(last_words(answer.err))
        raise self._away(last_words(answer.err))

    def _away(self, reason: str) -> Retryable:
        return Retryable(f"the remote can't be reached: {reason}", where=self._remote.url, mend=mend_for(reason))

    def _anew_when_damaged(self, job: Callable[[GitRepo], T]) -> T:
        """Nothing in the repository is worth keeping: at a fault it is made anew, once."""
        try:
            return self._do(job)
        except Damaged:
            self._throw_away()
        try:
            return self._do(job)
        except Damaged as error:
            mend = "run git fsck in the remote repository"
            raise Retryable(f"the pull request can't be read: {error}", where=self._remote.url, mend=mend) from error

    def _do(self, job: Callable[[GitRepo], T]) -> T:
        if size_of(self._path / "objects") > self._largest:
            self._throw_away()
        if not self._path.exists():
            make_bare(self._path)
        self._borrow()
        with open_repo(self._path) as repo:
            try:
                return job(repo)
            except CommitMissing as missing:
                raise Damaged(f"{self._path}: {missing} is missing") from missing
            finally:
                for ref in (BASE, HEAD):
                    repo.ask("update-ref", "-d", ref)

    def _borrow(self) -> None:
        """Objects of the mirror count as ours, so that only what is new is fetched."""
        alternates = self._path / "objects" / "info" / "alternates"
        try:
            if self._mirror.exists():
                alternates.parent.mkdir(exist_ok=True)
                alternates.write_text(f"{self._mirror / 'objects'}\n")
        except OSError as error:
            raise Retryable(f"can't be written: {error.strerror}", where=str(alternates)) from error

    def _throw_away(self) -> None:
        shutil.rmtree(self._path, ignore_errors=True)


def _commit(repo: GitRepo, ref: str) -> str:
    name = repo.run("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}").decode().strip()
    if not is_commit(name):
        raise Damaged(f"{repo.path}: {ref} is missing")
    return name


def _merged(repo: GitRepo, base: str, head: str) -> tuple[str, tuple[str, ...]]:
    """The tree of the merge, and the paths in conflict."""
    if _contains(repo, head, base):
        return head, ()
    if _contains(repo, base, head):
        return base, ()
    _check_version(repo)
    args = ("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", base, head)
    answer = repo.ask(*args, environment=_VARIABLES, settings=_SETTINGS)
    parts = [part.decode("utf-8", "replace") for part in answer.out.split(b"\0") if part]
    if answer.code == 0 and parts and is_commit(parts[0]):
        return parts[0], ()
    if answer.code == 1 and len(parts) > 1:
        return "", tuple(sorted(set(parts[1:])))
    if "unrelated histories" in answer.err:
        mend = "start the branch from the one that it asks to be merged into"
        raise Terminal("the pull request has no commit in common with its base", mend=mend)
    raise Damaged(f"{repo.path}: git merge-tree failed: {last_words(answer.err)}")


def _contains(repo: GitRepo, newer: str, older: str) -> bool:
    answer = repo.ask("merge-base", "--is-ancestor", older, newer)
    if answer.code not in {0, 1}:
        raise Damaged(f"{repo.path}: {last_words(answer.err)}")
    return answer.code == 0


def _check_version(repo: GitRepo) -> None:
    words = repo.run("version").decode("utf-8", "replace")
    found = re.search(r"(\d+)\.(\d+)", words)
    if found is None or (int(found[1]), int(found[2])) < NEEDED:
        mend = "install Git 2.38 or newer on this host, or update the pull request's branch from its base"
        raise Terminal(f"{words.strip()} can't merge without a work tree", mend=mend)


def size_of(folder: Path) -> int:
    """At least a block for each file, so that many small ones count as well."""
    return sum(max(BLOCK, file.stat().st_size) for file in folder.rglob("*") if file.is_file())
