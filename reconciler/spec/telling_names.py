"""Names that tell of a secret: those that say it, and those that may be about something else.

`api_key` and `SMTP_PASSWORD` say it. `key`, `auth`, `MAX_TOKENS` and `token_limit` may: they hold a word of secrets
somewhere. Not done here: what text under such a name is (secret_names.py).
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from itertools import pairwise


class Telling(Enum):
    SAYS = "says it"
    MAY = "may be about something else"


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_MADE_UP = ("password", "passwd", "passphrase", "mnemonic", "seedphrase")
_GROWN = re.compile(rf"(?:(?:api|private|secret|access)key|token|secret|{'|'.join(_MADE_UP)})(s?)")
"""Ends of a word, alone or grown together with others: MISTRALAPIKEY, SUPERSECRET."""
_KINDS_OF_KEY = frozenset({"api", "private", "secret", "access"})
_OTHER_KEYS = frozenset({"public", "publishable", "idempotency"})
"""Words before `key` that make it no secret."""
_ABOUT = frozenset({"id", "ids", "name", "names", "fingerprint", "thumbprint"})
"""Last words of names for what is no secret of the secret."""
_OF_VARIABLES = frozenset({"key", "pass", "pat", "credential", "credentials"})
"""Say it at the end of a variable's name; of other names they may."""
_MAY = frozenset(
    {
        *("key", "keys", "pass", "pat", "pats", "pw", "pwd", "jwt", "credential", "credentials"),
        *("auth", "authorization", "bearer", "cookie", "cookies"),
    }
)
"""Besides what `_GROWN` finds."""


@lru_cache(4096)
def telling(name: str, *, variable: bool = False) -> Telling | None:
    """What the name of a value tells; a name in capitals is that of a `variable`, whatever file sets it."""
    words = _words(name)
    if not words or is_harmless(name):
        return None
    if _says_it(words, variable=variable or name.isupper()):
        return Telling.SAYS
    return Telling.MAY if any(_may(word, first=at == 0) for at, word in enumerate(words)) else None


def is_password(name: str) -> bool:
    """Whether what it names is a secret however weak it looks: people make these up."""
    words = _words(name)
    return bool(words) and (words[-1].endswith(_MADE_UP) or (words[-1] == "pass" and _is_a_pass(words, name)))


def _is_a_pass(words: tuple[str, ...], name: str) -> bool:
    """`pass` and `SMTP_PASS`, and not `first_pass`."""
    return len(words) == 1 or name.isupper()


def is_harmless(name: str) -> bool:
    """Whether it says of itself that it is no secret: a public key, the name or the number of one."""
    words = _words(name)
    pairs = pairwise(words)
    return bool(words) and (
        words[-1] in _ABOUT
        or any(kind in _OTHER_KEYS and key in ("key", "keys") for kind, key in pairs)
        or words[-1].endswith(("publickey", "publickeys"))
    )


@lru_cache(4096)
def _words(name: str) -> tuple[str, ...]:
    """In small letters, without a number at the end."""
    words = [word.lower() for word in _WORD.findall(name)]
    if words[-2:] == ["seed", "phrase"]:
        words[-2:] = ["seedphrase"]
    return tuple(words[:-1] if words and words[-1].isdigit() else words)


def _says_it(words: tuple[str, ...], *, variable: bool) -> bool:
    before, last = (words[-2] if len(words) > 1 else ""), words[-1]
    if last == "key" and before in _KINDS_OF_KEY:
        return True
    if words == ("pass",):
        return True
    if last in ("pw", "pwd"):  # PWD alone is where a shell is
        return last == "pw" or bool(before)
    return _grown(last) == "" or (variable and last in _OF_VARIABLES)


def _may(word: str, *, first: bool) -> bool:
    return (word in _MAY and not (first and word == "pwd")) or _grown(word) is not None


def _grown(word: str) -> str | None:
    """The plural's "s", or nothing of it; None for a word that does not end so."""
    for found in _GROWN.finditer(word[-12:]):
        if found.end() == len(word[-12:]):
            return found[1]
    return None
