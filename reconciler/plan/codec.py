"""JSON of the plan's values and back: exact, deterministic, strict.

The types are plain frozen dataclasses; pydantic reads them, so there is no second description of a shape to keep in
step. Unions are told apart by their `type` field alone. The machinery is built at first use: importing this costs
nothing.
Not done here: files, and what a saved plan is bound to (commit and fingerprint).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from reconciler.errors import Terminal
from reconciler.plan.change import Plan
from reconciler.plan.held import Generation, Held, SecretTexts
from reconciler.plan.resource import Resource
from reconciler.plan.value import Fields

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError
    from pydantic_core import CoreSchema, SchemaValidator

T = TypeVar("T")
SHOWN_PROBLEMS = 5


class Codec(Generic[T]):
    """JSON of one shape: a dataclass, or a union or tuple of them.

    `encode` sorts keys, so that equal values have equal text. `decode` never changes a type (no `1` for `true`) and
    raises Terminal with the places that are wrong, not with the values found there.
    """

    def __init__(self, shape: object, name: str) -> None:
        self._shape = shape
        self._name = name

    @cached_property
    def _adapter(self) -> TypeAdapter[T]:
        from pydantic import TypeAdapter

        return TypeAdapter(cast(type[T], self._shape))

    @cached_property
    def _validator(self) -> SchemaValidator:
        from pydantic_core import SchemaValidator

        return SchemaValidator(_told_apart_by_type(self._adapter.core_schema))

    def encode(self, value: T) -> str:
        """Raises Terminal for text that UTF-8 can't hold, such as an undecodable file name."""
        plain = self._adapter.dump_python(value, mode="json", warnings="error")
        text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise Terminal(f"{self._name} holds text that is not UTF-8", mend="rename the file it names") from error
        return text

    def canonical(self, value: T) -> str:
        """For digests that outlive this version: as `encode`, without fields that have their default, so that one which
        a later version adds changes nothing."""
        plain = self._adapter.dump_python(value, mode="json", exclude_defaults=True, warnings="error")
        return json.dumps(plain, sort_keys=True, separators=(",", ":"))

    def decode(self, text: str) -> T:
        from pydantic import ValidationError

        try:
            return cast(T, self._validator.validate_json(text, strict=True))
        except ValidationError as error:
            raise Terminal(f"not a valid {self._name}: {_places(error)}") from error


FIELDS: Codec[Fields] = Codec(Fields, "set of fields")
HELD: Codec[Held] = Codec(Held, "inventory entry")
GENERATION: Codec[Generation] = Codec(Generation, "generation")
SECRET_TEXTS: Codec[SecretTexts] = Codec(SecretTexts, "list of secrets")
PLAN: Codec[Plan] = Codec(Plan, "saved plan")
RESOURCE: Codec[Resource] = Codec(Resource, "resource")


def encode_plan(plan: Plan) -> str:
    """Deterministic JSON: equal plans have equal text. Holds secret references and digests, never a secret."""
    return PLAN.encode(plan)


def decode_plan(text: str) -> Plan:
    """The plan that `encode_plan` wrote; layout and key order may differ.

    Raises Terminal for anything that is not exactly a plan: malformed JSON, unknown or missing fields, a wrong type,
    or steps that could not be run in their order.
    """
    plan = PLAN.decode(text)
    if json.loads(text, object_pairs_hook=no_repeats) != json.loads(encode_plan(plan)):
        raise _tampered("it has fields that a plan does not have, or lacks some")
    _check_steps(plan)
    return plan


def _check_steps(plan: Plan) -> None:
    keys = {change.key for change in plan.changes}
    done: set[str] = set()
    for step in plan.steps:
        if step.id in done:
            raise _tampered(f"step {step.id} is there twice")
        if step.key not in keys:
            raise _tampered(f"step {step.id} belongs to no change")
        if missing := sorted(set(step.needs) - done):
            raise _tampered(f"step {step.id} stands before what it needs: {', '.join(missing)}")
        done.add(step.id)


def no_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """For `json.loads`: raises Terminal for a field that is there twice, of which JSON's readers take any."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _tampered("a field is there twice")
    return found


def _tampered(why: str) -> Terminal:
    return Terminal(f"not a valid saved plan: {why}", mend="make it again with `reconciler plan --out`")


def _places(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    shown = [_place(problem["loc"], problem["msg"]) for problem in problems[:SHOWN_PROBLEMS]]
    more = len(problems) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")


def _place(location: tuple[int | str, ...], message: str) -> str:
    return f"{'.'.join(map(str, location))}: {message}" if location else message


def _told_apart_by_type(schema: CoreSchema) -> CoreSchema:
    """The same schema with each union of `type`-carrying dataclasses as a tagged one.

    pydantic tries every member of a plain union; a tag decides at once (three times faster for an inventory of 11,000)
    and its errors name the one member that was meant. A union that is not understood stays as it is: slower, as right.
    """
    known = {d["ref"]: d for d in schema.get("definitions", ())}
    return cast("CoreSchema", _tagged(schema, known))


def _tagged(node: Any, known: Mapping[str, Any]) -> Any:  # a core schema is nested plain data of no static type
    if isinstance(node, list):
        return [_tagged(item, known) for item in node]
    if not isinstance(node, dict):
        return node
    walked = {name: _tagged(item, known) for name, item in node.items() if name != "metadata"}
    if node.get("type") == "union":
        tags = [_tag(choice, known) for choice in node["choices"]]
        if all(tags):
            choices = dict(zip(tags, walked["choices"], strict=True))
            return {"type": "tagged-union", "choices": choices, "discriminator": "type"}
    return walked


def _tag(choice: Mapping[str, Any], known: Mapping[str, Any]) -> str | None:
    """The literal of the `type` field of a dataclass schema, or None."""
    schema = known.get(choice["schema_ref"], {}) if choice.get("type") == "definition-ref" else choice
    if schema.get("type") != "dataclass":
        return None
    for field in schema["schema"].get("fields", ()):
        if field["name"] == "type":
            expected = field["schema"].get("schema", {}).get("expected", ())
            return str(expected[0]) if len(expected) == 1 else None
    return None
