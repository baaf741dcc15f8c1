"""Texts and lists before and after, as lines of a unified diff.

Not done here: deciding which values read better as a diff (difference.py).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from reconciler.render.names import counted
from reconciler.render.paint import Line, Mark
from reconciler.render.safe import shorten

DIFF_LIMIT = 40
"""Lines of one text's difference that are shown unless everything is asked for."""
LINE_LIMIT = 160
COMPARE_LIMIT = 5_000
"""Lines above which texts are not compared: the difference is quadratic at worst."""
MORE = "-v shows all"


def text_lines(text: str) -> list[str]:
    """Lines as a diff shows them: a space at the end of a line is written out, a last line without its end says so."""
    lines = [line[:-1] + "\\x20" if line.endswith(" ") else line for line in text.split("\n")]
    last = lines.pop()
    return [*lines, f"{last} (no newline at the end)"] if last else lines


def difference_lines(
    name: str, before: list[str] | None, after: list[str] | None, note: str, verbose: bool
) -> Iterator[Line]:
    """The lines under a field; a text that appears or goes is only counted unless `verbose`."""
    if before is None or after is None:
        mark, lines = (Mark.ADD, after or []) if before is None else (Mark.REMOVE, before)
        yield Line(mark, f"{name}: ({counted(len(lines), 'line')})", note, 1)
        if verbose:
            yield from (Line(mark, line, depth=1) for line in lines)
        return
    if max(len(before), len(after)) > COMPARE_LIMIT:
        size = f"{counted(len(before), 'line')} -> {counted(len(after), 'line')}"
        yield Line(Mark.NONE, f"{name}: ({size}, too long to compare here)", note, 1)
        return
    yield Line(Mark.NONE, f"{name}:", note, 1)
    yield from _diff(before, after, verbose)


def _diff(before: Sequence[str], after: Sequence[str], verbose: bool) -> list[Line]:
    raw = list(difflib.unified_diff(before, after, n=2, lineterm=""))[2:]
    lines = [_diff_line(line, verbose) for line in raw]
    if verbose or len(lines) <= DIFF_LIMIT:
        return lines
    return [
        *lines[:DIFF_LIMIT],
        Line(Mark.NONE, f"… {counted(len(lines) - DIFF_LIMIT, 'more line')} ({MORE})", depth=1),
    ]


def _diff_line(raw: str, verbose: bool) -> Line:
    marks = {"+": Mark.ADD, "-": Mark.REMOVE}
    mark = marks.get(raw[0], Mark.NONE)
    text = raw if raw.startswith("@@") else raw[1:]
    return Line(mark, text if verbose else shorten(text, LINE_LIMIT), depth=1)
