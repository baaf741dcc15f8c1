"""Text of strangers, made fit for a log line and an answer."""

from __future__ import annotations

LONGEST = 80


def shown(text: str) -> str:
    """Printable ASCII of it, cut: no line breaks, no escapes of a terminal, no half characters."""
    plain = "".join(c if " " <= c <= "~" else "?" for c in text[: LONGEST + 1])
    return plain if len(plain) <= LONGEST else f"{plain[:LONGEST]}..."
