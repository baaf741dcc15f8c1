"""The API's OpenAPI 3.1 document, assembled from the operations and their shapes; nothing of it is written twice."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from http import HTTPStatus

from pydantic.json_schema import JsonSchemaMode, models_json_schema
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler import __version__
from reconciler.render.document import Document, Json
from reconciler.web.api_access import may_read
from reconciler.web.api_operation import Number, Operation
from reconciler.web.api_problem import MEDIA_TYPE, ApiProblem, ProblemAnswer
from reconciler.web.api_shape import LONGEST_NAME, NAME, Shape
from reconciler.web.session import Access

ROOT = "/api/v1"
_ID = re.compile(r"\{(\w+)\}")
_WORDS = (
    "One host's reconciler. Actions need the token and have a dry form: without `fingerprint` they change nothing, and "
    "show their plan with its fingerprint; with it they do exactly that, or answer 409 and say what moved. Reading "
    "needs the token only where others than the host itself can reach the address."
)
_READING = (401,)
_ACTING = (400, 401, 403, 408, 413, 415)


def document_route(path: str, operations: Sequence[Operation], access: Callable[[], Access]) -> Route:
    """The document itself; made at the first request."""
    made = cache(lambda: json.dumps(openapi(operations), separators=(",", ":")).encode())

    async def endpoint(request: Request) -> Response:
        try:
            may_read(access(), request.headers)
        except ApiProblem as problem:
            return problem.response()
        return Response(made(), media_type="application/json")

    return Route(path, endpoint, methods=["GET"])


def openapi(operations: Sequence[Operation]) -> Document:
    names, schemas = _schemas(operations)
    paths: dict[str, Json] = {}
    for operation in operations:
        item = paths.setdefault(f"{ROOT}{operation.path}", {})
        assert isinstance(item, dict)  # noqa: S101 - made on the line before
        item[operation.method.lower()] = _operation(operation, names)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "reconciler",
            "version": __version__,
            "description": _WORDS,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


Names = dict[tuple[type[Shape], JsonSchemaMode], Json]


def _schemas(operations: Iterable[Operation]) -> tuple[Names, Json]:
    wanted: dict[tuple[type[Shape], JsonSchemaMode], None] = {(ProblemAnswer, "serialization"): None}
    for operation in operations:
        wanted.update({(shape, "serialization"): None for shape in operation.answers.values()})
        if operation.body is not None:
            wanted[operation.body, "validation"] = None
    references, definitions = models_json_schema(
        list(wanted), by_alias=True, ref_template="#/components/schemas/{model}"
    )
    names: Names = {(shape, mode): references[shape, mode] for shape, mode in wanted}
    return names, definitions["$defs"]


def _operation(operation: Operation, names: Names) -> Json:
    found: dict[str, Json] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [*_path_parameters(operation.path), *map(_query, operation.numbers)],
        "responses": _responses(operation, names),
        "security": [{"token": []}] if operation.body is not None else [{}, {"token": []}],
    }
    if operation.body is not None:
        content: Json = {"application/json": {"schema": names[operation.body, "validation"]}}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _path_parameters(path: str) -> list[Json]:
    number: Json = {"type": "string", "pattern": "^[0-9]{1,18}$"}
    name: Json = {"type": "string", "pattern": NAME, "maxLength": LONGEST_NAME}
    return [
        {"name": one, "in": "path", "required": True, "schema": number if one == "id" else name}
        for one in _ID.findall(path)
    ]


def _query(number: Number) -> Json:
    schema: Json = {
        "type": "integer",
        "minimum": number.least,
        "maximum": number.most,
        "default": number.default,
    }
    return {"name": number.name, "in": "query", "required": False, "description": number.words, "schema": schema}


def _responses(operation: Operation, names: Names) -> Json:
    found: dict[str, Json] = {}
    for status, shape in operation.answers.items():
        content: Json = {"application/json": {"schema": names[shape, "serialization"]}}
        found[str(status)] = {"description": (shape.__doc__ or operation.summary).strip(), "content": content}
    errors = {*operation.problems, *(_READING if operation.body is None else _ACTING)}
    errors |= {422} if operation.numbers else set()
    for status in sorted(errors):
        problem: Json = {MEDIA_TYPE: {"schema": names[ProblemAnswer, "serialization"]}}
        found[str(status)] = {"description": HTTPStatus(status).phrase, "content": problem}
    return found
