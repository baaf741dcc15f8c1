"""Text that programs wrote, for a terminal: without colours, and with every other control character made visible."""

from __future__ import annotations

import re

from reconciler.render.safe import plain

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[@-Z\\^_])")
_TAB = 8


def readable(text: str) -> str:
    """The text line by line; line ends stay."""
    return "\n".join(_line(line) for line in text.split("\n"))


def _line(line: str) -> str:
    return plain(_ESCAPE.sub("", line.removesuffix("\r")).expandtabs(_TAB))
