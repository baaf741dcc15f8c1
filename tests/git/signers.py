"""People who sign commits, with real keys of ssh or gpg made for a test."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from reconciler.adapters.git_signature import Signatures
from reconciler.adapters.git_source import GitSource
from tests.git.upstream import Upstream

needs_gpg = pytest.mark.skipif(shutil.which("gpg") is None, reason="gpg is not installed here")


@dataclass
class Clock:
    """Seconds since the epoch, as a test wants them."""

    at: float

    def __call__(self) -> float:
        return self.at


class SshSigner:
    """`name` is the principal. The key lies in `folder`."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.key = folder / name
        self.certificate: Path | None = None
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(self.key)]
        subprocess.run(argv, check=True, capture_output=True)

    def allow(self, options: str = 'namespaces="git"') -> str:
        """Its line of a file of allowed signers."""
        return f"{self.name} {options} {Path(f'{self.key}.pub').read_text()}"

    def certify(self, who: SshSigner, name: str, valid: str) -> Path:
        """A certificate for somebody's key, as `name`, valid as ssh-keygen -V takes it."""
        argv = ["ssh-keygen", "-q", "-s", str(self.key), "-I", name, "-n", name, "-V", valid, f"{who.key}.pub"]
        subprocess.run(argv, check=True, capture_output=True)
        return who.key.with_name(f"{who.key.name}-cert.pub")

    def sign(self, upstream: Upstream, draft: Draft) -> str:
        options = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={self.certificate or self.key}")
        return _commit(upstream, options, {}, draft)

    def close(self) -> None:
        """Nothing runs."""


class GpgSigner:
    """`folder` is a home of gpg of its own: short, because gpg's socket lies in it. `now` is the time there, and
    `expires` when its key does, as gpg takes it."""

    def __init__(self, folder: Path, name: str, now: Clock | None = None, expires: str = "never") -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.name = f"{name} <{name}@example.org>"
        self.home = folder
        self.now: Callable[[], float] = now or time.time
        generate = ("--passphrase", "", "--quick-generate-key", self.name, "ed25519", "sign", expires)
        self._gpg("--pinentry-mode", "loopback", *generate)

    def allow(self, *options: str) -> bytes:
        """Its public key; `options` such as --armor."""
        return self._gpg(*options, "--export")

    def revoke(self) -> None:
        """Its own revocation, which gpg made with the key and has put a colon into against mistakes."""
        (made,) = (self.home / "openpgp-revocs.d").glob("*.rev")
        made.write_text(made.read_text().replace(":-----BEGIN", "-----BEGIN"))
        self._gpg("--import", str(made))

    def sign(self, upstream: Upstream, draft: Draft) -> str:
        program = self.home / "gpg-then"
        program.write_text(f'#!/bin/sh\nexec gpg --faked-system-time {int(self.now())} "$@"\n')
        program.chmod(0o700)
        options = ("-c", "gpg.format=openpgp", "-c", f"gpg.program={program}", "-c", f"user.signingkey={self.name}")
        return _commit(upstream, options, {"GNUPGHOME": str(self.home)}, draft)

    def close(self) -> None:
        """Ends its agent."""
        subprocess.run(["gpgconf", "--homedir", str(self.home), "--kill", "all"], check=False, capture_output=True)

    def _gpg(self, *args: str) -> bytes:
        when = ("--faked-system-time", str(int(self.now())))
        argv = ["gpg", "--homedir", str(self.home), "--batch", "--quiet", "--no-tty", *when, *args]
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        return subprocess.run(argv, env=environment, check=True, capture_output=True).stdout


@dataclass(frozen=True)
class Draft:
    """A commit that is to be signed; `date` is the committer's, now when left out."""

    tree: str
    message: str
    parents: tuple[str, ...]
    date: str = ""


def _commit(upstream: Upstream, options: tuple[str, ...], variables: Mapping[str, str], draft: Draft) -> str:
    on = [part for parent in draft.parents for part in ("-p", parent)]
    variables = {**variables, **({"GIT_COMMITTER_DATE": draft.date} if draft.date else {})}
    return upstream.git(*options, "commit-tree", "-S", draft.tree, *on, feed=draft.message.encode(), **variables)


def push_signed(  # the last three have defaults
    signer: SshSigner | GpgSigner,
    upstream: Upstream,
    files: Mapping[str, str],
    message: str = "signed",
    parents: tuple[str, ...] | None = None,
    date: str = "",
) -> str:
    """A signed commit of exactly these files as main's tip, on top of it or of `parents`; `date` is the committer's."""
    tip = upstream.git("for-each-ref", "--format=%(objectname)", "refs/heads/main")
    draft = upstream.commit(files, message, branch="draft", parents=())
    tree = upstream.git("rev-parse", f"{draft}^{{tree}}")
    on = parents if parents is not None else tuple(filter(None, (tip,)))
    commit = signer.sign(upstream, Draft(tree, message, on, date))
    upstream.git("update-ref", "refs/heads/main", commit)
    return commit


def allow(tmp_path: Path, *signers: SshSigner) -> Path:
    """A file of allowed signers, in their usual way."""
    path = tmp_path / "allowed_signers"
    path.write_text("# who may sign\n" + "".join(signer.allow() for signer in signers))
    return path


def source(  # the last three have defaults
    tmp_path: Path,
    upstream: Upstream,
    allowed: Path | None,
    kind: Literal["ssh", "gpg"] = "ssh",
    force_push: Literal["refuse", "follow"] = "refuse",
    now: Callable[[], float] = time.time,
) -> GitSource:
    """What a host has that takes commits of the `allowed` alone, or of everybody; a new process each time."""
    signatures = Signatures(kind, allowed, now=now) if allowed else None
    return GitSource(
        tmp_path / "state", str(upstream.path), "main", "fleet", force_push=force_push, signatures=signatures
    )
