"""What a benchmark found, beside its budget, and the table of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class Wrong(Exception):
    """What was measured is not what it says: a pass missed a change, or a comparison compared something else."""


def require(condition: bool, otherwise: str) -> None:
    """Raises Wrong; never left out, as an assert can be."""
    if not condition:
        raise Wrong(otherwise)


@dataclass(frozen=True, slots=True)
class Figure:
    """`budget` is "" for what is only told beside the others."""

    what: str
    measured: str
    budget: str = ""
    met: bool = True

    @property
    def missed(self) -> bool:
        return bool(self.budget) and not self.met

    @property
    def verdict(self) -> str:
        return "MISSED" if self.missed else "met" if self.budget else ""


def table(figures: Sequence[Figure]) -> str:
    """A Markdown table that also reads well in a terminal."""
    rows = [("What", "Measured", "Budget", "Verdict"), *((f.what, f.measured, f.budget, f.verdict) for f in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
