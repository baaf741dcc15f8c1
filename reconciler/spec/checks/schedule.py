"""Cron schedules: five fields in their ranges. Not done here: when a line is due."""

from __future__ import annotations

import re

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMES = {**{name: n for n, name in enumerate(_MONTHS, 1)}, **{name: n for n, name in enumerate(_DAYS)}}
_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 7, _DAYS),
)
_PART = re.compile(r"(?:\*|([0-9]{1,2}|[a-z]{3})(?:-([0-9]{1,2}|[a-z]{3}))?)(?:/([0-9]{1,2}))?\Z")


def wrong_field(schedule: str) -> str:
    """What is wrong with a schedule of five fields; "" when it is right."""
    for text, (name, low, high, names) in zip(schedule.split(" "), _FIELDS, strict=False):
        if not all(_fits(part, low, high, names) for part in text.lower().split(",")):
            return f"the {name} of the schedule must be within {low}-{high}"
    return ""


def _fits(part: str, low: int, high: int, names: tuple[str, ...]) -> bool:
    found = _PART.match(part)
    if not found:
        return False
    first, last, step = found.groups()
    ends = [_number(end, names) for end in (first, last) if end]
    if step is not None and not 1 <= int(step) <= high:
        return False
    return all(low <= end <= high for end in ends) and ends == sorted(ends)


def _number(text: str, names: tuple[str, ...]) -> int:
    if text.isdigit():
        return int(text)
    return _NAMES[text] if text in names else -1
