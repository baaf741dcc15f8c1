"""People who sign commits, with real keys of ssh or gpg made for a test."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.git.upstream import Upstream


class SshSigner:
    """`name` is the principal. The key lies in `folder`."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.key = folder / name
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(self.key)]
        subprocess.run(argv, check=True, capture_output=True)

    def allow(self, options: str = 'namespaces="git"') -> str:
        """Its line of a file of allowed signers."""
        return f"{self.name} {options} {Path(f'{self.key}.pub').read_text()}"

    def sign(self, upstream: Upstream, tree: str, message: str, parents: tuple[str, ...]) -> str:
        options = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={self.key}")
        return _commit(upstream, options, {}, tree, message, parents)

    def close(self) -> None:
        """Nothing runs."""


class GpgSigner:
    """`folder` is a home of gpg of its own: short, because gpg's socket lies in it."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.name = f"{name} <{name}@example.org>"
        self.home = folder
        generate = ("--passphrase", "", "--quick-generate-key", self.name, "ed25519", "sign", "never")
        self._gpg("--pinentry-mode", "loopback", *generate)

    def allow(self, *options: str) -> bytes:
        """Its public key; `options` such as --armor."""
        return self._gpg(*options, "--export")

    def sign(self, upstream: Upstream, tree: str, message: str, parents: tuple[str, ...]) -> str:
        options = ("-c", "gpg.format=openpgp", "-c", f"user.signingkey={self.name}")
        return _commit(upstream, options, {"GNUPGHOME": str(self.home)}, tree, message, parents)

    def close(self) -> None:
        """Ends its agent."""
        subprocess.run(["gpgconf", "--homedir", str(self.home), "--kill", "all"], check=False, capture_output=True)

    def _gpg(self, *args: str) -> bytes:
        argv = ["gpg", "--homedir", str(self.home), "--batch", "--quiet", "--no-tty", *args]
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        return subprocess.run(argv, env=environment, check=True, capture_output=True).stdout


def _commit(
    upstream: Upstream,
    options: tuple[str, ...],
    variables: Mapping[str, str],
    tree: str,
    message: str,
    parents: tuple[str, ...],
) -> str:
    on = [part for parent in parents for part in ("-p", parent)]
    return upstream.git(*options, "commit-tree", "-S", tree, *on, feed=message.encode(), **variables)


def push_signed(
    signer: SshSigner | GpgSigner,
    upstream: Upstream,
    files: Mapping[str, str],
    message: str = "signed",
    parents: tuple[str, ...] | None = None,
) -> str:
    """A signed commit of exactly these files as main's tip, on top of it or of `parents`."""
    tip = upstream.git("for-each-ref", "--format=%(objectname)", "refs/heads/main")
    draft = upstream.commit(files, message, branch="draft", parents=())
    tree = upstream.git("rev-parse", f"{draft}^{{tree}}")
    on = parents if parents is not None else tuple(filter(None, (tip,)))
    commit = signer.sign(upstream, tree, message, on)
    upstream.git("update-ref", "refs/heads/main", commit)
    return commit
