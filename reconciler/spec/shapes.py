"""Looks for secrets by their form: strings that give themselves away wherever they stand.

Not done here: the forms themselves (shape_table.py); where a secret stands, and what is said about it
(plain_secrets.py, checks/).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from heapq import merge

from reconciler.spec.pairs import find_pairs
from reconciler.spec.shape_table import SHAPES, Shape

Span = tuple[int, int, str]
"""Start, end, and what it is."""


def find_shapes(text: str) -> Iterator[tuple[int, str]]:
    """Every string in the text that has the form of a secret, or stands beside its name: its index, and what it is; of
    two that overlap, the first, and a form before a name. One search for all forms at once would take seconds for a
    large file."""
    forms = sorted(found for shape in SHAPES for found in _spans(shape, text))
    end = 0
    for start, stop, what in merge(forms, _apart(find_pairs(text), forms)):
        if start >= end:
            end = stop
            yield start, what


def _apart(pairs: Iterable[Span], forms: Sequence[Span]) -> Iterator[Span]:
    """Those that no form overlaps; both are sorted."""
    at = 0
    for pair in pairs:
        while at < len(forms) and forms[at][1] <= pair[0]:
            at += 1
        if at == len(forms) or forms[at][0] >= pair[1]:
            yield pair


def has_shape(text: str) -> bool:
    """Whether anything in the text has the form of a secret."""
    return next(find_shapes(text), None) is not None


def _spans(shape: Shape, text: str) -> Iterator[Span]:
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
