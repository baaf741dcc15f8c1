"""Secrets that stand beside their name in running text: `api_key: ...` in a comment, in a note, in JSON or in a header.

Only text that looks random counts here: prose writes many things behind a colon. Not done here: values that YAML gives
a name (secret_names.py), and forms that need no name (shape_table.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.spec.likeness import holds_random, is_uuid, looks_random, stands_for_none
from reconciler.spec.telling_names import Telling, telling

PAIR = "a secret under its name"
_VALUE = re.compile(r"[:=] {0,3}\\?[\"']?([^\s\"'\\,;(){}\[\]<>$`]{8,200})")
_EMAN = re.compile(r" ?[\"']?\\?([\w-]{1,64})")
"""The name, quoted or not, from its end to its beginning."""
_BEFORE = 72
"""Characters before the colon that are looked at."""


def find_pairs(text: str) -> Iterator[tuple[int, int, str]]:
    """Start and end of every such value, and what it is."""
    for found in _VALUE.finditer(text):
        start = found.start()
        name = _EMAN.match(text[max(0, start - _BEFORE) : start][::-1])
        if name and _is_one(telling(name[1][::-1]), found[1]):
            yield found.start(1), found.end(1), PAIR


def _is_one(told: Telling | None, value: str) -> bool:
    if told is None or stands_for_none(value):
        return False
    return looks_random(value) if told is Telling.SAYS else holds_random(value) and not is_uuid(value)
