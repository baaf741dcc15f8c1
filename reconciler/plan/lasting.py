"""How long something took or lasted, as people say it."""

from __future__ import annotations

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def lasting(seconds: float) -> str:
    """`45 s`, `12 min`, `24 h`, `7 d`, `1 h 30 min`: the two largest units, whole."""
    rest = max(round(seconds), 0)
    if rest < 120:
        return f"{rest} s"
    parts = []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if unit == "d" and count == 1:
            count, rest = 0, rest + size  # a day reads better as hours
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])
