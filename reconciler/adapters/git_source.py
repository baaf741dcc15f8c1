"""The desired fleet from a Git repository: the `Source` protocol over one bare mirror under the state folder.

Commits and trees never change, so what was read once is answered from memory. A damaged mirror is fetched afresh.
Not done here: deciding what a commit means (spec/), and when to fetch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from reconciler.adapters.git_history import Histories, history
from reconciler.adapters.git_mirror import ForcePush, Mirror
from reconciler.adapters.git_names import check_branch, check_commit, check_folder
from reconciler.adapters.git_refs import LAST_GOOD, TIP, refs_of
from reconciler.adapters.git_remote import Access, parse_remote
from reconciler.adapters.git_repo import CommitMissing, Damaged, GitRepo, open_repo
from reconciler.adapters.git_signature import Signatures
from reconciler.adapters.git_tree import Trees
from reconciler.errors import Terminal
from reconciler.protocols.source import Fetched, Revision
from reconciler.spec.contents import Limits

T = TypeVar("T")


class GitSource:
    """A folder of a branch of a remote. `state` is the host's state folder; the mirror is `<state>/git/source.git`."""

    def __init__(  # noqa: PLR0913  # each is a setting of its own, and the last three have defaults
        self,
        state: Path,
        url: str,
        branch: str,
        folder: str,
        force_push: ForcePush = "refuse",
        *,
        access: Access = Access(),  # noqa: B008  # frozen
        limits: Limits = Limits(),  # noqa: B008  # frozen
        signatures: Signatures | None = None,
    ) -> None:
        remote = parse_remote(url, access)
        self._folder = check_folder(folder)
        path = state.absolute() / "git" / "source.git"
        self._mirror = Mirror(path, remote, check_branch(branch), force_push, signatures)
        self._trees = Trees(limits)
        self._histories = Histories()
        self._accepted = ""

    def fetch(self) -> Fetched:
        return self._mirror.fetch()

    def moved(self) -> str | None:
        return self._mirror.moved()

    def tip(self) -> str | None:
        """The last accepted tip, without asking the remote: what a refused force-push leaves in force."""
        return self._mended(lambda repo: refs_of(repo).get(TIP))

    def read(self, commit: str) -> Mapping[str, bytes]:
        known = self._trees.known(commit, self._folder)
        return known if known is not None else self._mended(lambda repo: self._trees.read(repo, commit, self._folder))

    def revision(self, commit: str) -> Revision:
        return self._mended(lambda repo: self._histories.revision(repo, commit))

    def since(self, old: str, new: str) -> tuple[Revision, ...]:
        return self._mended(lambda repo: self._histories.since(repo, old, new))

    def history(self, commit: str, limit: int) -> tuple[str, ...]:
        return self._mended(lambda repo: history(repo, commit, self._folder, limit))

    def last_change(self, commit: str, path: str) -> Revision:
        known = self._histories.known_change(commit, path)
        return known or self._mended(lambda repo: self._histories.last_change(repo, commit, path))

    def accept(self, commit: str) -> None:
        if commit != self._accepted:
            self._mended(lambda repo: _accept(repo, commit))
            self._accepted = commit

    def last_good(self) -> str | None:
        """Where signatures are asked for, only one that an allowed key has signed: whoever left the file of keys, or a
        time before any were asked for, vouches for nothing; nor does anybody while the keys can't be read."""

        def sound(repo: GitRepo) -> str | None:
            commit = refs_of(repo).get(LAST_GOOD)
            return commit if commit and self._vouched(repo, commit) else None

        return self._mended(sound)

    def usable(self, commit: str) -> bool:
        return self._mended(lambda repo: _is_here(repo, commit) and self._vouched(repo, commit))

    def _vouched(self, repo: GitRepo, commit: str) -> bool:
        try:
            return not self._mirror.fault(repo, commit)
        except Terminal:
            return False

    def _mended(self, job: Callable[[GitRepo], T]) -> T:
        """Does the job; when the mirror turns out to be damaged, rebuilds it and does the job again."""
        self._mirror.ensure()
        try:
            return self._do(job)
        except Damaged as damage:
            self._mirror.rebuild(damage)
        try:
            return self._do(job)
        except Damaged as error:
            mend = f"if the remote is sound, remove {self._mirror.path}: it is fetched again"
            raise Terminal(f"the repository is damaged: {error}", mend=mend) from error

    def _do(self, job: Callable[[GitRepo], T]) -> T:
        with open_repo(self._mirror.path) as repo:
            try:
                return job(repo)
            except CommitMissing as missing:
                if str(missing) in refs_of(repo).values():
                    raise Damaged(f"{repo.path}: commit {missing} is missing") from missing
                mend = "name a commit of the watched branch; it may have been force-pushed away"
                raise Terminal(f"commit {missing} is not in the repository", mend=mend) from missing


def _is_here(repo: GitRepo, commit: str) -> bool:
    return repo.ask("cat-file", "-e", f"{check_commit(commit)}^{{commit}}").code == 0


def _accept(repo: GitRepo, commit: str) -> None:
    if not _is_here(repo, commit):
        raise CommitMissing(commit)
    repo.run("update-ref", LAST_GOOD, commit)
