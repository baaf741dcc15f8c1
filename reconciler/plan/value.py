"""Values of fields as the plan sees them: known text, or a secret of which only a digest is known.

A known value is canonical JSON text, compared as text: `1`, `true` and `"1"` differ, key order does not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

FieldPath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """Canonical JSON text (sorted keys, no spaces)."""

    text: str
    type: Literal["known"] = "known"


@dataclass(frozen=True, slots=True)
class Hidden:
    """A secret: hex HMAC-SHA256 under the host's key. An empty digest: not made yet."""

    digest: str
    type: Literal["hidden"] = "hidden"


@dataclass(frozen=True, slots=True, order=True)
class SecretRef:
    """Names a secret and says where it comes from; never its text.

    `source` is "generate", "env" or "file"; `location` is the variable's name, the file's path, or for a
    generated one its id on the host, such as `ezra/API_SERVER_KEY`.
    """

    source: str
    location: str
    type: Literal["secret"] = "secret"


Value = Known | Hidden
Fields = tuple[tuple[FieldPath, Value], ...]
"""Sorted by path, each path once."""


def known(value: object) -> Known:
    """Canonical form of a JSON-like value (mappings, lists or tuples, strings, numbers, booleans, None)."""
    return Known(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str))
