"""Where something stands in a fleet file, and what is wrong there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """File (path inside the repository), line and column (both from 1)."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: printed as `file:line:column: message (mend)`."""

    at: Position
    message: str
    mend: str = ""
    severity: Severity = Severity.ERROR
    rule: str = ""

    def __str__(self) -> str:
        label = "warning: " if self.severity is Severity.WARNING else ""
        mend = f" ({self.mend})" if self.mend else ""
        text = f"{self.at}: {label}{self.message}{mend}"
        return printable(text)


def printable(text: str) -> str:
    """Names of files, keys and values are anybody's: none of them may break the line or steer a terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
