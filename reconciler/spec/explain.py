"""What a JSON Schema refuses, in sentences with a mend: the first check of a document.

Values are repeated only where they can't be secrets. Not done here: YAML, typed values, other documents.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from reconciler.spec.document import Path
from reconciler.spec.finding import Finding, dotted, type_name, value_shown
from reconciler.spec.kinds import PATTERNS
from reconciler.spec.schema import Object, kind_schema
from reconciler.spec.words import listed, mend_name, nearest, shown

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

_WANTED = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}


def explain(kind: str, value: Mapping[str, object]) -> Iterator[Finding]:
    """Every finding of the schema of `kind` in a document."""
    for error in _validator(kind).iter_errors(value):
        yield from _explain(error)


@cache
def _validator(kind: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator  # late: it costs 60 ms

    return Draft202012Validator(kind_schema(kind))


def _explain(error: ValidationError) -> Iterator[Finding]:
    explained = _RULES.get(str(error.validator), _anything)
    return explained(error, tuple(error.absolute_path))


def _anything(error: ValidationError, path: Path) -> Iterator[Finding]:  # noqa: ARG001 - one shape for all rules
    yield Finding("schema/value", path, f"{dotted(path)} is not valid")


def _unknown_fields(error: ValidationError, path: Path) -> Iterator[Finding]:
    schema = _schema(error)
    known = schema.get("properties", {})
    pattern = next(iter(schema.get("patternProperties", {})), None)
    for name in sorted(set(_object(error.instance)) - set(known)):
        if pattern is None:
            what = f"unknown field {shown(name)} in {dotted(path) if path else schema['title']}"
            mend = mend_name(name, known, f"known fields: {listed(known)}")
            yield Finding("schema/unknown-field", (*path, name), what, mend, on_key=True)
        elif not re.search(pattern, name):
            wanted, mend = PATTERNS[pattern]
            yield Finding("schema/pattern", (*path, name), f"{shown(name)} is not {wanted}", mend, on_key=True)


def _missing(error: ValidationError, path: Path) -> Iterator[Finding]:
    """jsonschema tells each missing field in an error of its own, by its message alone."""
    properties = _schema(error)["properties"]
    name = next(name for name in properties if error.message.startswith(f"'{name}' is a required"))
    where = f" in {dotted(path)}" if path else ""
    yield Finding(
        "schema/missing-field", path, f"{name} is missing{where}", f"add it: {properties[name]['description']}"
    )


def _type(error: ValidationError, path: Path) -> Iterator[Finding]:
    wanted = _WANTED[str(error.validator_value)]
    yield wrong_type(path, wanted, error.instance)


def wrong_type(path: Path, wanted: str, value: object) -> Finding:
    if value is None:
        mend = f"give it {wanted}, or leave it out"
        return Finding("schema/type", path, f"{dotted(path)} is empty, and must be {wanted}", mend)
    mend = "take the quotes away" if wanted == "a whole number" and isinstance(value, str) and value.isdecimal() else ""
    if wanted == "a string" and isinstance(value, bool | int | float):
        mend = "put it in quotes"
    return Finding("schema/type", path, f"{dotted(path)} must be {wanted}, not {type_name(value)}", mend)


def _choice(error: ValidationError, path: Path) -> Iterator[Finding]:
    if not isinstance(error.instance, str):
        yield wrong_type(path, "a string", error.instance)
        return
    words = [str(word) for word in _list(error.validator_value)]
    near = nearest(error.instance, words)
    mend = f"did you mean {near}?" if near else "use one of these"
    what = value_shown(path, error.instance)
    yield Finding("schema/choice", path, f"{dotted(path)}{what} is not one of {', '.join(words)}", mend)


def _constant(error: ValidationError, path: Path) -> Iterator[Finding]:
    wanted = "true" if error.validator_value is True else str(error.validator_value)
    yield Finding("schema/choice", path, f"{dotted(path)} must be {wanted}")


def _pattern(error: ValidationError, path: Path) -> Iterator[Finding]:
    yield not_matching(path, str(error.validator_value), error.instance)


def not_matching(path: Path, pattern: str, value: object) -> Finding:
    wanted, mend = PATTERNS[pattern]
    return Finding("schema/pattern", path, f"{dotted(path)}{value_shown(path, value)} is not {wanted}", mend)


def _bound(words: str) -> Callable[[ValidationError, Path], Iterator[Finding]]:
    def explained(error: ValidationError, path: Path) -> Iterator[Finding]:
        shown_value = value_shown(path, error.instance) if isinstance(error.instance, int | float) else ""
        what = f"{dotted(path)}{shown_value} must be {words.format(error.validator_value)}"
        yield Finding("schema/bound", path, what)

    return explained


def _alternatives(error: ValidationError, path: Path) -> Iterator[Finding]:
    """Explains the alternative that was probably meant; names them all when there is none."""
    options = [option for option in _list(error.validator_value) if isinstance(option, dict)]
    meant = _meant(options, error.instance)
    if meant is None:
        shapes = [_shape(option) for option in options]
        what = f"{dotted(path)} must be {' or '.join(shapes)}"
        wrong = "" if isinstance(error.instance, dict) else f", not {type_name(error.instance)}"
        yield Finding("schema/alternative", path, what + wrong)
        return
    for inner in error.context or ():
        if inner.relative_schema_path[0] == meant:
            yield from _explain(inner)


def _meant(options: list[Object], value: object) -> int | None:
    if not isinstance(value, dict):
        return None
    overlaps = [len(set(value) & set(_object(option.get("properties")))) for option in options]
    best = max(overlaps)
    return overlaps.index(best) if best and overlaps.count(best) == 1 else None


def _shape(option: Object) -> str:
    properties = _object(option.get("properties"))
    if not properties:
        return _WANTED[str(option.get("type"))]
    name, schema = next(iter(properties.items()))
    constant = isinstance(schema, dict) and schema.get("const") is True
    return f"{{{name}: {'true' if constant else '...'}}}"


def _schema(error: ValidationError) -> Mapping[str, Any]:
    """The part of our own schema that refused; its shape is known, its type in jsonschema is not."""
    return error.schema if isinstance(error.schema, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


_RULES: Mapping[str, Callable[[ValidationError, Path], Iterator[Finding]]] = {
    "additionalProperties": _unknown_fields,
    "required": _missing,
    "type": _type,
    "enum": _choice,
    "const": _constant,
    "pattern": _pattern,
    "anyOf": _alternatives,
    "minimum": _bound("at least {}"),
    "maximum": _bound("at most {}"),
    "minLength": _bound("at least {} character long"),
    "maxLength": _bound("at most {} characters long"),
    "minProperties": _bound("given at least {} entry"),
}
