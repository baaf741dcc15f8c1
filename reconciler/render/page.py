"""A page of Markdown blocks that stays below a limit: a block that does not fit is shortened by whole lines, never cut.

Not done here: what the blocks say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reconciler.render.markdown import fence, fold
from reconciler.render.names import counted

_SHORTENED = "This was shortened; `reconciler plan -v` shows everything."
_GAP = "\n\n"


class Page:
    """Collects blocks. Room for the closing sentence is kept from the start."""

    def __init__(self, limit: int, closing: str = _SHORTENED) -> None:
        self._blocks: list[str] = []
        self._closing = closing
        self._room = limit - len(closing) - len(_GAP)
        self._shortened = False

    def add(self, block: str) -> bool:
        """Adds the block and tells whether it fitted."""
        size = len(block) + len(_GAP)
        if size > self._room:
            self._shortened = True
            return False
        self._blocks.append(block)
        self._room -= size
        return True

    def add_fence(self, lines: Sequence[str], language: str) -> bool:
        """Adds the lines and tells whether all of them fitted."""
        return self._add_lines(lines, lambda kept: fence(kept, language))

    def add_fold(self, summary: str, lines: Sequence[str], language: str) -> bool:
        """Adds the lines and tells whether all of them fitted."""
        return self._add_lines(lines, lambda kept: fold(summary, fence(kept, language)))

    def add_items(self, title: str, items: Sequence[str]) -> None:
        """A list under a title; nothing when there are no items."""
        if items:
            self._add_lines(items, lambda kept: "\n".join([f"**{title}**", "", *(f"- {item}" for item in kept)]))

    def text(self) -> str:
        """The page, "" when nothing fitted."""
        blocks = [*self._blocks, self._closing] if self._shortened and self._blocks else self._blocks
        return _GAP.join(blocks)

    def _add_lines(self, lines: Sequence[str], make: Callable[[Sequence[str]], str]) -> bool:
        """Adds as many of the first lines as fit, and says how many are left out."""
        if self._fits(make(lines)):
            return self.add(make(lines))
        self._shortened = True
        low, high = 0, len(lines)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._fits(make(_cut(lines, middle))) else (low, middle - 1)
        if low:
            self.add(make(_cut(lines, low)))
        return False

    def _fits(self, block: str) -> bool:
        return len(block) + len(_GAP) <= self._room


def _cut(lines: Sequence[str], kept: int) -> list[str]:
    return [*lines[:kept], f"… {counted(len(lines) - kept, 'more line')}"]
