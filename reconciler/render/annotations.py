"""Problems as workflow commands: `::error file=...,line=...,col=...::message`.

GitHub puts them beside the line. Gitea shows the message in the log of the job and leaves the rest out, so the message
says where as well. Percent signs, line ends, and in properties colons and commas are escaped, as the runner undoes it.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.render.problems import in_order
from reconciler.render.safe import plain
from reconciler.spec.position import Problem

_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = {**_DATA, ":": "%3A", ",": "%2C"}


def problems_annotations(problems: Sequence[Problem]) -> str:
    """One line a problem, in the order of the files; "" for none."""
    return "".join(f"{_command(problem)}\n" for problem in in_order(problems))


def _command(problem: Problem) -> str:
    at = problem.at
    mend = f" ({problem.mend})" if problem.mend else ""
    properties = {"file": at.file, "line": str(at.line), "col": str(at.column), "title": problem.rule}
    listed = ",".join(f"{name}={_escaped(value, _PROPERTY)}" for name, value in properties.items() if value)
    return f"::{problem.severity.value} {listed}::{_escaped(f'{at}: {problem.message}{mend}', _DATA)}"


def _escaped(text: str, by: dict[str, str]) -> str:
    return "".join(by.get(character, character) for character in plain(text))
