"""What tells that a file is unchanged without reading it: its stat signature, and whether that may be trusted yet.

Two writes inside one tick of the kernel's clock leave the same times, so a signature taken within a tick of the last
change proves nothing ("racy"). Not done here: reading files.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from operator import attrgetter

Signature = tuple[int, int, int, int, int, int]

signature: Callable[[os.stat_result], Signature] = attrgetter(
    "st_ino", "st_mtime_ns", "st_ctime_ns", "st_size", "st_mode", "st_dev"
)
"""ctime is part of it because mtime can be set back, the mode because it is a fact itself. (Built in C: a pass takes
one for each of 11,000 resources.)"""

# A kernel without fine-grained times ticks every 1 to 10 ms.
_TICK_NS = 100_000_000
# File systems that keep whole seconds (ext3) or two of them (FAT).
_COARSE_TICK_NS = 2_100_000_000
_SECOND_NS = 1_000_000_000


def settled(stat: os.stat_result, now_ns: int) -> bool:
    """Whether a later change is sure to give another signature, for content that was read at `now_ns`."""
    newest = max(stat.st_mtime_ns, stat.st_ctime_ns)
    coarse = stat.st_mtime_ns % _SECOND_NS == 0 and stat.st_ctime_ns % _SECOND_NS == 0
    return now_ns - newest > (_COARSE_TICK_NS if coarse else _TICK_NS)
