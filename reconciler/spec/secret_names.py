"""What text under a name is, or beside one in running text: an error, a warning, or nothing to speak of.

Under a name that says it, even weak text is worth a warning. Under one that may be about something else, and below such
names, only text that looks random counts. Not done here: forms that give a secret away under any name (shapes.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from reconciler.spec.likeness import holds_random, is_mixed, is_no_placeholder, is_uuid, stands_for_none
from reconciler.spec.position import Severity
from reconciler.spec.shapes import has_shape
from reconciler.spec.telling_names import Telling, is_harmless, is_password, telling

_OPTION = re.compile(r"--?([A-Za-z][\w-]*)")
_PAIR = re.compile(r"-{0,2}([A-Za-z][\w-]*)(?:=|: ?)(\S+)")
_LEAST_DIGITS = 8
_LEAST_DIGITS_OF_A_PASSWORD = 4


def variable_judged(name: str, value: str) -> Severity | None:
    """What a variable with this text in Git is: an error, a warning, or nothing to speak of."""
    return _judged(name, value, telling(name, variable=True))


def key_judged(name: str, value: str | float) -> Severity | None:
    """As `variable_judged`, for a key of a configuration file. A name in capitals is that of a variable, which the file
    sets for some program. Small numbers are counts and limits."""
    if isinstance(value, str):
        return _judged(name, value, telling(name))
    digits = sum(letter.isdigit() for letter in str(value))
    few = _LEAST_DIGITS_OF_A_PASSWORD if is_password(name) else _LEAST_DIGITS
    return _judged(name, str(value), telling(name)) if digits >= few else None


def judged_below(names: Iterable[str], own: str, value: str) -> Severity | None:
    """As `key_judged`, for text at any depth below keys with these names, such as `api_keys: {mistral: ...}`."""
    told = not is_harmless(own) and any(map(telling, names))
    return _judged(own, value, Telling.MAY) if told else None


def argument_judged(before: object, value: str) -> Severity | None:
    """As `key_judged`, for an item of a list, such as the arguments of a program: `--api-key VALUE` in two items
    (`before` is the one before this one, if any), and `NAME=VALUE` or `Name: VALUE` in one."""
    option = _OPTION.fullmatch(before) if isinstance(before, str) else None
    if option and not value.startswith("-") and (severity := key_judged(option[1], value)):
        return severity
    pair = _PAIR.fullmatch(value)
    # A form that needs its name is told already, and can't be seen in the value alone.
    return key_judged(pair[1], pair[2]) if pair and not has_shape(value) else None


def _judged(name: str, value: str, told: Telling | None) -> Severity | None:
    if told is None or not value or stands_for_none(value) or has_shape(value):
        return None  # the form of a secret is told where it stands in the file
    if told is Telling.MAY:
        # A UUID is more often the number of something.
        return (Severity.WARNING if is_uuid(value) else Severity.ERROR) if holds_random(value) else None
    certain = is_mixed(value) or (is_password(name) and is_no_placeholder(value))
    return Severity.ERROR if certain else Severity.WARNING
