"""`.env` files as python-dotenv reads them: values by name, and single assignments set or removed in place.

Every other line stays byte for byte. Of a repeated name the last assignment counts; setting it leaves one. Values are
written so that python-dotenv and the simpler reader inside Hermes agree on them wherever they can. Not done here: disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reconciler.adapters.keyed_errors import Unwritable
from reconciler.plan.value import FieldPath

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_GAP = re.compile(r"\s*")
_EXPORT = re.compile(r"(?:export[^\S\r\n]+)?")
_QUOTED_KEY = re.compile(r"'([^']+)'")
_KEY = re.compile(r"([^=#\s]+)")
_BLANKS = re.compile(r"[^\S\r\n]*")
_SINGLE = re.compile(r"'((?:\\.|[^'\\])*)'", re.DOTALL)
_DOUBLE = re.compile(r'"((?:\\.|[^"\\])*)"', re.DOTALL)
_LINE = re.compile(r"[^\r\n]*")
_TAIL = re.compile(r"(?:[^\S\r\n]*#[^\r\n]*)?[^\S\r\n]*(?:\r\n|\n|\r|$)")
_REST = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)?")
_INLINE_COMMENT = re.compile(r"\s+#.*")
_REFERENCE = re.compile(r"\$\{(?P<name>[^}:]*)(?::-(?P<default>[^}]*))?\}")
_PLAIN = re.compile(r"[^\s'\"#`$]*")
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


@dataclass(frozen=True, slots=True)
class Assignment:
    """One assignment: the span of its lines, of its value, and the value; None for a name without `=`."""

    name: str
    value: str | None
    start: int
    end: int
    value_start: int
    value_end: int


def leaves(text: str) -> Mapping[FieldPath, object]:
    """Value by (name,). `${NAME}` is replaced by what the file itself gave to NAME before, else left as it is: what
    the program's environment holds is not known here."""
    values: dict[str, str] = {}
    for found in assignments(text):
        if found.value is None:
            values.pop(found.name, None)
        else:
            values[found.name] = _resolved(found.value, values)
    return {(name,): value for name, value in values.items()}


def set_key(text: str, path: FieldPath, value: object) -> str:
    """The text with the name set; one assignment of it is left."""
    name = _checked(path)
    if not isinstance(value, str):
        raise Unwritable("a variable holds text only", path)
    written = quoted(value)
    standing = [found for found in assignments(text) if found.name == name]
    if not standing:
        gap = "" if not text or text.endswith(("\n", "\r")) else "\n"
        return f"{text}{gap}{name}={written}\n"
    last = standing.pop()
    equal = "=" if last.value is None else ""
    behind = text[last.value_end : last.end]
    # A comment right behind the value would become part of one without quotes.
    written = (written or "''") + (" " if behind.startswith("#") else "") if behind.strip() else written
    text = f"{text[: last.value_start]}{equal}{written}{text[last.value_end :]}"
    return _without(text, standing)


def remove_key(text: str, path: FieldPath) -> str:
    name = _checked(path)
    return _without(text, [found for found in assignments(text) if found.name == name])


def quoted(value: str) -> str:
    """The value as it is written behind `=`.

    `${` is expanded in every kind of quotes and has no escape, so a dollar before a brace is written as the default of
    a variable without a name.
    """
    if "\0" in value:
        raise Unwritable("a variable can't hold a NUL character")
    if _REFERENCE.search(value):
        value = value.replace("${", "${:-$}{")
    if _PLAIN.fullmatch(value):
        return value
    if not set(value) & {"'", "\\", "\n", "\r"}:
        return f"'{value}'"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def assignments(text: str) -> Iterator[Assignment]:
    """In the order of the file; a line that is no assignment is passed over, as python-dotenv does."""
    place = 0
    while place < len(text):
        start = _end(_GAP, text, place)
        if start >= len(text):
            return
        found = _assignment(text, start)
        if isinstance(found, int):
            place = _end(_REST, text, found)
            continue
        yield found
        place = found.end


def _assignment(text: str, start: int) -> Assignment | int:
    """An assignment, or the place from which the line is a comment or could not be understood."""
    place = _end(_EXPORT, text, start)
    if text.startswith("#", place):
        return place
    key = (_QUOTED_KEY if text.startswith("'", place) else _KEY).match(text, place)
    if key is None:
        return place
    place = _end(_BLANKS, text, key.end())
    value, value_start, value_end = None, key.end(), key.end()
    if text.startswith("=", place):
        value_start = _end(_BLANKS, text, place + 1)
        if text.startswith("#", value_start) and value_start > place + 1:
            value, value_start, value_end = "", place + 1, place + 1
        else:
            read = _value(text, value_start)
            if read is None:
                return value_start
            value, value_end = read
        place = max(value_end, place + 1)
    tail = _TAIL.match(text, place)
    if tail is None:
        return place
    return Assignment(key[1], value, start, tail.end(), value_start, value_end)


def _value(text: str, start: int) -> tuple[str, int] | None:
    """(value, where its text ends), or None for quotes that never close."""
    mark = text[start : start + 1]
    if mark in {"'", '"'}:
        found = (_SINGLE if mark == "'" else _DOUBLE).match(text, start)
        return (_unescaped(found[1], mark), found.end()) if found else None
    line = _LINE.match(text, start)
    value = _INLINE_COMMENT.sub("", line[0] if line else "").rstrip()
    return value, start + len(value)


def _unescaped(text: str, mark: str) -> str:
    letters = "\\\\'" if mark == "'" else "\\\\'\"abfnrtv"
    return re.sub(rf"\\([{letters}])", lambda found: _ESCAPES.get(found[1], found[1]), text)


def _resolved(value: str, values: Mapping[str, str]) -> str:
    def one(found: re.Match[str]) -> str:
        fallback = found["default"] if found["default"] is not None else found[0]
        return values.get(found["name"], fallback)

    return _REFERENCE.sub(one, value)


def _end(pattern: re.Pattern[str], text: str, place: int) -> int:
    found = pattern.match(text, place)
    return found.end() if found else place


def _without(text: str, gone: list[Assignment]) -> str:
    for found in reversed(gone):
        line_start = max(text.rfind("\n", 0, found.start), text.rfind("\r", 0, found.start)) + 1
        text = text[:line_start] + text[found.end :]
    return text


def _checked(path: FieldPath) -> str:
    if len(path) != 1 or not _NAME.fullmatch(path[0]):
        raise Unwritable("this is no name of a variable", path)
    return path[0]
