"""The OpenAPI document and the routes are one thing, and the shapes hold what they promise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.routing import Route

from reconciler.web.api import DOCUMENT, ROOT, api_routes, operations
from reconciler.web.api_operation import Operation
from reconciler.web.api_shape import Shape
from reconciler.web.openapi import openapi
from tests.web.apihouse import OPEN, Client, app_of
from tests.web.house import House

METHODS = {"get", "post", "put", "delete", "patch"}


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    made.push("three wizards")
    return made


def test_the_document_and_the_routes_are_the_same(house: House) -> None:
    with house.open() as daemon:
        routes = [route for route in api_routes(daemon, lambda: OPEN) if isinstance(route, Route)]
        served = {(route.path, method) for route in routes for method in route.methods or () if method != "HEAD"}
        document = Client(app_of(daemon), daemon, house).get(DOCUMENT.removeprefix(ROOT))
        told = {
            (path, method.upper())
            for path, item in document["paths"].items()  # type: ignore[attr-defined]
            for method in item
            if method in METHODS
        }
        assert served == told | {(DOCUMENT, "GET")}
        assert document["openapi"] == "3.1.0"


def test_every_reference_leads_somewhere_and_nothing_is_left_over() -> None:
    document = openapi(operations())
    schemas = document["components"]["schemas"]  # type: ignore[index, call-overload]
    used = set(re.findall(r"#/components/schemas/([\w-]+)", repr(document)))
    assert used == set(schemas)  # type: ignore[arg-type]


def test_every_object_is_closed_and_all_of_its_keys_are_there() -> None:
    schemas = openapi(operations())["components"]["schemas"]  # type: ignore[index, call-overload]
    bodies = {one.body.__name__ for one in operations() if one.body}
    for name, schema in schemas.items():  # type: ignore[union-attr]
        if "properties" not in schema:
            continue  # any JSON
        assert schema["additionalProperties"] is False, name
        if name not in bodies:
            assert set(schema["required"]) == set(schema["properties"]), name


@pytest.mark.parametrize("operation", operations(), ids=lambda one: one.name)
def test_every_operation_is_told_whole(operation: Operation) -> None:
    document = openapi(operations())
    item = document["paths"][f"{ROOT}{operation.path}"][operation.method.lower()]  # type: ignore[index, call-overload]
    assert item["operationId"] == operation.name
    assert item["security"] == ([{"token": []}] if operation.body else [{}, {"token": []}])
    assert {str(status) for status in operation.answers} <= set(item["responses"])
    named = {one["name"] for one in item["parameters"] if one["in"] == "path"}
    assert named == set(re.findall(r"\{(\w+)\}", operation.path))


def test_shapes_are_strict_and_frozen() -> None:
    waiting = [Shape]
    while waiting:
        shape = waiting.pop()
        waiting += shape.__subclasses__()
        config = shape.model_config
        assert (config["strict"], config["frozen"], config["extra"]) == (True, True, "forbid"), shape
