"""The files of schemas/: fresh, complete, and of one mind with the loader."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from reconciler.spec.kinds import KINDS
from reconciler.spec.schema import DIALECT, FLEET_FILE, schemas
from tests.spec.fleets import ROOT, golden, wizard

MODELINE = "# yaml-language-server: $schema="


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    for file, data in golden().items():
        if file.endswith(".yaml"):
            for document in yaml.safe_load_all(data):
                yield file, json.loads(json.dumps(document))  # keys of JSON are text, as the loader reads them


def test_the_files_are_fresh() -> None:
    written = {path.name: path.read_text("utf-8") for path in (ROOT / "schemas").iterdir()}
    assert written == dict(schemas()), "run: reconciler schema"


def test_they_are_made_the_same_every_time() -> None:
    assert list(schemas().items()) == list(schemas().items())


@pytest.mark.parametrize("name", sorted(schemas()))
def test_each_is_a_schema_in_which_everything_is_described(name: str) -> None:
    schema = json.loads(schemas()[name])
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == DIALECT
    assert schema["description"]
    assert list(undescribed(schema, name)) == []


def undescribed(schema: Any, path: str) -> Iterator[str]:
    if isinstance(schema, list):
        for index, item in enumerate(schema):
            yield from undescribed(item, f"{path}/{index}")
    if not isinstance(schema, dict):
        return
    for name, value in schema.get("properties", {}).items():
        if not value.get("description") and path.rsplit("/", maxsplit=1)[-1] != "if":
            yield f"{path}/{name}"
    for name, value in schema.items():
        if name not in ("default", "enum"):
            yield from undescribed(value, f"{path}/{name}")


@pytest.mark.parametrize(("file", "document"), list(documents()))
def test_they_accept_the_golden_fleet(file: str, document: dict[str, Any]) -> None:
    kind = document["kind"]
    for name in (FLEET_FILE, f"kind-{kind.lower()}.schema.json"):
        errors = list(Draft202012Validator(json.loads(schemas()[name])).iter_errors(document))
        assert errors == [], (file, name)


@pytest.mark.parametrize(
    "text",
    [
        "kind: Wizzard\n",
        "name: ezra\n",
        wizard("ezra", "'8643'"),
        wizard("ezra", 8643, "prot: 1"),
        wizard("Ezra"),
        wizard("ezra", 8643, "telegram:"),
        wizard("ezra", 8643, "env: {A-B: x}"),
    ],
)
def test_they_refuse_what_the_loader_refuses(text: str) -> None:
    validator = Draft202012Validator(json.loads(schemas()[FLEET_FILE]))
    assert not validator.is_valid(yaml.safe_load(text))


def test_every_kind_has_a_file() -> None:
    assert set(schemas()) == {FLEET_FILE, *(f"kind-{kind.lower()}.schema.json" for kind in KINDS)}


def test_every_golden_file_names_its_schema() -> None:
    for file, data in golden().items():
        if file.endswith(".yaml"):
            first = data.decode().splitlines()[0]
            target = (ROOT / file).parent / first.removeprefix(MODELINE)
            assert target.resolve() == ROOT / "schemas" / FLEET_FILE
