"""Exit codes, the same for every verb."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """`interrupted` is what a shell gives to Ctrl-C."""

    DONE = 0
    ERROR = 1
    CHANGES = 2
    REFUSED = 3
    INTERRUPTED = 130
