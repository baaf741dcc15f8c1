"""A table of text in a given number of columns.

The columns that may shrink do so, in the order given; nothing is wrapped.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.render.safe import columns, fit, plain

_GAP = "  "


def table(
    rows: Sequence[Sequence[str]],
    *,
    width: int,
    shrink: Sequence[tuple[int, int]],
    keep_end: frozenset[int] = frozenset(),
) -> list[str]:
    """The rows with aligned columns, at most `width` wide where `shrink` allows it: pairs of a column and the least
    that it keeps; a column may stand in it again with a smaller least. Columns in `keep_end` lose their beginning."""
    cells = [[plain(text) for text in row] for row in rows]
    widths = [max(columns(row[index]) for row in cells) for index in range(len(cells[0]))]
    over = sum(widths) + len(_GAP) * (len(widths) - 1) - width
    for index, least in shrink:
        given = max(min(over, widths[index] - least), 0)
        widths[index] -= given
        over -= given
    return [_row(row, widths, keep_end) for row in cells]


def _row(row: Sequence[str], widths: Sequence[int], keep_end: frozenset[int]) -> str:
    sized = enumerate(zip(row, widths, strict=True))
    return _GAP.join(fit(text, size, keep_end=index in keep_end) for index, (text, size) in sized).rstrip()
