"""Markdown that untrusted text can't break out of: fences longer than any run of backticks in them, code spans, cells.

Text that could mean something to a forge (mentions, links, HTML, emphasis) is shown as code, where nothing is
interpreted.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from reconciler.render.safe import plain

_BACKTICKS = re.compile(r"`+")
_PROSE = re.compile(r"[^\W_](?:[^\W_]|[ ,.;:/()'\"?%+=>-]|(?<=[^\W_])_(?=[^\W_]))*")
_ACTIVE = re.compile(r"://|www\.|^\d+[.)]\s|[=-]{3}|\s$", re.IGNORECASE)


def inline(text: str) -> str:
    """The text as prose when it is plain words, as a code span otherwise."""
    safe = plain(text)
    return safe if _PROSE.fullmatch(safe) and not _ACTIVE.search(safe) else code_span(safe)


def code_span(text: str) -> str:
    """A code span that holds exactly the text, delimited by more backticks than it contains in a row."""
    safe = plain(text)
    if not safe.strip():
        return ""
    ticks = "`" * (_longest_run(safe) + 1)
    pad = " " if safe.startswith("`") or safe.endswith("`") or (safe[0] == safe[-1] == " ") else ""
    return f"{ticks}{pad}{safe}{pad}{ticks}"


def cell(text: str) -> str:
    """The text in a table cell. A bar is written as an escape: `\\|` ends the cell after one more backslash."""
    return inline(text.replace("|", "\\x7c"))


def row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell(text) for text in cells) + " |"


def fence(lines: Sequence[str], language: str) -> str:
    """A fenced block; each line is made safe."""
    safe = [plain(line) for line in lines]
    ticks = "`" * max(3, _longest_run("\n".join(safe)) + 1)
    return "\n".join([f"{ticks}{language}", *safe, ticks])


def fold(summary: str, body: str) -> str:
    """A section that opens on a click. `body` is Markdown, `summary` is text."""
    title = html.escape(plain(summary))
    return f"<details>\n<summary><code>{title}</code></summary>\n\n{body}\n\n</details>"


def _longest_run(text: str) -> int:
    return max((len(run) for run in _BACKTICKS.findall(text)), default=0)
