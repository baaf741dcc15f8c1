"""Shares of time as people read them."""

from __future__ import annotations

import pytest

from reconciler.plan.lasting import lasting
from reconciler.plan.presence import Uptime
from reconciler.render.uptime import enough, percent, uptime_text

DAY = 86_400.0


@pytest.mark.parametrize(
    ("ratio", "said"),
    [(None, "-"), (0.0, "0.0%"), (0.5, "50.0%"), (0.9929, "99.2%"), (0.95, "95.0%"), (0.99999, "99.9%"), (1.0, "100%")],
)
def test_percent_is_never_rounded_up(ratio: float | None, said: str) -> None:
    assert percent(ratio) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (-3, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (3600, "1 h"),
        (5400, "1 h 30 min"),
        (DAY, "24 h"),
        (1.5 * DAY, "36 h"),
        (7 * DAY, "7 d"),
        (2 * DAY + 7200, "2 d 2 h"),
    ],
)
def test_spans(seconds: float, said: str) -> None:
    assert lasting(seconds) == said


@pytest.mark.parametrize(
    ("uptime", "seconds", "said"),
    [
        (Uptime(), DAY, "not watched in 24 h"),
        (Uptime(0.992 * DAY, DAY), DAY, "99.2% of 24 h (seed asks 95%)"),
        (Uptime(10_800, 10_800), 7 * DAY, "100% of the 3 h watched in 7 d (seed asks 95%)"),
    ],
)
def test_uptime(uptime: Uptime, seconds: float, said: str) -> None:
    assert uptime_text(uptime, seconds) == said


def test_enough_is_what_the_seed_asks() -> None:
    assert [enough(Uptime(up, 100)) for up in (94.9, 95, 100)] == [False, True, True]
    assert enough(Uptime()) is None
