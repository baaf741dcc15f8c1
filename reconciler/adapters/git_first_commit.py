"""The first commit of an empty repository, and a clone of it for a person: pushed and fetched with a token that stands
in no argument, address or file.

Not done here: what the files are.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from reconciler.adapters.disk_errors import told
from reconciler.adapters.git_commit import Identity, Message, commit_files
from reconciler.adapters.git_push import Outcome, push
from reconciler.adapters.git_remote import Access, parse_remote
from reconciler.adapters.git_repo import Damaged, GitRepo, Unreachable, make_bare, open_repo
from reconciler.adapters.git_words import last_words, mend_for
from reconciler.errors import Retryable, Terminal

_SUBJECT = b"A fleet to begin with"


class GitFirstCommit:
    """See `protocols.set_up.FirstCommit`."""

    def __init__(self, url: str, access: Access, who: str) -> None:
        self._remote = parse_remote(url, access, "--gitea")
        self._who = Identity("reconciler", f"reconciler@{who}")

    def push(self, branch: str, files: Mapping[str, bytes]) -> bool:
        with tempfile.TemporaryDirectory(prefix="reconciler-") as folder:
            path = Path(folder) / "new.git"
            make_bare(path)
            with open_repo(path) as repo:
                message = Message(self._who, int(time.time()), _SUBJECT)
                commit = commit_files(repo, f"refs/heads/{branch}", None, message, files)
                pushed = push(repo, self._remote, commit, f"refs/heads/{branch}")
        match pushed.outcome:
            case Outcome.PUSHED:
                return True
            case Outcome.LOST:
                return False
            case Outcome.DECLINED:
                what = f"the first commit was declined: {pushed.reason}"
                raise Terminal(
                    what, where=self._remote.url, mend="look at the repository's hooks and protected branches"
                )
            case Outcome.AWAY:
                what = f"the first commit could not be pushed: {pushed.reason}"
                raise Retryable(what, where=self._remote.url, mend=mend_for(pushed.reason))

    def clone(self, branch: str, folder: Path) -> bool:
        """A clone with this branch checked out; False when something is in the folder already. It appears as a whole
        or not at all."""
        if os.path.lexists(folder) and (not folder.is_dir() or any(folder.iterdir())):
            return False
        folder = folder.absolute()
        fresh = folder.with_name(f".{folder.name}.new-{os.getpid()}")
        with told(str(folder)):
            folder.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(fresh, ignore_errors=True)
            try:
                self._fill(branch, fresh)
                fresh.rename(folder)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
        return True

    def _fill(self, branch: str, fresh: Path) -> None:
        fresh.mkdir()
        make_bare(fresh / ".git")
        try:
            with open_repo(fresh / ".git") as repo:
                self._check_out(repo, branch, fresh)
        except (Unreachable, Damaged) as error:
            raise Retryable(f"no clone could be made: {error}", where=self._remote.url) from error

    def _check_out(self, repo: GitRepo, branch: str, fresh: Path) -> None:
        settings = {
            "core.bare": "false",
            "remote.origin.url": self._remote.url,
            "remote.origin.fetch": "+refs/heads/*:refs/remotes/origin/*",
            f"branch.{branch}.remote": "origin",
            f"branch.{branch}.merge": f"refs/heads/{branch}",
        }
        for name, value in settings.items():
            repo.run("config", "--local", name, value)
        answer = repo.contact(
            self._remote,
            "fetch",
            "--quiet",
            "--no-write-fetch-head",
            "origin",
            seconds=self._remote.access.first_seconds,
        )
        if answer.code != 0:
            raise Unreachable(last_words(answer.err))
        repo.run("update-ref", f"refs/heads/{branch}", f"refs/remotes/origin/{branch}")
        repo.run("symbolic-ref", "HEAD", f"refs/heads/{branch}")
        repo.run("reset", "--quiet", "--hard", environment={"GIT_WORK_TREE": str(fresh)})
