"""One commit and its signature, and how Git's own verify-commit is asked about it with nothing of a user's settings.

Not done here: whose keys count and since when (git_signature.py), and what ssh-keygen and gpg say to it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reconciler.adapters.git_process import Answer
from reconciler.adapters.git_repo import GitRepo
from reconciler.errors import Retryable

_ARMOR = {"-----BEGIN SSH SIGNATURE": "ssh", "-----BEGIN PGP": "gpg", "-----BEGIN SIGNED MESSAGE": "X.509"}
_HEADERS = (b"gpgsig", b"gpgsig-sha256")
_OFF = dict.fromkeys(("gpg.program", "gpg.openpgp.program", "gpg.x509.program", "gpg.ssh.program"), os.devnull)
_STATUS = "[GNUPG:]"


@dataclass(frozen=True, slots=True)
class Signed:
    """A commit's bytes as they were signed, and its signatures, of which an honest one has one."""

    payload: bytes
    signatures: tuple[bytes, ...]

    @property
    def kind(self) -> str:
        """Of its signature: "ssh", "gpg", "X.509" or "unknown"; "" when it has none."""
        text = self.signatures[0].decode("utf-8", "replace") if self.signatures else ""
        return next((kind for armor, kind in _ARMOR.items() if text.startswith(armor)), "unknown" if text else "")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: whether one of `keys`, the bytes of the file `allowed`, signed the commit. `now` is in seconds
    since the epoch. `new`: it has to be valid at that moment; else it was, when the commit was accepted."""

    repo: GitRepo
    commit: str
    signed: Signed
    allowed: Path
    keys: bytes
    now: float
    new: bool

    def refused(self, words: str) -> str:
        """The fault of a commit that no key of the file vouches for; `words` are the program's."""
        if self.new:
            return f"its signature was not made by a valid key of {self.allowed} ({words})"
        return f"{self.allowed} does not allow any more who signed it ({words})"

    def verify(self, settings: Mapping[str, str], environment: Mapping[str, str]) -> Answer:
        """The answer of `git verify-commit --raw`; every program that `settings` don't name is shut off."""
        return self.repo.ask(
            "verify-commit", "--raw", self.commit, settings={**_OFF, **settings}, environment=environment
        )


def signed(commit: bytes) -> Signed:
    """Takes the signatures out of a commit's header, as git does before it signs and verifies."""
    head, gap, text = commit.partition(b"\n\n")
    rest: list[bytes] = []
    signatures: list[list[bytes]] = []
    inside = False
    for line in head.split(b"\n"):
        name, _, value = line.partition(b" ")
        if inside and line.startswith(b" "):
            signatures[-1].append(line[1:])
            continue
        inside = name in _HEADERS
        if inside:
            signatures.append([value])
        else:
            rest.append(line)
    return Signed(b"\n".join(rest) + gap + text, tuple(b"\n".join(lines) + b"\n" for lines in signatures))


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder that only we can read, for one question. Raises Retryable when none can be made or written."""
    try:
        with tempfile.TemporaryDirectory(prefix="reconciler-keys-") as folder:
            yield Path(folder)
    except OSError as error:
        where = str(error.filename or tempfile.gettempdir())
        mend = "see that it can be written"
        raise Retryable(f"a signature can't be checked: {error.strerror}", where=where, mend=mend) from error


def last_words(err: str) -> str:
    """What the program said last, on one line that is safe to show; machine-readable lines are left out."""
    lines = [line.strip() for line in err.splitlines() if line.strip() and not line.startswith(_STATUS)]
    return safe(lines[-1] if lines else "no reason given")


def safe(text: str) -> str:
    """One line of at most 200 characters, all of them printable."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)[:200]
