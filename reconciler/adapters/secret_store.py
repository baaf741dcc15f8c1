"""Secrets that this host keeps in files of its own (0600): generated ones, and pinned versions of others.

A generated secret is a file by wizard and name; a pinned one is named by its digest under the host's key. Not done
here: digests, and who may have a secret.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from reconciler.adapters.atomic import create, private_folder, replace
from reconciler.adapters.disk_errors import told
from reconciler.adapters.secret_text import SecretFiles
from reconciler.adapters.tree import FOLDER, Spot
from reconciler.errors import Terminal
from reconciler.plan.fields import PINNED
from reconciler.plan.value import SecretRef

_GENERATED = re.compile(r"[a-z0-9][a-z0-9-]*/[A-Za-z_][A-Za-z0-9_]*")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_BYTES = 32


class SecretStore:
    """The folder `secrets` of the state folder."""

    def __init__(self, folder: Path, files: SecretFiles) -> None:
        self._folder = folder
        self._files = files
        self._paths: dict[SecretRef, Path] = {}

    def read(self, ref: SecretRef) -> str | None:
        """The text; None for a generated secret that is still to be made. Raises MissingError."""
        path = str(self.path(ref))
        if ref.source == PINNED:
            return self._files.read(path, "push a commit that names the secret anew")
        return self._files.read(path, f"delete it and it is made anew: {path}", absent=True)

    def path(self, ref: SecretRef) -> Path:
        """Raises Terminal for a name that could leave the folder."""
        path = self._paths.get(ref)
        if path is None:
            form = _DIGEST if ref.source == PINNED else _GENERATED
            if not form.fullmatch(ref.location):
                what = "pinned secret" if ref.source == PINNED else "generated secret (wizard/NAME)"
                raise Terminal(f"this is no name of a {what}", where=ref.location)
            folder = PINNED if ref.source == PINNED else "generated"
            path = self._paths[ref] = self._folder / folder / ref.location
        return path

    def make(self, ref: SecretRef) -> None:
        """Makes a generated secret unless it is there, and clears what a killed attempt left."""
        path = self.path(ref)
        with told(str(path)):
            create(path, _fresh())

    def renew(self, ref: SecretRef) -> None:
        """Replaces a generated secret; a kill at any instant leaves the old one or the new one."""
        _put(self.path(ref), _fresh())

    def inherit(self, old: str, new: str) -> None:
        """Copies the generated secrets of one wizard to another, in place of what that had."""
        for path in self._made_for(old):
            target = self.path(SecretRef("generate", f"{new}/{path.name}"))
            with told(str(target)):
                private_folder(target.parent)
                _put(target, path.read_bytes())

    def forget(self, wizard: str) -> None:
        """Removes the generated secrets of a wizard."""
        for path in self._made_for(wizard):
            with told(str(path)):
                path.unlink(missing_ok=True)

    def _made_for(self, wizard: str) -> list[Path]:
        folder = self._folder / "generated" / wizard
        with told(str(folder)):
            found = sorted(folder.iterdir()) if folder.is_dir() else []
        return [path for path in found if _GENERATED.fullmatch(f"{wizard}/{path.name}")]

    def pin(self, digest: str, text: str) -> SecretRef:
        """Keeps this text; the same text is kept once."""
        ref = SecretRef(PINNED, digest)
        path = self.path(ref)
        with told(str(path)):
            create(path, f"{text}\n".encode())
        return ref

    def prune(self, needed: Collection[str]) -> None:
        """Removes the pinned texts that have none of these digests."""
        folder = self._folder / PINNED
        with suppress(OSError):  # nothing depends on it, and the next one tries again
            for path in folder.iterdir():
                if _DIGEST.fullmatch(path.name) and path.name not in needed:
                    path.unlink(missing_ok=True)


def _put(path: Path, data: bytes) -> None:
    with told(str(path)):
        folder = os.open(path.parent, FOLDER)
        try:
            replace(Spot(folder, path.name, str(path)), data, 0o600)
        finally:
            os.close(folder)


def _fresh() -> bytes:
    return f"{secrets.token_urlsafe(_BYTES)}\n".encode()
