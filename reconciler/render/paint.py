"""A closed set of terminal styles, and the one line that plans are printed in.

This is the only place that makes escape sequences. Whether to use them is the caller's choice (a terminal, NO_COLOR).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from reconciler.render.safe import plain


class Style(Enum):
    """ANSI parameters of each style."""

    NONE = ""
    BOLD = "1"
    DIM = "2"
    ADD = "32"
    CHANGE = "33"
    REMOVE = "31"
    ACT = "35"
    ALERT = "1;31"


def paint(text: str, style: Style, colour: bool) -> str:
    """The text, made safe, in the style when `colour`."""
    safe = plain(text)
    if not colour or style is Style.NONE or not safe:
        return safe
    return f"\x1b[{style.value}m{safe}\x1b[0m"


class Mark(Enum):
    """What stands at the start of a line."""

    ADD = "+"
    CHANGE = "~"
    REMOVE = "-"
    ACT = "!"
    NONE = " "


STYLES = {
    Mark.ADD: Style.ADD,
    Mark.CHANGE: Style.CHANGE,
    Mark.REMOVE: Style.REMOVE,
    Mark.ACT: Style.ACT,
    Mark.NONE: Style.NONE,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plan: mark, text, and a note (the reason) that may be dimmed. `depth` indents."""

    mark: Mark
    text: str
    note: str = ""
    depth: int = 0


def terminal_line(line: Line, colour: bool) -> str:
    """The line for a terminal, without trailing spaces."""
    body = paint(f"{line.mark.value} {line.text}".rstrip(), STYLES[line.mark], colour)
    note = "  " + paint(f"({line.note})", Style.DIM, colour) if line.note else ""
    return ("  " + "    " * line.depth + body + note).rstrip()


def diff_line(line: Line) -> str:
    """The line for a ```diff fence: the mark comes first, so that it is coloured."""
    note = f"  ({line.note})" if line.note else ""
    return plain(f"{line.mark.value} {'    ' * line.depth}{line.text}{note}").rstrip()
