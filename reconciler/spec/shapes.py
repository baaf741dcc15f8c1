"""Looks for secrets by their form: strings that give themselves away wherever they stand.

Not done here: the forms themselves (shape_table.py); where a secret stands, and what is said about it
(plain_secrets.py, checks/).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from reconciler.spec.shape_table import SHAPES, Shape


def find_shapes(text: str) -> Iterator[tuple[int, str]]:
    """Every string in the text that has the form of a secret: its index, and what it is; of two that overlap, the
    first. One search for all forms at once would take seconds for a large file."""
    end = 0
    for start, stop, what in sorted(found for shape in SHAPES for found in _spans(shape, text)):
        if start >= end:
            end = stop
            yield start, what


def has_shape(text: str) -> bool:
    """Whether anything in the text has the form of a secret."""
    return next(find_shapes(text), None) is not None


def _spans(shape: Shape, text: str) -> Iterator[tuple[int, int, str]]:
    for found in _matches(shape, text):
        if shape.is_one(found["secret"] if "secret" in found.re.groupindex else found.group()):
            yield found.start(), found.end(), shape.what


def _matches(shape: Shape, text: str) -> Iterator[re.Match[str]]:
    pattern = _compiled(shape.pattern)
    if not shape.begins:
        yield from pattern.finditer(text)
    for begin in shape.begins:
        at = text.find(begin)
        while at >= 0:
            found = pattern.match(text, at)
            if found:
                yield found
            at = text.find(begin, found.end() if found else at + len(begin))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
