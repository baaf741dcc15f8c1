"""The one line of a program's output that tells best why it ended.

Programs greet, draw boxes and write summaries after what matters. Pure; not done here: reading logs, hiding secrets.
"""

from __future__ import annotations

import re

_LOUD = re.compile(r"\b(ERROR|CRITICAL|FATAL)\b")
_TRACEBACK = "Traceback (most recent call last):"
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_WORD = re.compile(r"[^\W_]")
_FRAME = re.compile("\\s*[\u2500-\u259f]")
_EDGES = " \t│┃║"
_EXCEPTION = re.compile(r"\w")
"""A traceback's other lines are indented."""


def last_words(output: str) -> str:
    """The last line that tells of an error or ends a traceback; else the last one that says anything; "" when none
    does. What stands in a drawn frame counts only where there is nothing else."""
    lines = [line.rstrip() for line in _ESCAPE.sub("", output).splitlines()]
    spoken = [line for line in lines if _WORD.search(line)]
    plain = [line for line in spoken if not _FRAME.match(line)]
    for choice in (_errors(lines), plain, spoken):
        if choice:
            return choice[-1].strip(_EDGES)
    return ""


def _errors(lines: list[str]) -> list[str]:
    """Loud lines, and the exceptions that tracebacks end with, in order."""
    found: list[str] = []
    inside = False
    for line in lines:
        if line.strip() == _TRACEBACK:
            inside = True
        elif inside and _EXCEPTION.match(line):
            inside = False
            found.append(line)
        elif not inside and _LOUD.search(line) and not _FRAME.match(line):
            found.append(line)
    return found
