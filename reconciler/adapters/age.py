"""Values of Git that are encrypted to this host (age, X25519): its key, and reading them.

The private key is made at first use, in a file of its own (0600) in the form of age-keygen, so that the program `age`
can use it too. Looking makes nothing. Not done here: what is whole (spec/age.py), digests (secrets.py).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.adapters.atomic import create
from reconciler.adapters.disk_errors import told
from reconciler.adapters.secret_text import MAX_BYTES, MissingError, SecretFiles
from reconciler.errors import Terminal

if TYPE_CHECKING:
    from pyrage import x25519

_PRIVATE = "AGE-SECRET-KEY-"


class HostKey:
    """The key at `path`. Remembers what it has decrypted, so that a pass with nothing to do decrypts nothing twice."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = SecretFiles()
        self._identity: tuple[str, x25519.Identity] | None = None
        self._known: dict[str, str] = {}

    def public(self) -> str:
        """The public key, age1...; makes the private one when there is none. Raises Terminal when it is damaged."""
        try:
            if self._read() is None:
                self._make()
            identity = self._read()
        except MissingError as error:
            raise Terminal(str(error)) from error
        if identity is None:
            raise Terminal("the key vanished while it was made", where=str(self._path))
        return str(identity.to_public())

    def decrypt(self, body: str) -> str:
        """The text of a value in base64. Raises MissingError, with the mend, when this host can't read it."""
        identity = self._read()
        if identity is None:
            raise MissingError(
                "this host has no key for encrypted values yet "
                "(run `reconciler secret key` on it, and encrypt the value to the key that it prints)"
            )
        text = self._known.get(body)
        if text is None:
            text = self._known[body] = _decrypted(body, identity)
        return text

    def _read(self) -> x25519.Identity | None:
        from pyrage import IdentityError, x25519

        path = str(self._path)
        mend = "bring it back from a backup; without it, delete it, and encrypt every value of this host again"
        text = self._files.read(path, mend, absent=True, comments=True)
        if text is None:
            return None
        if self._identity is None or self._identity[0] != text:
            try:
                self._identity = (text, x25519.Identity.from_str(text))
            except IdentityError as error:
                raise MissingError(f"the key at {path} is damaged ({mend})") from error
            self._known.clear()
        return self._identity[1]

    def _make(self) -> None:
        from pyrage import x25519

        identity = x25519.Identity.generate()
        with told(str(self._path)):
            # Another process may be first; its key counts.
            create(self._path, f"# public key: {identity.to_public()}\n{identity}\n".encode())


def sealer(recipients: Sequence[str]) -> Callable[[str], str]:
    """Gives text as base64 on one line, encrypted for all of these public keys. Raises Terminal for what is none."""
    from pyrage import encrypt

    keys = [_recipient(text) for text in recipients]
    return lambda text: base64.b64encode(encrypt(text.encode(), keys)).decode("ascii")


def _recipient(text: str) -> x25519.Recipient:
    from pyrage import RecipientError, x25519

    if text.upper().startswith(_PRIVATE):
        raise Terminal("this is a private key", mend="name the public one, age1..., and make a new pair")
    try:
        return x25519.Recipient.from_str(text)
    except RecipientError as error:
        mend = "write what `reconciler secret key` prints on the host"
        raise Terminal("this is no public age key", where=text, mend=mend) from error


def _decrypted(body: str, identity: x25519.Identity) -> str:
    from pyrage import DecryptError, decrypt

    public = identity.to_public()
    mend = f"encrypt it again, to {public}"
    try:
        data = decrypt(base64.b64decode(body, validate=True), [identity])
    except (binascii.Error, ValueError) as error:
        raise MissingError(f"the encrypted value …{body[-8:]} is damaged ({mend})") from error
    except DecryptError as error:
        why = "is not for this host's key, or is damaged"
        raise MissingError(f"the encrypted value …{body[-8:]} {why} ({mend})") from error
    if len(data) > MAX_BYTES:
        raise MissingError(f"the encrypted value …{body[-8:]} is over 64 KiB, too large for a secret ({mend})")
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise MissingError(f"the encrypted value …{body[-8:]} is not UTF-8 text ({mend})") from error
