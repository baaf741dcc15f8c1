"""Problems of a fleet's files: one line each for people and editors, and a JSON document.

Not done here: finding them (spec/).
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.render.document import Document, json_text
from reconciler.render.names import counted
from reconciler.render.paint import Style, paint
from reconciler.render.safe import plain
from reconciler.spec.position import Problem, Severity

FORMAT = 1


def problems_text(problems: Sequence[Problem], *, colour: bool = False) -> str:
    """`file:line:column: message (mend)` lines in the order of the files, then a count; "" for no problems."""
    if not problems:
        return ""
    lines = [_line(problem, colour) for problem in in_order(problems)]
    return "\n".join([*lines, paint(f"{problem_counts(problems)}.", Style.BOLD, colour)]) + "\n"


def problem_counts(problems: Sequence[Problem]) -> str:
    """`2 errors, 1 warning`."""
    warnings = sum(problem.severity is Severity.WARNING for problem in problems)
    errors = len(problems) - warnings
    parts = [(errors, "error"), (warnings, "warning")]
    return ", ".join(counted(number, word) for number, word in parts if number)


def in_order(problems: Sequence[Problem]) -> list[Problem]:
    """By file, line and column."""
    return sorted(problems, key=lambda problem: (problem.at, problem.message))


def _line(problem: Problem, colour: bool) -> str:
    warning = problem.severity is Severity.WARNING
    label = paint("warning:", Style.CHANGE, colour) + " " if warning else ""
    mend = paint(f" ({problem.mend})", Style.DIM, colour) if problem.mend else ""
    return f"{paint(f'{problem.at}:', Style.BOLD, colour)} {label}{plain(problem.message)}{mend}"


def problems_json(problems: Sequence[Problem]) -> str:
    """The document as text."""
    return json_text(problems_document(problems))


def problems_document(problems: Sequence[Problem]) -> Document:
    return {
        "format": FORMAT,
        "valid": all(problem.severity is Severity.WARNING for problem in problems),
        "problems": [_document(problem) for problem in in_order(problems)],
    }


def _document(problem: Problem) -> Document:
    return {
        "file": problem.at.file,
        "line": problem.at.line,
        "column": problem.at.column,
        "severity": problem.severity.value,
        "message": problem.message,
        "mend": problem.mend,
        "rule": problem.rule,
    }
