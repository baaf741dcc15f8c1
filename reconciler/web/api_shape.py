"""What all answers of the API are made of: strict, frozen values whose keys stay.

A key is never renamed or taken away without another `format`; new keys may come. Not done here: the values.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

T = TypeVar("T")
FORMAT = 1
NAME = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
LONGEST_NAME = 40


class Shape(BaseModel):
    """Base of answers and bodies: an unknown key is an error, nothing is converted in silence."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        serialize_by_alias=True,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
    )


Many = Annotated[tuple[T, ...], Field(strict=False)]
"""A list in JSON, a tuple here; each item is as strict as everything."""
Format = Annotated[int, Field(description="Grows when a key changes its meaning or goes away.")]
Moment = Annotated[str, Field(description="ISO 8601 in UTC, whole seconds.", json_schema_extra={"format": "date-time"})]
Commit = Annotated[str, Field(description='A full commit hash; "" before one is known.')]
Name = Annotated[str, Field(pattern=NAME, max_length=LONGEST_NAME)]


def words_of(closed: type[Enum], *more: str) -> FieldInfo:
    """A text that is one of the values of the enum, in the document."""
    words: list[Any] = [*(str(member.value) for member in closed), *more]
    found: FieldInfo = Field(json_schema_extra={"enum": words})
    return found
