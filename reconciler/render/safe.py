"""Text from YAML and from the host, made safe to show: no escape, control, invisible or bidirectional character passes.

Every face goes through `plain`. Not done here: quoting of values (names.py), Markdown (markdown.py).
"""

from __future__ import annotations

import unicodedata

ELLIPSIS = "…"


def plain(text: str) -> str:
    """One printable line: whatever Python does not call printable is written as its escape (`\\x1b`, `\\u202e`), line
    ends and tabs too. Printable text comes back as it is, so applying it twice changes nothing."""
    if text.isprintable():
        return text
    return "".join(ch if ch.isprintable() else _escape(ch) for ch in text)


def _escape(ch: str) -> str:
    return ch.encode("unicode_escape").decode("ascii")


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, the last one an ellipsis where something was cut."""
    if len(text) <= limit:
        return text
    return text[: limit - 1] + ELLIPSIS if limit > 0 else ""


def columns(text: str) -> int:
    """Columns that printable text takes in a terminal."""
    if text.isascii():
        return len(text)
    return sum(_width(ch) for ch in text)


def _width(ch: str) -> int:
    if unicodedata.combining(ch):
        return 0
    return 2 if unicodedata.east_asian_width(ch) in "WF" else 1


def fit(text: str, width: int, *, keep_end: bool = False) -> str:
    """The text cut or padded to exactly `width` columns; `keep_end` cuts its beginning (versions stand at the end)."""
    if columns(text) <= width:
        return text + " " * (width - columns(text))
    return _cut(text[::-1], width)[::-1] if keep_end else _cut(text, width)


def _cut(text: str, width: int) -> str:
    kept = ""
    for ch in text:
        if columns(kept + ch) > width - 1:
            break
        kept += ch
    return kept + ELLIPSIS + " " * (width - columns(kept) - 1)
