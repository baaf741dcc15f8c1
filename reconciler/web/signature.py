"""Is a delivery signed with our secret: HMAC-SHA256 of its text, compared in constant time.

Gitea and Forgejo sign with SHA-256 as X-Gitea-Signature, X-Forgejo-Signature, X-Gogs-Signature (hex) and
X-Hub-Signature-256 ("sha256=" and hex). Every one that is present has to be right; X-Hub-Signature (SHA-1) is passed
over. Not done here: replays (replays.py).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence

SIGNATURES = {
    "x-gitea-signature": "",
    "x-forgejo-signature": "",
    "x-gogs-signature": "",
    "x-hub-signature-256": "sha256=",
}
"""Headers that carry one, with what stands before the digits."""
DIGITS = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)


def signatures(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Those of the headers that carry a signature, repeated ones too."""
    return tuple((name.lower(), value) for name, value in headers if name.lower() in SIGNATURES)


def objection(found: Sequence[tuple[str, str]], texts: Sequence[bytes], secret: bytes | None) -> str:
    """Why the delivery is not believed, "" when it is: each signature fits one of the texts (the body, or the JSON in a
    form). The words never hold a right signature."""
    if not found:
        return "it carries no signature"
    for name, value in found:
        if not DIGITS.fullmatch(value.removeprefix(SIGNATURES[name])):
            return f"{name} is empty" if not value.removeprefix(SIGNATURES[name]) else f"{name} is not a signature"
        if not value.startswith(SIGNATURES[name]):
            return f"{name} is not a signature"
    if not secret:
        return "no webhook secret is set here, so no signature can be checked"
    right = [hmac.new(secret, text, hashlib.sha256).hexdigest().encode() for text in texts]
    for name, value in found:
        given = value.removeprefix(SIGNATURES[name]).lower().encode()
        if not any([hmac.compare_digest(given, one) for one in right]):
            return f"{name} does not fit the body and our secret"
    return ""
