"""What can be wrong with a file that is owned per key. The caller, who knows the path, tells people."""

from __future__ import annotations

from reconciler.plan.value import FieldPath


class Unreadable(Exception):
    """The text can't be parsed; line and column count from 1."""

    def __init__(self, line: int, column: int, problem: str, mend: str) -> None:
        super().__init__(problem)
        self.line = line
        self.column = column
        self.problem = problem
        self.mend = mend


class Unwritable(Exception):
    """The edit can't be made in this text without touching something else."""

    def __init__(self, problem: str, path: FieldPath = ()) -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = path
