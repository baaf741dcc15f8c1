"""Secrets of this host: made once and kept below the state folder, encrypted to it in Git, or read from our environment
or a file.

What leaves here is a digest under the host's key, or the text towards a wizard's own files. Observing writes nothing:
until the first secret is revealed the host's key lives in memory only. Not done here: deciding who gets a secret.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
import stat
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from threading import Lock

from reconciler.adapters.age import HostKey
from reconciler.adapters.atomic import create
from reconciler.adapters.disk_errors import told
from reconciler.adapters.secret_store import SecretStore
from reconciler.adapters.secret_text import MissingError, SecretFiles, checked
from reconciler.errors import Retryable, Terminal
from reconciler.plan.fact import SecretFact
from reconciler.plan.fields import PINNED
from reconciler.plan.value import SecretRef

_SHORTEST = 4
_KEY_BYTES = 32


class HostSecrets:
    """See `protocols.secrets.Secrets`. `state` is the reconciler's own folder (0700), `environ` its own environment."""

    def __init__(self, state: Path, environ: Mapping[str, str]) -> None:
        self._folder = state / "secrets"
        self._environ = environ
        self._files = SecretFiles()
        self._key: bytes | None = None
        self._saved = False
        self._texts: set[str] = set()
        self._store = SecretStore(self._folder, self._files)
        self._age = HostKey(self._folder / "age.key")
        self._renewing: set[SecretRef] = set()
        self._facts: dict[SecretRef, tuple[bytes | None, str, SecretFact]] = {}
        self._lock = Lock()

    def observe(self, refs: Iterable[SecretRef]) -> Mapping[SecretRef, SecretFact]:
        return {ref: self._fact(ref) for ref in set(refs)}

    def _fact(self, ref: SecretRef) -> SecretFact:
        try:
            text = self._text(ref)
        except MissingError as error:
            return SecretFact("", str(error))
        if text is None or ref in self._renewing:
            return SecretFact("")
        seen = self._facts.get(ref)
        if seen is None or seen[:2] != (self._key, text):
            digest = self.digest(text)
            seen = self._facts[ref] = (self._key, text, SecretFact(digest))
        return seen[2]

    def reveal(self, ref: SecretRef) -> str:
        self.prepare()
        try:
            text = self._text(ref)
            if text is None:
                self._store.make(ref)
                text = self._text(ref)
        except MissingError as error:
            raise Retryable(str(error), where=f"secret {ref.short}") from error
        if text is None:
            raise Retryable("the secret vanished while it was made", where=f"secret {ref.short}")
        return text

    def renew(self, ref: SecretRef) -> None:
        if ref.source != "generate" or not self._store.path(ref).exists():
            what = "this secret is not made by this host, or not yet"
            raise Terminal(what, where=f"secret {ref.short}", mend="change it where it comes from")
        self._renewing.add(ref)

    def make(self, ref: SecretRef) -> None:
        with self._lock:
            due = ref in self._renewing
            if due:
                self._text(ref)  # what is replaced is a secret all the same, and stays out of every message
                self._store.renew(ref)
                self._renewing.remove(ref)
        if not due:
            self.reveal(ref)
            if ref.source == "generate":
                self._store.make(ref)

    def inherit(self, old: str, new: str) -> None:
        with self._lock:
            self._store.inherit(old, new)

    def forget(self, wizard: str) -> None:
        with self._lock:
            self._store.forget(wizard)

    def pin(self, ref: SecretRef) -> SecretRef:
        """A pinned reference is pinned already."""
        if ref.source == PINNED:
            return ref
        text = self.reveal(ref)
        return self._store.pin(self.digest(text), text)

    def prune(self, pinned: Iterable[SecretRef]) -> None:
        with self._lock:
            self._store.prune({ref.location for ref in pinned if ref.source == PINNED})

    def prepare(self) -> None:
        """Keeps the host's key on disk, so that digests stay comparable. Done by the first reveal by itself."""
        path = self._folder / "host.key"
        with self._lock, told(str(path)):
            if not self._saved:
                create(path, f"{(self._key or secrets.token_bytes(_KEY_BYTES)).hex()}\n".encode())
                # Another process may have been first; its key counts.
                self._key, self._saved = _read_key(path), True

    def digest(self, text: str) -> str:
        key = self._key or self._first_key()
        return hmac.new(key, text.encode("utf-8", "surrogatepass"), sha256).hexdigest()

    def redact(self, text: str) -> str:
        """Longest first, so that a secret inside another one does not leave the rest of it standing. The places of a
        text of a few characters would tell what it is, in words that nobody could read any more."""
        for secret in sorted((t for t in self._texts if len(t) >= _SHORTEST), key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    def exposed(self, refs: Iterable[SecretRef]) -> tuple[str, ...]:
        """A sentence for each secret file that every user of the host can read."""
        paths = sorted({ref.location for ref in refs if ref.source == "file"})
        return tuple(
            f"{path} can be read by every user of this host (chmod 600 {path})" for path in filter(_open, paths)
        )

    def _first_key(self) -> bytes:
        path = self._folder / "host.key"
        with self._lock, told(str(path)):
            if self._key is None:
                self._saved = path.exists()
                self._key = _read_key(path) if self._saved else secrets.token_bytes(_KEY_BYTES)
            return self._key

    def _text(self, ref: SecretRef) -> str | None:
        """The text; None when it is still to be made. Raises MissingError with the mend."""
        text = self._find(ref)
        if text:
            self._texts.add(text)
        return text

    def _find(self, ref: SecretRef) -> str | None:
        match ref.source:
            case "generate" | "pinned":
                return self._store.read(ref)
            case "age":
                place = f"the encrypted value {ref.short}"
                return checked(self._age.decrypt(ref.location), place, "encrypt another text")
            case "env":
                return self._from_environment(ref.location)
            case "file":
                return self._files.read(ref.location, f"write the secret into {ref.location} (chmod 600)")
        raise Terminal(f"unknown source of a secret: {ref.source}", where=ref.short)

    def _from_environment(self, name: str) -> str:
        mend = f"set {name} in the reconciler's own environment"
        text = self._environ.get(name)
        if not text:
            raise MissingError(f"the variable {name} is {'not set' if text is None else 'empty'} ({mend})")
        return checked(text, f"the variable {name}", mend)


def _read_key(path: Path) -> bytes:
    text = path.read_text("utf-8", "replace").strip()
    if not re.fullmatch(rf"[0-9a-f]{{{2 * _KEY_BYTES}}}", text):
        raise Terminal(
            "the host's key is damaged",
            where=str(path),
            mend="bring it back from a backup; without it, delete it, and every secret counts as changed once",
        )
    return bytes.fromhex(text)


def _open(path: str) -> bool:
    try:
        return bool(os.stat(path).st_mode & stat.S_IROTH)  # noqa: PTH116
    except OSError:
        return False
