"""The one place that opens a `git.Repo` and closes it, with every helper process GitPython may keep for it.

Every failure of git leaves here as Retryable, Terminal, Damaged (the local repository), Unreachable (the remote) or as
an exit code that was asked for.
Not done here: what to fetch, read or write; how git is run (git_process.py).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from reconciler.adapters.disk_errors import disk_error
from reconciler.adapters.git_process import Answer, Call, environment_for, gitpython, run
from reconciler.adapters.git_remote import Remote, redact
from reconciler.adapters.git_words import DISK, FAILING, LOCK, last_words, mend_for
from reconciler.errors import Retryable, Terminal

if TYPE_CHECKING:
    from git import Git

LOCAL_SECONDS = 300.0


class Damaged(Exception):
    """The local repository can't be used; the text says why."""


class Unreachable(Exception):
    """The remote did not do what was asked; the text says why, without credentials."""


class CommitMissing(Exception):
    """The commit, which is the text, is not in the object store."""


@dataclass(frozen=True, slots=True)
class Around:
    """Variables and Git settings for all local commands, as a hook needs them to see what is being pushed."""

    environment: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)


_NOTHING = Around()


class GitRepo:
    """One open repository; made by `open_repo` alone."""

    def __init__(self, path: Path, git: Git, around: Around) -> None:
        self.path = path
        self._git = git
        self._around = around

    def run(self, *args: str, feed: bytes = b"", environment: Mapping[str, str] = MappingProxyType({})) -> bytes:
        """Output of a local command that has to succeed."""
        answer = self.ask(*args, feed=feed, environment=environment)
        if answer.code != 0:
            raise _local_failure(self.path, args[0], answer.err)
        return answer.out

    def ask(
        self,
        *args: str,
        feed: bytes = b"",
        environment: Mapping[str, str] = MappingProxyType({}),
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> Answer:
        """A local command whose exit code is an answer, with these variables and Git settings beside ours."""
        variables = environment_for(self.path, {**self._around.settings, **settings})
        variables |= {**self._around.environment, **environment}
        try:
            return run(self._git, Call(args, variables, LOCAL_SECONDS, feed))
        except subprocess.TimeoutExpired as error:
            raise Retryable(f"git {args[0]} took longer than {LOCAL_SECONDS:.0f} s", where=str(self.path)) from error

    def contact(
        self, remote: Remote, *args: str, seconds: float, cancelled: Callable[[], bool] = lambda: False
    ) -> Answer:
        """A command that talks to the remote, ended after `seconds`, or with Interrupted when `cancelled` says so. What
        it says comes back without credentials."""
        try:
            secrets = remote.secrets()
        except (Retryable, Terminal) as error:
            raise Unreachable(f"its token can't be read: {error}") from error
        environment = environment_for(self.path, remote.configuration(secrets))
        environment["GIT_SSH_COMMAND"] = remote.ssh_command()
        environment["GIT_SSH_VARIANT"] = "ssh"
        try:
            answer = run(self._git, Call(args, environment, seconds, cancelled=cancelled))
        except subprocess.TimeoutExpired as error:
            raise Unreachable(f"no answer within {seconds:.0f} s") from error
        err = redact(answer.err, secrets)
        if answer.code != 0 and str(self.path) in err and (DISK.search(err) or LOCK.search(err)):
            raise _local_failure(self.path, args[0], err)
        return Answer(answer.code, redact(answer.out.decode("utf-8", "replace"), secrets).encode(), err)

    def sweep(self) -> None:
        """Takes away the reports of failed imports, which git leaves for ever; what they tell, its message has told."""
        with suppress(OSError):
            for report in self.path.glob("fast_import_crash_*"):
                report.unlink()

    def tidy(self) -> None:
        """Packs loose objects now and then, as git itself would in the background; that also removes the temporary
        packs that a failing disk left. Only looks at three folders until there is something to do; failing at it hurts
        nobody."""
        self.sweep()
        loose, packs = _count(self.path / "objects" / "17"), _count(self.path / "objects" / "pack")
        if loose > 27 or packs > 100:
            with suppress(Retryable):
                self.ask("gc", "--auto", "--quiet")


@contextmanager
def open_repo(path: Path, around: Around = _NOTHING) -> Iterator[GitRepo]:
    """The bare repository, for the length of a `with`."""
    git = gitpython()
    try:
        repo = git.Repo(path, expand_vars=False)
    except (git.exc.InvalidGitRepositoryError, git.exc.NoSuchPathError) as error:
        raise Damaged(f"{path} is not a Git repository") from error
    except OSError as error:
        raise Retryable(f"the repository can't be read: {error.strerror}", where=str(path)) from error
    with repo:
        yield GitRepo(path, repo.git, around)


def make_bare(path: Path) -> None:
    """Makes an empty bare repository at `path` in one step: under a name of its own first, then renamed. Where somebody
    else has just made one, that one stays."""
    git = gitpython()
    fresh = path.with_name(f"{path.name}.new-{os.getpid()}-{threading.get_ident()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        args = ("init", "--quiet", "--bare", "--template=", "--initial-branch=main", str(fresh))
        answer = run(git.Git(path.parent), Call(args, environment_for(None, {}), LOCAL_SECONDS))
        if answer.code != 0:
            words = last_words(answer.err)
            mend = mend_for(words) if FAILING.search(words) else "see that its folder can be written"
            raise Retryable(f"no repository can be made: {words}", where=str(path), mend=mend)
        _place(fresh, path)
    except OSError as error:
        mend = disk_error(str(path), error).mend
        raise Retryable(f"no repository can be made: {error.strerror}", where=str(path), mend=mend) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _place(fresh: Path, path: Path) -> None:
    try:
        fresh.rename(path)
    except OSError:
        if not (path / "HEAD").exists():
            raise


def _count(folder: Path) -> int:
    try:
        return sum(1 for _ in folder.iterdir())
    except FileNotFoundError:
        return 0


def _local_failure(path: Path, command: str, err: str) -> Exception:
    reason = last_words(err)
    if DISK.search(err):
        return Retryable(f"git {command} can't write here: {reason}", where=str(path), mend="free or remount the disk")
    if LOCK.search(err):
        return Retryable(f"another git is at work here: {reason}", where=str(path), mend="it is tried again")
    return Damaged(f"{path}: git {command} failed: {reason}")
