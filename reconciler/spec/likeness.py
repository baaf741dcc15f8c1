"""What the text of a secret is like: random, a password, a login; and what people write in its place.

Not done here: forms that vendors give their keys (shape_table.py), names that sound secret (secret_names.py).
"""

from __future__ import annotations

import math
import re
from base64 import b64decode
from collections import Counter

_REFERENCE = re.compile(
    r"none|null|empty|dummy|unused|ollama|local|not[-_]?needed|[x*.-]+|<.*>|\$\w+|\$\{.*\}|\{\{.*\}\}"
    r"|ssh-(?:ed25519|rsa) .*|age1[02-9ac-hj-np-z]{58}",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(
    r"(?:env|file|vault|op|secrets?|secret[-_]?ref|ssm|sm|sops|keyring|keychain|pass|bw|doppler|infisical|k8s):\S+"
    r"|arn:aws[a-z-]*:(?:secretsmanager|ssm):\S+|projects/[\w-]+/secrets/[\w/-]+",
    re.IGNORECASE,
)
"""References that other tools resolve."""
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_PLACEHOLDER = re.compile(
    r"(?i:(?<![a-z0-9])your|x{6}|placeholder|redacted)|EXAMPLE(?:KEY)?$|[-_](?i:example)$|ABC-DEF1234ghIkl"
)
"""Words of manuals; the last is the bot token of Telegram's."""
_PLAIN_WORDS = frozenset({"password", "passwd", "passwort", "pass", "pwd", "pw", "secret", "token"})
_PIECE = re.compile(r"[A-Za-z0-9]+")
_WORD = r"(?:[A-Z]?[a-z]{3,}+|[A-Z]{3,}+)*+"
_READABLE = re.compile(f"{_WORD}[0-9]*+{_WORD}")
"""Words, also grown together, with one number among them. Possessive, so that no text makes it slow."""
_SHORT, _LONG = 5, 24
"""Characters up to which a piece of a name may be anything (v2, gpt4o), and beyond which nobody reads it as a word."""
_LEAST_UNREADABLE = 8
_LEAST_ITEM = 16
_SHORTEST = 8
_BITS = 3.0
"""Bits a character above which text under a secret name counts as random: the limit of detect-secrets for hexadecimal
text. The name says the rest."""
_WORDS = re.compile(r"[a-z]+(?:[-_. /][a-z]+)*", re.IGNORECASE)
_PLACE = re.compile(r"[a-z][a-z0-9+.-]*://|[~.]?/", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\s,;]+")


def stands_for_none(text: str) -> bool:
    """What people write where a program wants a key and nobody reads it, references that something else resolves, and
    public keys."""
    return bool(_REFERENCE.fullmatch(text) or (_ELSEWHERE.fullmatch(text) and not looks_random(text)))


def is_uuid(text: str) -> bool:
    return bool(_UUID.fullmatch(text))


def is_no_placeholder(text: str) -> bool:
    """Whether nothing in it says that the real one is to be put there."""
    return not _PLACEHOLDER.search(text)


def looks_random(text: str) -> bool:
    """Whether too much of it is nothing that a person would name something: `sk-learn-contrib-2024` is made of words
    and numbers, and a key is not."""
    unreadable = sum(len(piece) for piece in _PIECE.findall(text) if not _is_readable(piece))
    return unreadable >= _LEAST_UNREADABLE and is_no_placeholder(text)


def holds_random(text: str) -> bool:
    """Whether it, or an item of it where it is a list, is long, looks random and is no path or address."""
    items = _SEPARATORS.split(text)
    return any(len(item) >= _LEAST_ITEM and not _PLACE.match(item) and looks_random(item) for item in items)


def is_no_variable(name: str) -> bool:
    """Whether the name of a variable looks like a secret that was put in its place: long, random, and with digits
    and not in capitals alone."""
    mixed = not name.isupper() and any(letter.isdigit() for letter in name)
    return len(name) >= _LEAST_ITEM and mixed and looks_random(name)


def _is_readable(piece: str) -> bool:
    return len(piece) <= _SHORT or (len(piece) <= _LONG and bool(_READABLE.fullmatch(piece)))


def is_mixed(text: str) -> bool:
    """Less than `looks_random`, for text under a name that says the rest; of a list, any item."""
    return is_no_placeholder(text) and any(_is_mixed(item) for item in _SEPARATORS.split(text))


def _is_mixed(item: str) -> bool:
    if len(item) < _SHORTEST or _WORDS.fullmatch(item) or _PLACE.match(item):
        return False
    counts = Counter(item).values()
    return -sum(count / len(item) * math.log2(count / len(item)) for count in counts) >= _BITS


def is_password(text: str) -> bool:
    """Whether it can be the password of an address: anything but the word itself and what stands for another."""
    return text.lower() not in _PLAIN_WORDS and is_no_placeholder(text) and not stands_for_none(text)


def is_login(text: str) -> bool:
    """Whether it is a user and a password as basic authentication writes them (RFC 7617)."""
    try:
        login = b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    except ValueError:
        return False
    _, colon, password = login.partition(":")
    return bool(colon) and bool(password) and login.isprintable() and is_password(password)
