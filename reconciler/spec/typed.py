"""From checked values to typed ones: what pydantic still refuses after the schema, as findings.

The schema catches nearly all; left over are `8643.0` for a whole number, and a line break at the end of a name.
"""

from __future__ import annotations

from pydantic import ValidationError

from reconciler.spec.document import Path, YamlDocument
from reconciler.spec.explain import not_matching, wrong_type
from reconciler.spec.finding import Finding, dotted
from reconciler.spec.kinds import KINDS, PATTERNS, Record

_WANTED = {"int_type": "a whole number", "int_from_float": "a whole number", "string_type": "a string"}


def typed(kind: str, document: YamlDocument) -> Record | tuple[Finding, ...]:
    """The record, or what keeps the document from being one."""
    try:
        return KINDS[kind].model_validate(document.value)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=True)
        return tuple(_finding(document, d["loc"], d["type"], d.get("ctx", {}), d["input"]) for d in details)


def _finding(document: YamlDocument, loc: Path, rule: str, context: dict[str, object], value: object) -> Finding:
    path = _path(document, loc)
    pattern = context.get("pattern")
    if isinstance(pattern, str) and pattern in PATTERNS:
        return not_matching(path, pattern, value)
    if rule in _WANTED:
        return wrong_type(path, _WANTED[rule], value)
    return Finding("schema/value", path, f"{dotted(path)} is not valid")


def _path(document: YamlDocument, loc: Path) -> Path:
    """pydantic puts the names of alternatives and `[key]` into its paths; the document does not have them."""
    path: Path = ()
    for step in loc:
        if document.has(*path, step):
            path = (*path, step)
    return path
