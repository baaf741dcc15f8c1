"""The file with the secret that Gitea signs its deliveries with: made once, private, never shown.

A fresh text stands in FILE.new until the forge has it; only then does it become FILE. So FILE is there exactly when
both sides have the same text, wherever a run was interrupted.
Not done here: telling the forge (gitea_setup.py).
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from reconciler.adapters.atomic import create
from reconciler.adapters.disk_errors import told
from reconciler.adapters.secret_text import MissingError, SecretFiles
from reconciler.errors import Terminal

_BYTES = 32


class WebhookSecretFile:
    """See `protocols.set_up.SharedSecret`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fresh = path.with_name(f"{path.name}.new")

    def agreed(self) -> str | None:
        return self._read(self._path, absent=True)

    def fresh(self) -> str:
        with told(str(self._path)):
            create(self._fresh, f"{secrets.token_hex(_BYTES)}\n".encode())
        return self._read(self._fresh, absent=False) or ""

    def settle(self) -> None:
        with told(str(self._path)):
            self._fresh.rename(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _read(self, path: Path, *, absent: bool) -> str | None:
        try:
            return SecretFiles().read(str(path), "name another with --secret-file, or delete it", absent=absent)
        except MissingError as error:
            raise Terminal(f"the secret of the webhook can't be used: {error}", where="web.webhook_secret") from error


class WebhookSecretGiven:
    """A secret that somebody else provides, such as one in the environment."""

    def __init__(self, text: str) -> None:
        self._text = text

    def agreed(self) -> str | None:
        return self._text

    def fresh(self) -> str:
        return self._text

    def settle(self) -> None:
        """Nothing to keep."""
