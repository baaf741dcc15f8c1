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

    `source` is "generate", "env", "file", "age" or "pinned"; `location` is the variable's name, the file's path, for a
    generated one its id on the host (`ezra/API_SERVER_KEY`), for an encrypted one the ciphertext as base64, and for a
    version kept on the host its digest there.
    """

    source: str
    location: str
    type: Literal["secret"] = "secret"

    @property
    def short(self) -> str:
        """The location for people: of a ciphertext or digest its end, by which it is found in the fleet's files."""
        return f"…{self.location[-8:]}" if self.source in ("age", "pinned") else self.location


# json.dumps would make an encoder for each value.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)

Value = Known | Hidden
Fields = tuple[tuple[FieldPath, Value], ...]
"""Sorted by path, each path once."""


def known(value: object) -> Known:
    """Canonical form of a JSON-like value (mappings, lists or tuples, strings, numbers, booleans, None)."""
    return Known(_ENCODER.encode(value))
