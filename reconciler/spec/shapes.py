"""What secrets look like: strings whose form gives them away, and random text under a name that sounds secret.

One small table of our own, because a scanner such as detect-secrets reads files and settings, and this floor is pure.
Forms that vendors document; each row says where it comes from. Every pattern reads on in one direction, so that no
text makes it slow. Not done here: where a secret stands, and what is said about it (plain_secrets.py, checks/).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from reconciler.spec.position import Severity


@dataclass(frozen=True, slots=True)
class Shape:
    """`what` it is, in words that follow "holds"; `source` is where the form comes from. `begins`: every text of this
    form begins with one of these, which are found a hundred times faster than the pattern matches."""

    what: str
    pattern: str
    source: str
    begins: tuple[str, ...] = ()


SHAPES = (
    Shape(
        "a private key",
        r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----",
        "detect-secrets, RFC 7468",
        ("-----BEGIN ",),
    ),
    Shape("a private key", r"PuTTY-User-Key-File-[0-9]", "detect-secrets", ("PuTTY-User-Key-File-",)),
    Shape(
        "a private age key",
        r"AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}",
        "age-encryption.org, age(1)",
        ("AGE-SECRET-KEY-1",),
    ),
    Shape("a private Nostr key", r"\bnsec1[02-9ac-hj-np-z]{58}\b", "Nostr NIP-19", ("nsec1",)),
    Shape(
        "a Telegram bot token",
        r"\b[0-9]{6,12}:[A-Za-z0-9_-]{32,40}(?![A-Za-z0-9_-])",
        "detect-secrets, Telegram Bot API",
    ),
    Shape(
        "an AWS access key",
        r"\b(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[A-Z0-9]{16}\b",
        "detect-secrets, AWS IAM identifiers",
        ("A3T", "ABIA", "ACCA", "AKIA", "ASIA"),
    ),
    Shape(
        "a GitHub token",
        r"\bgh[pousr]_[A-Za-z0-9_]{36}",
        "detect-secrets, GitHub token formats",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    ),
    Shape("a GitHub token", r"\bgithub_pat_[A-Za-z0-9_]{22}", "GitHub token formats", ("github_pat_",)),
    Shape(
        "a GitLab token",
        r"\bgl(?:pat|dt|ft|soat|rt|ptt)-[A-Za-z0-9_-]{20}",
        "detect-secrets, GitLab token prefixes",
        ("gl",),
    ),
    Shape("a Slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10}", "detect-secrets, Slack token types", ("xox",)),
    Shape(
        "a Slack webhook",
        r"\bhooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9_-]{6,}/",
        "detect-secrets",
        ("hooks.slack.com/",),
    ),
    Shape("a Discord bot token", r"\b[MNO][A-Za-z0-9_-]{23,26}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27}", "detect-secrets"),
    Shape(
        "a key of a model provider",
        r"(?<![\w-])sk-(?=[A-Za-z_-]{0,40}[0-9])[A-Za-z0-9_-]{16}",
        "OpenAI, Anthropic, OpenRouter",
        ("sk-",),
    ),
    Shape(
        "a key of a model provider",
        r"\b(?:gsk_|xai-|pplx-|fw_|r8_|nvapi-)[A-Za-z0-9]{24}",
        "Groq, xAI, Perplexity and others",
        ("gsk_", "xai-", "pplx-", "fw_", "r8_", "nvapi-"),
    ),
    Shape("a Hugging Face token", r"\bhf_[A-Za-z0-9]{30}", "Hugging Face", ("hf_",)),
    Shape("a Google API key", r"\bAIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])", "Google Cloud", ("AIza",)),
    Shape("a Stripe key", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{24}", "detect-secrets", ("rk_", "sk_")),
    Shape("a SendGrid key", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}", "detect-secrets", ("SG.",)),
    Shape("a Twilio key", r"\bSK[0-9a-f]{32}\b", "detect-secrets", ("SK",)),
    Shape(
        "a token of a package registry",
        r"\bnpm_[A-Za-z0-9]{36}\b|\bpypi-AgE[A-Za-z0-9_-]{40}",
        "detect-secrets",
        ("npm_", "pypi-AgE"),
    ),
    Shape("a DigitalOcean token", r"\bdo[opr]_v1_[0-9a-f]{64}\b", "DigitalOcean", ("doo_v1_", "dop_v1_", "dor_v1_")),
    Shape(
        "a JSON Web Token",
        r"(?<![\w-])eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{6,4000}\.[A-Za-z0-9_-]{6}",
        "detect-secrets, RFC 7519",
        ("eyJ",),
    ),
    Shape(
        "a token in an address",
        r"[?&](?:api[_-]?key|(?:access_|auth_)?token|secret|password)="
        r"(?=[A-Za-z_-]{0,40}[0-9])[A-Za-z0-9_-]{16}",
        "RFC 6750 (URI query parameter), and the same by other names",
        ("?", "&"),
    ),
    Shape(
        "a bearer token",
        r"\b[Bb]earer (?=[A-Za-z._~+/-]{0,40}[0-9])[A-Za-z0-9._~+/-]{20}",
        "RFC 6750 (authorization header)",
        ("Bearer ", "bearer "),
    ),
    Shape(
        "a password in an address",
        r"://[^\s:/?#@\"'<>${}\[\]]{1,100}:[^\s:/?#@\"'<>${}\[\]]{3,100}@",
        "detect-secrets",
        ("://",),
    ),
)

_ENV_NAME = re.compile(
    r"(?:^|_)(?:API)?(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASS|PAT|PASSPHRASE|CREDENTIALS?)$", re.IGNORECASE
)
_KEY_NAME = re.compile(
    r"(?:^|[_-]|(?<=[a-z0-9]))(?:(?:api|private|secret|access)[_-]?key|token|secret|passw(?:or)?d|passphrase)$",
    re.IGNORECASE,
)
_PASSWORD = re.compile(r"passw(?:or)?d$|passphrase$", re.IGNORECASE)
_NO_SECRET = re.compile(
    r"none|null|empty|dummy|unused|ollama|local|not[-_]?needed|[x*.-]+|<.*>|\$\w+|\$\{.*\}|\{\{.*\}\}", re.IGNORECASE
)
"""What people write where a program wants a key and nobody reads it, and references that something else resolves."""
_WORDS = re.compile(r"[a-z]+(?:[-_. /][a-z]+)*", re.IGNORECASE)
_PLACE = re.compile(r"[a-z][a-z0-9+.-]*://|[~.]?/", re.IGNORECASE)
_SHORTEST = 8
_BITS = 3.0
"""Bits a character above which text under a secret name counts as random: the limit of detect-secrets for hexadecimal
text. The name says the rest."""


def find_shapes(text: str) -> Iterator[tuple[int, str]]:
    """Every string in the text that has the form of a secret: its index, and what it is; of two that overlap, the
    first. One search for all forms at once would take seconds for a large file."""
    end = 0
    for start, stop, what in sorted(found for shape in SHAPES for found in _spans(shape, text)):
        if start >= end:
            end = stop
            yield start, what


def _spans(shape: Shape, text: str) -> Iterator[tuple[int, int, str]]:
    pattern = _compiled(shape.pattern)
    if not shape.begins:
        yield from ((found.start(), found.end(), shape.what) for found in pattern.finditer(text))
    for begin in shape.begins:
        at = text.find(begin)
        while at >= 0:
            if found := pattern.match(text, at):
                yield at, found.end(), shape.what
            at = text.find(begin, at + 1)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def variable_judged(name: str, value: str) -> Severity | None:
    """What a variable with this text in Git is: an error, a warning, or nothing to speak of."""
    return _judged(name, value) if _ENV_NAME.search(name) else None


def key_judged(name: str, value: str) -> Severity | None:
    """As `variable_judged`, for a key of a configuration file."""
    return _judged(name, value) if _KEY_NAME.search(name) else None


def _judged(name: str, value: str) -> Severity | None:
    if not value or _NO_SECRET.fullmatch(value) or next(find_shapes(value), None):
        return None  # the form of a secret is told where it stands in the file
    certain = _PASSWORD.search(name) or _is_random(value)
    return Severity.ERROR if certain else Severity.WARNING


def _is_random(value: str) -> bool:
    if len(value) < _SHORTEST or " " in value or _WORDS.fullmatch(value) or _PLACE.match(value):
        return False
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts) >= _BITS
