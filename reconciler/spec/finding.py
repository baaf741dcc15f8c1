"""A finding in one document: what is wrong at which path, before it gets its line and column."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.spec.document import Path, YamlDocument
from reconciler.spec.position import Problem, Severity
from reconciler.spec.words import shown

_SECRET_PLACES = frozenset({"api_key", "token", "env", "file", "age", "config", "base_url", "git"})
"""Values at and below these fields are never repeated in a message: a secret pasted there by mistake stays out."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`on_key` points at the key at the end of the path instead of its value."""

    rule: str
    path: Path
    message: str
    mend: str = ""
    on_key: bool = False
    severity: Severity = Severity.ERROR

    def in_document(self, document: YamlDocument) -> Problem:
        at = document.key(*self.path) if self.on_key else document.at(*self.path)
        return Problem(at, self.message, self.mend, self.severity, self.rule)


def dotted(path: Path) -> str:
    """A path as people write it: soul.charter.responsibilities[0]."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".") or "the document"


def value_shown(path: Path, value: object) -> str:
    """The value for a message, after a space; "" where it could be a secret."""
    if _SECRET_PLACES.intersection(step for step in path if isinstance(step, str)):
        return ""
    return f" {shown(str(value))}"


def type_name(value: object) -> str:
    """What a YAML value is, with an article."""
    match value:
        case None:
            return "empty"
        case bool():
            return "true or false"
        case int():
            return "a whole number"
        case float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "a mapping"
