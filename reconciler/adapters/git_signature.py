"""Whether a commit is signed by somebody whom the settings allow: ssh-keygen or gpg, run by `git verify-commit`.

Nothing of a user's own configuration counts: no ~/.gitconfig, no ~/.gnupg, no trust set elsewhere. Only the kind of
signature that the settings name is looked at; the programs of the other kinds are shut off.
Not done here: what follows from a commit that is not signed (git_mirror.py).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, assert_never

from reconciler.adapters.git_repo import GitRepo
from reconciler.errors import Retryable, Terminal

Kind = Literal["ssh", "gpg"]
_PROGRAMS: Mapping[Kind, tuple[str, str]] = {
    "ssh": ("ssh-keygen", "install OpenSSH 8.2 or newer (openssh-client)"),
    "gpg": ("gpg", "install GnuPG 2 (gnupg)"),
}
_ARMOR = {"-----BEGIN SSH SIGNATURE": "ssh", "-----BEGIN PGP": "gpg", "-----BEGIN SIGNED MESSAGE": "X.509"}
_KEYS_SECONDS = 60.0
_LARGEST = 10_000_000
_GPG_CONF = "trust-model always\nno-auto-key-retrieve\nno-auto-key-import\nbatch\nno-tty\n"
"""Whoever is in the file is allowed; no web of trust decides."""


class Signatures:
    """The keys that may sign. `allowed` is ssh's file of allowed signers (`ssh-keygen(1)`, ALLOWED SIGNERS), or public
    keys as `gpg --export` writes them, armored or not. `path` is where programs are looked for."""

    def __init__(self, kind: Kind, allowed: Path, path: str | None = None) -> None:
        self._kind = kind
        self._allowed = allowed
        self._path = path
        self._known: dict[tuple[str, str], str] = {}

    def check(self) -> None:
        """Raises Terminal when nothing could ever be verified: the program or the keys are missing."""
        self._program()
        self._keys()

    def fault(self, repo: GitRepo, commit: str) -> str:
        """What is wrong with the commit's signature; "" when an allowed key made it.

        Asked again when the file of keys has changed: whoever left it is not trusted any more.
        """
        key = (commit, hashlib.sha256(self._keys()).hexdigest())
        if key not in self._known:
            self._known[key] = self._fault(repo, commit)
        return self._known[key]

    def _fault(self, repo: GitRepo, commit: str) -> str:
        kind = _kind_of(repo.run("cat-file", "commit", commit))
        if kind != self._kind:
            return f"it carries a signature of another kind ({kind}, not {self._kind})" if kind else "it is not signed"
        with self._verifier() as (settings, environment):
            answer = repo.ask("verify-commit", "--raw", commit, settings=settings, environment=environment)
        if answer.code == 0:
            return ""
        return f"its signature was not made by a key of {self._allowed} ({_last_words(answer.err)})"

    @contextmanager
    def _verifier(self) -> Iterator[tuple[Mapping[str, str], Mapping[str, str]]]:
        """Settings and variables for a git that can verify this kind of signature alone."""
        off = dict.fromkeys(("gpg.program", "gpg.openpgp.program", "gpg.x509.program", "gpg.ssh.program"), os.devnull)
        nowhere = {"GNUPGHOME": os.devnull}
        match self._kind:
            case "ssh":
                ours = {"gpg.ssh.program": self._program(), "gpg.ssh.allowedSignersFile": str(self._allowed)}
                yield {**off, **ours, "gpg.minTrustLevel": "fully"}, nowhere
            case "gpg":
                with self._keyring() as home:
                    program = self._program()
                    yield {**off, "gpg.program": program, "gpg.openpgp.program": program}, {"GNUPGHOME": home}
            case _:
                assert_never(self._kind)

    @contextmanager
    def _keyring(self) -> Iterator[str]:
        """A home of gpg with the allowed keys and nothing else, for one question."""
        with tempfile.TemporaryDirectory(prefix="reconciler-keys-") as home:
            Path(home, "gpg.conf").write_text(_GPG_CONF)
            argv = [self._program(), "--homedir", home, "--no-autostart", "--quiet", "--import"]
            environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
            try:
                done = subprocess.run(
                    argv, input=self._keys(), env=environment, capture_output=True, timeout=_KEYS_SECONDS, check=False
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise Retryable(f"gpg could not read the keys: {error}", where=str(self._allowed)) from error
            if done.returncode != 0:
                words = _last_words(done.stderr.decode("utf-8", "replace"))
                mend = "write it with `gpg --export --armor KEY...`"
                raise Terminal(f"gpg can't read the keys: {words}", where=str(self._allowed), mend=mend)
            yield home

    def _program(self) -> str:
        name, mend = _PROGRAMS[self._kind]
        found = shutil.which(name, path=self._path)
        if found is None:
            what = f"signatures can't be verified: there is no {name}"
            raise Terminal(what, where=f'settings: source.signed = "{self._kind}"', mend=mend)
        return found

    def _keys(self) -> bytes:
        """The file of keys. One that everybody can write would allow everybody."""
        where = f"settings: {self._allowed}"
        try:
            with self._allowed.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                keys = file.read(_LARGEST)
        except OSError as error:
            mend = "name the file of the keys that may sign, and let the reconciler read it"
            raise Terminal(f"the allowed keys can't be read: {error.strerror}", where=where, mend=mend) from error
        if mode & stat.S_IWOTH:
            raise Terminal("everybody on this host can write the allowed keys", where=where, mend="chmod o-w it")
        if not keys.strip():
            raise Terminal("there is no allowed key in it", where=where, mend="add the keys of those who may sign")
        return keys


def _kind_of(commit: bytes) -> str:
    """The kind of the signature in a commit's header; "" for none."""
    head = commit.partition(b"\n\n")[0]
    for line in head.split(b"\n"):
        name, _, value = line.partition(b" ")
        if name in (b"gpgsig", b"gpgsig-sha256"):
            text = value.decode("utf-8", "replace")
            return next((kind for armor, kind in _ARMOR.items() if text.startswith(armor)), "unknown")
    return ""


def _last_words(err: str) -> str:
    """What the program said last, on one line that is safe to show; machine-readable lines are left out."""
    lines = [line.strip() for line in err.splitlines() if line.strip() and not line.startswith("[GNUPG:]")]
    text = lines[-1] if lines else "no reason given"
    return "".join(letter if letter.isprintable() else "�" for letter in text)[:200]
