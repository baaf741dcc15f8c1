"""What a plain YAML scalar means: the YAML 1.2 core schema, whatever other readers make of it.

Only true, false, null, whole numbers and numbers are not text. `no`, `on`, `12:30`, `1_000` and dates are text. A whole
number with a leading zero (`0777`) is 777 to one reader and 511 to another, so it is refused; so are .inf and .nan,
which JSON does not have.
"""

from __future__ import annotations

import math
import re

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {
    name: value for word, value in (("true", True), ("false", False)) for name in (word, word.title(), word.upper())
}
_INT = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NO_NUMBER = re.compile(r"([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\Z")
_NUMBER_STARTS = frozenset("-+.0123456789")
_MAX_DIGITS = 20
LOOKS_BOOLEAN = {
    name: value
    for word, value in (("yes", "true"), ("on", "true"), ("no", "false"), ("off", "false"))
    for name in (word, word.title(), word.upper())
}
"""Text that YAML 1.1 reads as true or false."""

Scalar = str | int | float | bool | None


class NotAScalar(ValueError):
    """The scalar is refused; `mend` says what to write."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.mend = mend


def resolve(text: str) -> Scalar:
    """The value of a plain (unquoted) scalar. Raises NotAScalar."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    return _number(text) if text[0] in _NUMBER_STARTS else text


def _number(text: str) -> Scalar:
    if _INT.match(text):
        return _whole(text)
    if _OCTAL.match(text):
        return _bounded(text, 8)
    if _HEX.match(text):
        return _bounded(text, 16)
    if _NO_NUMBER.match(text):
        raise NotAScalar(f"{text} is not a number that can be written everywhere", "quote it if it is text")
    if _FLOAT.match(text):
        value = float(text)
        if not math.isfinite(value):
            raise NotAScalar("a number that is too large", "quote it if it is text")
        return value
    return text


def _bounded(text: str, base: int) -> int:
    """Python reads any number of these digits, and then refuses to write the number down."""
    if len(text) - 2 > _MAX_DIGITS:
        raise NotAScalar("a whole number that is too large", "quote it if it is text")
    return int(text[2:], base)


def _whole(text: str) -> int:
    digits = text.lstrip("-+")
    if len(digits) > _MAX_DIGITS:
        raise NotAScalar("a whole number that is too large", "quote it if it is text")
    if len(digits) > 1 and digits[0] == "0":
        raise NotAScalar(
            f"{text} is one number to one reader and another to the next",
            "quote it if it is text, write 0o777 for an octal number, leave out the zeros otherwise",
        )
    return int(text)
