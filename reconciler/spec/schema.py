"""JSON Schemas of the kinds, made from the typed models: for editors, and for the first check of every document.

`schemas/` holds what `schemas()` returns; a test fails when it is stale. A field that may be left out can't be null:
an empty `telegram:` is a slip, not a decision. Not done here: explaining what a schema refuses (explain.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache

from pydantic.json_schema import models_json_schema

from reconciler.spec.kinds import KINDS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FLEET_FILE = "fleet.schema.json"
_COMMENT = "Written by `reconciler schema`; do not edit."
_KIND = "Which kind of document this is."

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Object = dict[str, Json]


def schemas() -> Mapping[str, str]:
    """File name -> text of every file in `schemas/`: one for each kind, and one that dispatches on `kind`."""
    files = {f"kind-{kind.lower()}.schema.json": _file(kind_schema(kind)) for kind in KINDS}
    return {**files, FLEET_FILE: _file(_dispatching())}


@cache
def kind_schema(kind: str) -> Object:
    """The schema of one kind, complete in itself: nothing in it refers to another place. Not to be changed."""
    definitions = _definitions()
    whole = _inlined(definitions[KINDS[kind].__name__], definitions)
    return whole if isinstance(whole, dict) else {}


@cache
def _definitions() -> Mapping[str, Json]:
    _, schema = models_json_schema([(model, "validation") for model in KINDS.values()], by_alias=True)
    definitions = schema["$defs"]
    return {name: _tidy(definitions[name], name) for name in sorted(definitions)}


def _dispatching() -> Object:
    """An editor completes the fields of the kind once `kind` is written."""
    branches: list[Json] = [
        {
            "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
            "then": {"$ref": f"#/$defs/{model.__name__}"},
        }
        for kind, model in KINDS.items()
    ]
    return {
        "title": "A document of a fleet",
        "description": "One document of a fleet file; `kind` says which fields it has.",
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"description": _KIND, "enum": list(KINDS)}},
        "allOf": branches,
        "$defs": dict(_definitions()),
    }


def _file(schema: Object) -> str:
    whole = {"$schema": DIALECT, "$comment": _COMMENT, **schema}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _tidy(schema: Json, title: str | None = None) -> Json:
    """Drops titles that repeat names, drops null from what may be left out, and closes mappings whose keys have a
    pattern."""
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {name: _tidy_value(name, value) for name, value in schema.items() if name != "title"}
    if title:
        tidy = {"title": title, **tidy}
    if tidy.get("default", 0) is None:
        del tidy["default"]
    if "patternProperties" in tidy:
        tidy["additionalProperties"] = False
        tidy.pop("propertyNames", None)
    return _without_null(tidy)


def _tidy_value(name: str, value: Json) -> Json:
    if name == "default":
        return value
    if name in ("properties", "patternProperties") and isinstance(value, dict):
        fields: Object = {field: _tidy(schema) for field, schema in value.items()}
        kind = fields.get("kind")
        if isinstance(kind, dict) and "const" in kind:
            fields["kind"] = {"description": _KIND, **kind}
        return fields
    return _tidy(value)


def _without_null(schema: Object) -> Object:
    options = schema.get("anyOf")
    if not isinstance(options, list) or {"type": "null"} not in options:
        return schema
    rest = [option for option in options if option != {"type": "null"}]
    others = {name: value for name, value in schema.items() if name != "anyOf"}
    only = rest[0] if len(rest) == 1 else None
    return {**only, **others} if isinstance(only, dict) else {"anyOf": rest, **others}


def _inlined(schema: Json, definitions: Mapping[str, Json]) -> Json:
    """The schema with every reference replaced by what it refers to: three times faster to check against."""
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    whole = {name: _inlined(value, definitions) for name, value in schema.items() if name != "$ref"}
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return whole
    target = _inlined(definitions[reference.removeprefix("#/$defs/")], definitions)
    return {**target, **whole} if isinstance(target, dict) else whole
