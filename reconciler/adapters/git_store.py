"""Publishes commits on branches of our own (status/*, checkpoints/*): the `Store` protocol over a bare repository.

Local branches hold what is to be published; `refs/reconciler/pushed/*` what the remote is known to have. The difference
is the queue: it survives a restart and goes out in order when the remote is back.
Not done here: what is worth publishing.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, assert_never

from reconciler.adapters.git_commit import Identity, Message, commit_files, queue_of, replay, same_files
from reconciler.adapters.git_names import check_branch, check_paths, check_writable
from reconciler.adapters.git_push import Outcome, Pushed, push
from reconciler.adapters.git_remote import Access, parse_remote
from reconciler.adapters.git_repo import Damaged, GitRepo, Unreachable, make_bare, open_repo
from reconciler.adapters.git_tree import list_tree, load_blobs
from reconciler.adapters.git_words import DAMAGE, last_words, mend_for
from reconciler.errors import Retryable, Terminal
from reconciler.protocols.store import Written

HEADS = "refs/heads/"
PUSHED = "refs/reconciler/pushed/"
_RACES = 5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Standing:
    """A branch here (`tip`) and at the remote as far as known."""

    ref: str
    tip: str | None
    known: str | None

    def wanted(self) -> str:
        if self.tip is None:
            raise Damaged(f"{HEADS}{self.ref} is missing")
        return self.tip


class GitStore:
    """Branches of a remote that this host writes. `state` is the host's state folder; the repository is
    `<state>/git/store.git`. `watched` is the branch of the source, which is never written."""

    def __init__(
        self,
        state: Path,
        url: str,
        watched: str,
        host: str,
        access: Access = Access(),  # noqa: B008  # frozen
    ) -> None:
        self._path = state.absolute() / "git" / "store.git"
        self._remote = parse_remote(url, access)
        self._watched = check_branch(watched)
        self._lock = threading.Lock()
        self._who = Identity("reconciler", f"reconciler@{host}")

    def read(self, ref: str) -> Mapping[str, bytes]:
        check_branch(ref)
        return self._mended(lambda repo: _read(repo, ref))[0]

    def write(self, ref: str, files: Mapping[str, bytes], message: str) -> Written:
        check_writable(ref, self._watched)
        check_paths(files)

        def commit_and_send(repo: GitRepo) -> Written:
            self._commit(repo, ref, files, message)
            return self._offer(repo, ref)[0]

        written, notice = self._mended(commit_and_send)
        return Written(written.commit, written.pushed, ". ".join(filter(None, (notice, written.notice))))

    def flush(self) -> None:
        self._mended(self._flush)

    def _commit(self, repo: GitRepo, ref: str, files: Mapping[str, bytes], message: str) -> None:
        tip = _standing(repo, ref).tip
        if tip and same_files(repo, tip, files):
            return
        signed = Message(self._who, int(time.time()), message.encode("utf-8", "replace"))
        commit_files(repo, HEADS + ref, tip, signed, files)
        repo.tidy()

    def _offer(self, repo: GitRepo, ref: str) -> tuple[Written, Outcome]:
        """Pushes the branch until the remote has it, says no, is away, or five races were lost."""
        pushed = Pushed(Outcome.LOST)
        for _ in range(_RACES):
            standing = _standing(repo, ref)
            tip = standing.wanted()
            if tip == standing.known:
                return Written(tip, pushed=True), Outcome.PUSHED
            pushed = push(repo, self._remote, tip, HEADS + ref)
            if pushed.outcome is Outcome.PUSHED:
                repo.run("update-ref", PUSHED + ref, tip)
                return Written(tip, pushed=True), Outcome.PUSHED
            if pushed.outcome is Outcome.LOST:
                pushed = self._reparent(repo, ref, standing) or pushed
            if pushed.outcome is not Outcome.LOST:
                break
        standing = _standing(repo, ref)
        return Written(standing.wanted(), pushed=False, notice=self._notice(repo, standing, pushed)), pushed.outcome

    def _reparent(self, repo: GitRepo, ref: str, standing: _Standing) -> Pushed | None:
        """Takes the remote's tip and puts what waits here on top of it. Not None when the remote went away."""
        options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules")
        args = ("fetch", *options, "--", self._remote.url, f"+{HEADS}{ref}:{PUSHED}{ref}")
        try:
            answer = repo.contact(self._remote, *args, seconds=self._remote.access.first_seconds)
        except Unreachable as away:
            return Pushed(Outcome.AWAY, str(away))
        if "couldn't find remote ref" in answer.err:
            return None
        if answer.code != 0:
            return Pushed(Outcome.AWAY, last_words(answer.err))
        theirs = _standing(repo, ref).known
        if theirs:
            queue = queue_of(repo, self._who, standing.wanted(), standing.known, theirs)
            replay(repo, HEADS + ref, theirs, queue)
        return None

    def _notice(self, repo: GitRepo, standing: _Standing, pushed: Pushed) -> str:
        """Why the remote does not have the branch, and how much waits. Damaged when the fault is ours."""
        revisions = [standing.wanted(), f"^{standing.known}"] if standing.known else [standing.wanted()]
        if DAMAGE.search(pushed.reason):
            repo.run("pack-objects", "--revs", "--stdout", "--quiet", feed="\n".join(revisions).encode())
        waiting = repo.run("rev-list", "--count", *revisions).decode().strip()
        match pushed.outcome:
            case Outcome.DECLINED:
                why = f"does not accept {standing.ref}: {pushed.reason}; allow pushes to it for this user"
            case Outcome.AWAY:
                why = f"can't be reached: {pushed.reason} ({mend_for(pushed.reason)})"
            case Outcome.LOST | Outcome.PUSHED:
                why = f"is written to by others right now: {pushed.reason}"
            case _:
                assert_never(pushed.outcome)
        return f"{self._remote.url} {why}; {waiting} commit(s) of {standing.ref} wait here"

    def _flush(self, repo: GitRepo) -> None:
        declined = []
        for ref in _waiting(repo):
            written, outcome = self._offer(repo, ref)
            if outcome is Outcome.DECLINED:
                declined.append(written.notice)
            elif not written.pushed:
                raise Retryable(written.notice, mend="it is tried again with the next write")
        if declined:
            raise Terminal(". ".join(declined))

    def _mended(self, job: Callable[[GitRepo], T]) -> tuple[T, str]:
        """Does the job; a damaged repository is moved aside and the job is done in a new one. With a notice of that."""
        with self._lock:
            try:
                return self._do(job), ""
            except Damaged as damage:
                notice = self._replace(damage)
            try:
                return self._do(job), notice
            except Damaged as error:
                mend = f"check the disk, then remove {self._path}"
                raise Terminal(f"the local store is damaged again: {error}", mend=mend) from error

    def _do(self, job: Callable[[GitRepo], T]) -> T:
        if not self._path.exists():
            make_bare(self._path)
        with open_repo(self._path) as repo:
            return job(repo)

    def _replace(self, damage: Damaged) -> str:
        aside = self._path.with_name(self._path.name + ".broken")
        try:
            shutil.rmtree(aside, ignore_errors=True)
            self._path.rename(aside)
        except OSError as error:
            raise Retryable(f"the local store is damaged ({damage}) and can't be moved: {error}") from error
        return f"the local store was damaged and has been made anew; what waited in it is kept at {aside} ({damage})"


def _read(repo: GitRepo, ref: str) -> Mapping[str, bytes]:
    tip = _standing(repo, ref).tip
    if tip is None:
        return {}
    entries = list_tree(repo, tip, "")
    blobs = load_blobs(repo, {entry.blob: entry.size for entry in entries if entry.mode != "160000"})
    return {entry.path: blobs[entry.blob] for entry in entries if entry.mode != "160000"}


def _refs(repo: GitRepo, *patterns: str) -> dict[str, str]:
    answer = repo.ask("for-each-ref", "--format=%(refname) %(objectname)", *patterns)
    if answer.code != 0 or answer.err:
        raise Damaged(f"{repo.path}: {last_words(answer.err)}")
    return dict(line.split() for line in answer.out.decode().splitlines())


def _standing(repo: GitRepo, ref: str) -> _Standing:
    refs = _refs(repo, HEADS + ref, PUSHED + ref)
    return _Standing(ref, refs.get(HEADS + ref), refs.get(PUSHED + ref))


def _waiting(repo: GitRepo) -> list[str]:
    """Branches whose tip here is not what the remote is known to have."""
    refs = _refs(repo, HEADS, PUSHED)
    heads = (name.removeprefix(HEADS) for name in refs if name.startswith(HEADS))
    return [ref for ref in heads if refs[HEADS + ref] != refs.get(PUSHED + ref)]
