"""Our bare copy of the watched branch: brings the tip, judges a force-push, and mends itself.

Four refs: `incoming` is what the last fetch found, `tip` the last commit that was accepted as the branch's tip,
`last-good` the last one whose fleet was sound. Each moves atomically, and all reading is by commit, so a fetch that is
cut off tears nothing. Where signatures are asked for, only what an allowed key has signed becomes the tip, and `signed`
with it: from then on its key may expire. A force-push is judged against the tip, so that taking an unsigned commit away
again is none. The file `watch` says whose tip it is; its time of change is the last contact.
Not done here: reading trees and history.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, assert_never

from reconciler.adapters.disk_errors import disk_error
from reconciler.adapters.git_names import is_commit
from reconciler.adapters.git_refs import INCOMING, LAST_GOOD, SIGNED, TIP, descends, recall, refs_of
from reconciler.adapters.git_remote import Remote
from reconciler.adapters.git_repo import Damaged, GitRepo, Unreachable, make_bare, open_repo
from reconciler.adapters.git_signature import Signatures
from reconciler.adapters.git_words import DAMAGE, KEEPING, last_words, mend_for
from reconciler.errors import ReconcilerError, Refused, Retryable, Terminal
from reconciler.protocols.source import Fetched, Untrusted

ForcePush = Literal["follow", "refuse"]


class Mirror:
    """The local copy of one branch of one remote, under `path`."""

    def __init__(
        self, path: Path, remote: Remote, branch: str, force_push: ForcePush, signatures: Signatures | None = None
    ) -> None:
        self.path = path
        self._signatures = signatures
        self._remote = remote
        self._branch = branch
        self._force_push: ForcePush = force_push

    def fetch(self) -> Fetched:
        """The branch's tip; with the remote away the last accepted one, and a notice."""
        if self._signatures is not None:
            self._signatures.check()
        self.ensure()
        try:
            return self._fetch()
        except Damaged as damage:
            return self._after(damage)

    def _after(self, damage: Damaged) -> Fetched:
        """Fetches into a rebuilt mirror. What looked like damage here may be the remote's own: then nothing is
        replaced, and the last accepted tip serves for as long as it can be read."""
        try:
            notice = self.rebuild(damage)
        except Retryable as error:
            try:
                with open_repo(self.path) as repo:
                    return self._without(repo, Unreachable(error.what))
            except Damaged:
                raise error from None
        try:
            fetched = self._fetch()
        except Damaged as error:
            raise _beyond_mending(self.path, error) from error
        return replace(fetched, notice=f"{notice}. {fetched.notice}" if fetched.notice else notice)

    def moved(self) -> str | None:
        """The remote's tip, when it is not the one that the last fetch brought; None when the remote is away."""
        with suppress(ReconcilerError, Damaged, Unreachable), open_repo(self.path) as repo:
            wanted = f"refs/heads/{self._branch}"
            args = ("ls-remote", "--heads", "--quiet", "--", self._remote.url, wanted)
            answer = repo.contact(self._remote, *args, seconds=self._remote.access.seconds)
            for line in answer.out.decode("utf-8", "replace").splitlines() if answer.code == 0 else ():
                commit, _, ref = line.partition("\t")
                if ref == wanted and is_commit(commit):
                    return commit if refs_of(repo).get(INCOMING) != commit else None
        return None

    def ensure(self) -> None:
        """Makes the mirror when there is none."""
        if not self.path.exists():
            make_bare(self.path)

    def rebuild(self, damage: Damaged) -> str:
        """Replaces a damaged mirror by a fresh copy of the remote, and keeps the old one beside it until the next
        time. Nothing is lost while the remote is away. Returns what there is to say about it."""
        fresh, aside = self.path.with_name(self.path.name + ".fresh"), self.path.with_name(self.path.name + ".broken")
        remembered = recall(self.path)
        try:
            shutil.rmtree(fresh, ignore_errors=True)
            make_bare(fresh)
            with open_repo(fresh) as repo:
                self._bring(repo, self._remote.access.first_seconds)
                self._restore(repo, remembered)
            if self._same_watch():
                (fresh / "watch").write_text(self._watch())
            shutil.rmtree(aside, ignore_errors=True)
            if self.path.exists():
                self.path.rename(aside)
            fresh.rename(self.path)
        except Unreachable as error:
            what = f"the local copy is damaged ({damage}) and the remote can't replace it: {error}"
            raise Retryable(what, where=self._remote.url, mend="it is rebuilt when the remote answers") from error
        except Damaged as error:
            what = f"the remote repository seems to be damaged: {error}"
            raise Retryable(what, where=self._remote.url, mend="run git fsck in it") from error
        except OSError as error:
            raise Retryable(f"the local copy is damaged ({damage}) and can't be replaced: {error}") from error
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        return f"the local copy was damaged and has been rebuilt; the old one is kept at {aside}"

    def _restore(self, repo: GitRepo, remembered: dict[str, str]) -> None:
        for ref in (TIP, SIGNED, LAST_GOOD):
            commit = remembered.get(ref)
            if commit and repo.ask("cat-file", "-e", f"{commit}^{{commit}}").code == 0:
                repo.run("update-ref", ref, commit)

    def _fetch(self) -> Fetched:
        with open_repo(self.path) as repo:
            try:
                access = self._remote.access
                self._bring(repo, access.first_seconds if self._contact() is None else access.seconds)
            except Unreachable as away:
                return self._without(repo, away)
            fetched = self._judge(repo, refs_of(repo))
            repo.tidy()
            return fetched

    def _bring(self, repo: GitRepo, seconds: float) -> None:
        """Fetches the branch into `incoming`."""
        options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules")
        refspec = f"+refs/heads/{self._branch}:{INCOMING}"
        answer = repo.contact(self._remote, "fetch", *options, "--", self._remote.url, refspec, seconds=seconds)
        if answer.code == 0:
            return
        if "couldn't find remote ref" in answer.err:
            raise self._no_branch(repo)
        if DAMAGE.search(answer.err.replace(self._remote.url, "")):
            raise Damaged(last_words(answer.err))
        raise Unreachable(last_words(answer.err))

    def _no_branch(self, repo: GitRepo) -> Terminal:
        args = ("ls-remote", "--heads", "--quiet", "--", self._remote.url)
        answer = repo.contact(self._remote, *args, seconds=self._remote.access.seconds)
        if answer.code != 0:
            raise Unreachable(last_words(answer.err))
        heads = answer.out.decode("utf-8", "replace").splitlines()
        names = [line.partition("\trefs/heads/")[2] for line in heads]
        if not names:
            mend = f"push a first commit to it: git push {self._remote.url} HEAD:{self._branch}"
            return Terminal("the repository is empty", where=self._remote.url, mend=mend)
        there = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
        mend = f"set source.branch to one of those that exist: {there}"
        return Terminal(f"there is no branch {self._branch!r}", where=self._remote.url, mend=mend)

    def _judge(self, repo: GitRepo, refs: dict[str, str]) -> Fetched:
        """Moves `tip` to `incoming` when that is a descendant, or when force-pushes are followed."""
        if INCOMING not in refs:
            raise Damaged(f"{self.path}: {INCOMING} is missing")
        new, old = refs[INCOMING], refs.get(TIP) if self._same_watch() else None
        fault = self._fault(repo, new, new=new != self._accepted(repo))
        if fault:
            return self._stay(repo, old, new, fault)
        notice = ""
        if old not in {None, new} and not descends(repo, str(old), new):
            notice = self._forced(str(old), new)
        if refs.get(TIP) != new:
            repo.run("update-ref", TIP, new)
        if self._signatures is not None and refs.get(SIGNED) != new:
            repo.run("update-ref", SIGNED, new)
        self._mark()
        return Fetched(new, notice)

    def fault(self, repo: GitRepo, commit: str) -> str:
        """Why a commit that was worked from before may not be any more; "" when it may. What the last signed tip stands
        on was accepted with it."""
        accepted = self._accepted(repo)
        return self._fault(repo, commit, new=accepted is None or not descends(repo, commit, accepted))

    def _fault(self, repo: GitRepo, commit: str, *, new: bool) -> str:
        return self._signatures.fault(repo, commit, new=new) if self._signatures else ""

    def _accepted(self, repo: GitRepo) -> str | None:
        """The last tip of this remote and branch that an allowed key had signed when it came."""
        return refs_of(repo).get(SIGNED) if self._same_watch() else None

    def _stay(self, repo: GitRepo, old: str | None, new: str, fault: str) -> Fetched:
        """The last tip that was signed, for as long as the newest is not."""
        what = f"{self._branch} is at {new[:12]}, which is not used{' any more' if old == new else ''}: {fault}"
        mend = "push a commit on top that an allowed key has signed"
        if old is None or old == new:
            other = "no other commit may take its place" if old else "no earlier commit is known that is signed"
            raise Untrusted(f"{what}; {other}", new, where=self._remote.url, mend=mend)
        gone = self.fault(repo, old)
        if gone:
            other = f"{old[:12]}, which was used until now, is not used any more either: {gone}"
            raise Untrusted(f"{what}; {other}", new, where=self._remote.url, mend=mend)
        self._mark()
        notice = f"{what}; {old[:12]}, the last signed one, stays in force ({mend})"
        return Fetched(old, notice, unsigned=new, fault=what)

    def _forced(self, old: str, new: str) -> str:
        """What to say about a force-push that is followed; raises Refused when it is not."""
        what = f"{self._branch} was force-pushed: {new} does not descend from {old}"
        match self._force_push:
            case "follow":
                return f"{what}; followed, as the settings say"
            case "refuse":
                self._mark()
                mend = f'to accept it set source.force_push = "follow", or push a commit that descends from {old}'
                raise Refused(f"{what}; {old} stays in force", where=self._remote.url, mend=mend)
            case _:
                assert_never(self._force_push)

    def _without(self, repo: GitRepo, away: Unreachable) -> Fetched:
        """The last accepted tip, for as long as the remote is away."""
        contact, tip = self._contact(), refs_of(repo).get(TIP)
        mend = mend_for(str(away))
        ours = KEEPING.search(str(away))
        where = str(self.path) if ours else self._remote.url
        trouble = f"what the remote sent can't be kept: {away}" if ours else f"the remote can't be reached: {away}"
        if contact is None or tip is None or not self._same_watch():
            raise Retryable(f"{trouble}; nothing of it is cached", where=where, mend=mend)
        fault = self.fault(repo, tip)
        if fault:
            what = f"{trouble}; the last known commit {tip[:12]} is not used: {fault}"
            raise Retryable(what, where=where, mend=mend)
        repo.run("rev-list", "--objects", "--no-walk", "--quiet", tip)  # Damaged when a file of it is missing
        since = datetime.fromtimestamp(contact, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        reason = f"{self.path}: {away}" if ours else str(away)
        what = f"{self._remote.url} could not be fetched since {since}: {reason} ({mend})"
        return Fetched(tip, f"{what}; the last known commit {tip[:12]} is used")

    def _watch(self) -> str:
        return hashlib.sha256(f"{self._remote.url}\0{self._branch}".encode()).hexdigest()

    def _same_watch(self) -> bool:
        try:
            return (self.path / "watch").read_text() == self._watch()
        except (FileNotFoundError, UnicodeDecodeError):
            return False

    def _mark(self) -> None:
        """The remote has just answered, and `tip` is of this remote and branch."""
        watch = self.path / "watch"
        try:
            if self._same_watch():
                os.utime(watch)
                return
            fresh = watch.with_name(f"watch.{os.getpid()}")
            fresh.write_text(self._watch())
            fresh.replace(watch)
        except OSError as error:
            raise disk_error(str(watch), error) from error

    def _contact(self) -> float | None:
        with suppress(FileNotFoundError):
            return (self.path / "watch").stat().st_mtime
        return None


def _beyond_mending(path: Path, damage: Damaged) -> Terminal:
    mend = f"check the disk and the remote repository (git fsck), then remove {path}: it is fetched again"
    return Terminal(f"the local copy is damaged again right after it was rebuilt: {damage}", mend=mend)
