"""A table of text in a given number of columns.

The columns that may shrink do so, the widest first; nothing is wrapped.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.render.safe import columns, fit, plain

_GAP = "  "
_LEAST = 6
"""Columns that a shrunk column keeps."""


def table(rows: Sequence[Sequence[str]], *, width: int, shrink: Sequence[int]) -> list[str]:
    """The rows with aligned columns, at most `width` wide where the columns in `shrink` allow it."""
    cells = [[plain(text) for text in row] for row in rows]
    widths = [max(columns(row[index]) for row in cells) for index in range(len(cells[0]))]
    over = sum(widths) + len(_GAP) * (len(widths) - 1) - width
    while over > 0:
        widest = max(shrink, key=lambda index: widths[index])
        if widths[widest] <= _LEAST:
            break
        widths[widest] -= 1
        over -= 1
    return [_GAP.join(fit(text, size) for text, size in zip(row, widths, strict=True)).rstrip() for row in cells]
