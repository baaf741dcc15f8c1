"""Turns what was read of a file into its fact, in the form that plan/fact.py documents.

Not done here: reading, remembering.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import BinaryIO

from reconciler.plan.fact import Present
from reconciler.plan.value import FieldPath, Hidden, Known, Value, known

MAX_TEXT = 1024 * 1024
_MAX_HASHED = 64 * MAX_TEXT


def mode_value(found: os.stat_result) -> Known:
    """Four octal digits as text: "0700"."""
    return known(f"{stat.S_IMODE(found.st_mode):04o}")


def directory(found: os.stat_result) -> Present:
    return Present(((("mode",), mode_value(found)),))


def link(target: str) -> Present:
    return Present(((("target",), known(target)),))


def text_file(found: os.stat_result, file: BinaryIO) -> Present:
    return Present(((("mode",), mode_value(found)), (("text",), _text(found, file))))


def _text(found: os.stat_result, file: BinaryIO) -> Known:
    """The text; of what is too large or no UTF-8, a mapping that no text equals."""
    data = file.read(MAX_TEXT + 1)
    if len(data) <= MAX_TEXT:
        try:
            return known(data.decode("utf-8"))
        except UnicodeDecodeError:
            return known({"sha256": sha256(data).hexdigest(), "bytes": len(data)})
    digest = sha256(data)
    done = len(data)
    while done < _MAX_HASHED and (data := file.read(MAX_TEXT)):
        digest.update(data)
        done += len(data)
    # Of a file so large that hashing it would stall the pass, size and time of change stand for the rest.
    return known({"sha256": digest.hexdigest(), "bytes": found.st_size, "changed": found.st_mtime_ns})


def keyed_file(
    found: os.stat_result,
    leaves: Mapping[FieldPath, object],
    open_keys: frozenset[FieldPath],
    digest: Callable[[str], str],
) -> Present:
    """Every leaf; those that are not declared in the open are digests only."""
    above = {path[:length] for path in open_keys for length in range(len(path))}
    fields: list[tuple[FieldPath, Value]] = [(("mode",), mode_value(found))]
    for path, value in leaves.items():
        shown = path in above or any(path[:length] in open_keys for length in range(len(path) + 1))
        fields.append((("key", *path), known(value) if shown else Hidden(digest(_secret_text(value)))))
    return Present(tuple(sorted(fields, key=_path)))


def _path(entry: tuple[FieldPath, Value]) -> FieldPath:
    return entry[0]


def _secret_text(value: object) -> str:
    """What a secret's digest is made of: the plain text, so that it equals the digest of the secret itself."""
    return value if isinstance(value, str) else known(value).text
