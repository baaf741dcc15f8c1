"""One operation of the API: what it takes, what it gives, and the door in front of it.

The same value makes the route and the operation in the OpenAPI document, so that they can't disagree. At the door: the
token, the numbers, the body, and that no secret which this process knows leaves. Not done here: the operations.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError
from starlette.requests import Request

from reconciler.engine.daemon import Daemon
from reconciler.render.document import Json
from reconciler.web.api_problem import ApiProblem
from reconciler.web.api_shape import Shape
from reconciler.web.app import Problem
from reconciler.web.body import read_body
from reconciler.web.payload import object_of

BODY_BYTES = 64 * 1024
BODY_SECONDS = 10.0
DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)
_APART = "\x00\x1e\x00"
"""Stands between texts that are looked through at once; in no text that we show."""


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number in the query."""

    name: str
    default: int
    least: int
    most: int
    words: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, read: names of the path, numbers of the query, the body."""

    names: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)
    body: Shape | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """`answers` by status, the usual one first. `problems`: statuses of errors besides those that every operation of
    its kind can have. `body`: its shape, for what changes something."""

    path: str
    name: str
    summary: str
    answers: Mapping[int, type[Shape]]
    call: Callable[[Daemon, Asked], Shape]
    numbers: tuple[Number, ...] = ()
    body: type[Shape] | None = None
    problems: tuple[int, ...] = ()

    @property
    def method(self) -> str:
        return "GET" if self.body is None else "POST"

    def status(self, answer: Shape) -> int:
        return next(status for status, shape in self.answers.items() if isinstance(answer, shape))


async def read(operation: Operation, request: Request) -> Asked:
    """Raises ApiProblem and RefusedRequest for what is not as the document says."""
    numbers = {number.name: _number(number, request) for number in operation.numbers}
    body = None if operation.body is None else await _body(operation.body, request)
    return Asked(dict(request.path_params), numbers, body)


def _number(number: Number, request: Request) -> int:
    given = request.query_params.getlist(number.name)
    if not given:
        return number.default
    if len(given) == 1 and DIGITS.fullmatch(given[0]) and number.least <= int(given[0]) <= number.most:
        return int(given[0])
    what = f"{number.name} must be one whole number from {number.least} to {number.most}"
    raise ApiProblem(Problem(422, what, where=f"query: {number.name}", mend=number.words))


async def _body(shape: type[Shape], request: Request) -> Shape:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiProblem(Problem(415, "the content type must be application/json", mend="an empty body is {}"))
    text = await read_body(request.headers, request.receive, BODY_BYTES, BODY_SECONDS)
    try:
        return shape.model_validate(object_of(text))
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False, include_input=False)
        words = "; ".join(f"{_place(one['loc'])}: {one['msg']}" for one in wrong[:5])
        mend = "see /api/v1/openapi.json"
        raise ApiProblem(Problem(422, f"the body is not as it should be: {words}", "body", mend)) from error


def _place(steps: tuple[int | str, ...]) -> str:
    """Where in the body; names that nobody knows may be long and strange."""
    shown = ".".join(str(step) for step in steps)[:60]
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in shown) or "it"


def guarded_json(answer: Shape, redact: Callable[[str], str]) -> bytes:
    """The answer as JSON, each text without the secrets that are known; names of keys are ours and stay."""
    document: Json = answer.model_dump(mode="json", by_alias=True)
    texts: list[str] = []
    _collect(document, texts)
    cleaned = redact(_APART.join(texts)).split(_APART)
    if len(cleaned) != len(texts):
        cleaned = [redact(text) for text in texts]
    if cleaned != texts:
        document = _put(document, iter(cleaned).__next__)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _collect(value: Json, texts: list[str]) -> None:
    if isinstance(value, str):
        texts.append(value)
    elif isinstance(value, list):
        for item in value:
            _collect(item, texts)
    elif isinstance(value, dict):
        for item in value.values():
            _collect(item, texts)


def _put(value: Json, following: Callable[[], str]) -> Json:
    """The same value with the texts exchanged, in the order in which they were collected."""
    if isinstance(value, str):
        return following()
    if isinstance(value, list):
        return [_put(item, following) for item in value]
    if isinstance(value, dict):
        return {key: _put(item, following) for key, item in value.items()}
    return value
