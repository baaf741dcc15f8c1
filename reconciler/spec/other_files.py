"""Files below the fleet folder that declare nothing: souls, notes, .env, copies. Git keeps a secret in them as well.

Not done here: whether a file is one of them (load.py), what a soul has to be (souls.py).
"""

from __future__ import annotations

from reconciler.spec.plain_secrets import plain_secrets
from reconciler.spec.position import Problem
from reconciler.spec.read import ReadFile


def read_other(path: str, data: bytes) -> ReadFile:
    """Never raises; nothing but secrets in its text is wrong with it."""
    return ReadFile((), tuple(other_secrets(path, data)), whole=True)


def other_secrets(path: str, data: bytes) -> list[Problem]:
    """Every secret in plain text, in its order. Binary files (with a NUL) hold none that can be told; bytes that are
    not UTF-8 hide none."""
    if b"\0" in data:
        return []
    return plain_secrets(path, data.decode("utf-8", "replace").removeprefix("\ufeff"))
