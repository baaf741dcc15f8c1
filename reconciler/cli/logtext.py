"""Text that programs wrote, for a terminal: without colours, and with every other control character made visible."""

from __future__ import annotations

import re

from reconciler.render.safe import plain

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[@-Z\\^_])")
_TAB = 8


def readable(text: str) -> str:
    """The text line by line; line ends stay."""
    return "".join(_line(line) for line in text.splitlines(keepends=True))


def _line(line: str) -> str:
    body = line.rstrip("\r\n")
    end = "\n" if len(body) < len(line) else ""
    return plain(_ESCAPE.sub("", body).expandtabs(_TAB)) + end
