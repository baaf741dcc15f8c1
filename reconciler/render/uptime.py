"""How much of a time a wizard was up, in words: `99.2% of 24 h (seed asks 95%)`.

A share is cut, never rounded up: 100% is said only when it was never down.
"""

from __future__ import annotations

import math

from reconciler.plan.lasting import lasting
from reconciler.plan.presence import Uptime

SEED_ASKS = 95.0
"""Percent."""
_WHOLE = 0.98
"""Share of a time from which on it counts as watched to the end."""


def percent(ratio: float | None) -> str:
    """`99.2%`, `100%`; "-" when nothing was watched."""
    if ratio is None:
        return "-"
    cut = math.floor(ratio * 1000 + 1e-9) / 10
    return "100%" if ratio >= 1 else f"{min(cut, 99.9):.1f}%"


def uptime_text(uptime: Uptime, seconds: float, asked: float = SEED_ASKS) -> str:
    """How it was in the last so many seconds: `99.2% of 24 h (seed asks 95%)`, `100% of the 3 h watched in 7 d (seed
    asks 95%)`, `not watched in 24 h`."""
    if uptime.ratio is None:
        return f"not watched in {lasting(seconds)}"
    whole = uptime.watched_seconds >= _WHOLE * seconds
    time = lasting(seconds) if whole else f"the {lasting(uptime.watched_seconds)} watched in {lasting(seconds)}"
    return f"{percent(uptime.ratio)} of {time} (seed asks {asked:g}%)"


def enough(uptime: Uptime, asked: float = SEED_ASKS) -> bool | None:
    """Whether it was up as much as is asked; None when nothing was watched."""
    return None if uptime.ratio is None else uptime.ratio * 100 >= asked
