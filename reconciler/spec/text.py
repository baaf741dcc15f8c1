"""Bytes to text: the first door of every fleet file and soul file.

Refuses what is too large, is not UTF-8, or holds control characters, and says where. Not done here: YAML.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable

from reconciler.spec.position import Position, Problem

MAX_BYTES = 1024 * 1024
"""Size limit of one file: a thousand wizards fit, and a slip of the hand (a log, a dump) does not."""
_BREAK = re.compile(r"\r\n|\n|\r")
# C0 but for tab and line ends, DEL, C1, and the characters that YAML 1.1 and 1.2 disagree on as line ends.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def place(file: str, text: str, index: int) -> Position:
    """Position of the character at `index`."""
    line, start = 1, 0
    for found in _BREAK.finditer(text, 0, index):
        line, start = line + 1, found.end()
    return Position(file, line, index - start + 1)


def placer(file: str, text: str) -> Callable[[int], Position]:
    """`place` for many indexes of one text, which is gone through once."""
    starts = [0, *(found.end() for found in _BREAK.finditer(text))]

    def at(index: int) -> Position:
        line = bisect_right(starts, index)
        return Position(file, line, index - starts[line - 1] + 1)

    return at


def lines_of(text: str) -> list[str]:
    return _BREAK.split(text)


def line_at(text: str, number: int) -> str:
    """The line with this number, counted from 0; "" when there is none."""
    lines = lines_of(text)
    return lines[number] if number < len(lines) else ""


def control_character(text: str) -> str:
    """Name of the first control character in the text, such as U+0000; "" when there is none. Tabs and new lines are
    none."""
    found = _CONTROL.search(text.replace("\r", "\0") if "\r" in text else text)
    return _name(text[found.start()]) if found else ""


def decode(file: str, data: bytes) -> str | Problem:
    """The text of a file, without a byte order mark, or the reason why it can't be read."""
    if len(data) > MAX_BYTES:
        return Problem(
            Position(file, 1, 1),
            f"the file has {len(data):,} bytes, and {MAX_BYTES:,} is the limit",
            "split it into several files, or take it out of the fleet folder",
            rule="file/size",
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        return Problem(
            place(file, before, len(before)),
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            "save the file as UTF-8",
            rule="file/encoding",
        )
    text = text.removeprefix("\ufeff")
    if found := _CONTROL.search(text):
        return Problem(
            place(file, text, found.start()),
            f"control character {_name(found.group())}",
            "remove it",
            rule="file/character",
        )
    return text


def _name(character: str) -> str:
    return f"U+{ord(character):04X}"
