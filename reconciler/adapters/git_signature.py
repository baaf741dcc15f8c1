"""Whether a commit is signed by somebody whom the settings allow.

Nothing of a user's own configuration counts: no ~/.gitconfig, no ~/.gnupg, no trust set elsewhere. Only the kind of
signature that the settings name is looked at; the programs of the other kinds are shut off.
Not done here: what ssh-keygen and gpg are asked (git_signed_ssh.py, git_signed_gpg.py), and what follows from a commit
that is not signed (git_mirror.py).
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, assert_never

from reconciler.adapters.allowed_keys import read_keys
from reconciler.adapters.git_repo import GitRepo
from reconciler.adapters.git_signed import Question, signed
from reconciler.adapters.git_signed_gpg import gpg_fault
from reconciler.adapters.git_signed_ssh import ssh_fault
from reconciler.errors import Terminal

Kind = Literal["ssh", "gpg"]
_PROGRAMS: Mapping[Kind, tuple[str, str]] = {
    "ssh": ("ssh-keygen", "install OpenSSH 8.2 or newer (openssh-client)"),
    "gpg": ("gpg", "install GnuPG 2 (gnupg)"),
}


class Signatures:
    """The keys that may sign. `allowed` is ssh's file of allowed signers (`ssh-keygen(1)`, ALLOWED SIGNERS), or public
    keys as `gpg --export` writes them, armored or not. `path` is where programs are looked for; `now` tells the time in
    seconds since the epoch."""

    def __init__(
        self, kind: Kind, allowed: Path, path: str | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self._kind = kind
        self._allowed = allowed
        self._path = path
        self._now = now
        self._good: set[tuple[str, str]] = set()

    def check(self) -> None:
        """Raises Terminal when nothing could ever be verified: the program or the keys are missing."""
        self._program()
        read_keys(self._allowed)

    def fault(self, repo: GitRepo, commit: str, *, new: bool) -> str:
        """What is wrong with the commit's signature; "" when an allowed key made it.

        A `new` commit's has to be valid at this moment, whatever date it bears. One that was accepted stays good when
        its key expires, and no longer than the key is in the file: whoever left it is not trusted any more. Raises
        Terminal when the keys can't be used, and Retryable when a program can't be run.
        """
        keys = read_keys(self._allowed)
        known = (commit, hashlib.sha256(keys).hexdigest())
        if not new and known in self._good:
            return ""  # of these keys and an accepted commit the answer can't change; any other may, with time
        fault = self._fault(repo, commit, keys, new=new)
        if not fault:
            self._good.add(known)
        return fault

    def _fault(self, repo: GitRepo, commit: str, keys: bytes, *, new: bool) -> str:
        found = signed(repo.run("cat-file", "commit", commit))
        if found.kind != self._kind:
            other = f"it carries a signature of another kind ({found.kind}, not {self._kind})"
            return other if found.kind else "it is not signed"
        if len(found.signatures) > 1:
            return "it carries several signatures"
        question = Question(repo, commit, found, self._allowed, keys, self._now(), new)
        match self._kind:
            case "ssh":
                return ssh_fault(self._program(), question)
            case "gpg":
                return gpg_fault(self._program(), question)
            case _:
                assert_never(self._kind)

    def _program(self) -> str:
        name, mend = _PROGRAMS[self._kind]
        found = shutil.which(name, path=self._path)
        if found is None:
            what = f"signatures can't be verified: there is no {name}"
            raise Terminal(what, where=f'settings: source.signed = "{self._kind}"', mend=mend)
        return found
