"""Problems for machines: SARIF 2.1.0, and workflow commands of Gitea and GitHub Actions."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.render.annotations import problems_annotations
from reconciler.render.sarif import problems_sarif
from reconciler.spec.position import Position, Problem, Severity

UNKNOWN = Problem(
    Position("fleet/ezra.yaml", 4, 3), "unknown field `prot`", "did you mean `port`?", rule="schema/unknown-field"
)
CLASH = Problem(Position("fleet/ezra.yaml", 3, 7), "port 8643 is claimed: allegro, ada", "100% sure", rule="port/taken")
SMALL = Problem(Position("fleet/a b,c.yaml", 9, 1), "the context is small", severity=Severity.WARNING, rule="model/x")
ALL = [UNKNOWN, CLASH, SMALL]


def _closed(required: list[str], **properties: object) -> dict[str, object]:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


_TEXT = _closed(["text"], text={"type": "string", "minLength": 1})
_PLACE = _closed(
    ["artifactLocation", "region"],
    artifactLocation=_closed(["uri"], uri={"type": "string", "pattern": r"^[A-Za-z0-9._~/%!$&'()*+,;=:@-]+$"}),
    region=_closed(
        ["startLine", "startColumn"],
        startLine={"type": "integer", "minimum": 1},
        startColumn={"type": "integer", "minimum": 1},
    ),
)
SHAPE = _closed(
    ["version", "runs", "$schema"],
    **{"$schema": {"type": "string", "pattern": "^https://docs.oasis-open.org/.*/sarif-schema-2.1.0.json$"}},
    version={"const": "2.1.0"},
    runs={
        "type": "array",
        "items": _closed(
            ["tool", "results"],
            tool=_closed(
                ["driver"],
                driver=_closed(
                    ["name"],
                    name={"type": "string"},
                    version={"type": "string"},
                    rules={"type": "array", "items": _closed(["id"], id={"type": "string"}, shortDescription=_TEXT)},
                ),
            ),
            columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
            results={
                "type": "array",
                "items": _closed(
                    ["message", "locations"],
                    ruleId={"type": "string"},
                    ruleIndex={"type": "integer", "minimum": 0},
                    level={"enum": ["none", "note", "warning", "error"]},
                    message=_TEXT,
                    locations={"type": "array", "items": _closed(["physicalLocation"], physicalLocation=_PLACE)},
                ),
            },
        ),
    },
)
"""What the published schema of SARIF 2.1.0 requires at the places that we write to, and no properties but those that we
write, which it all names."""


def log(problems: list[Problem]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(problems_sarif(problems, "1.2.3"))
    assert [error.message for error in Draft202012Validator(SHAPE).iter_errors(document)] == []
    return document


@pytest.mark.parametrize("problems", [[], [SMALL], ALL], ids=["none", "a warning", "all"])
def test_the_log_has_the_published_shape(problems: list[Problem]) -> None:
    (run,) = log(problems)["runs"]
    assert len(run["results"]) == len(problems)
    assert run["tool"]["driver"]["version"] == "1.2.3"


def test_results_name_their_rule_level_and_place() -> None:
    (run,) = log(ALL)["runs"]
    first, second, third = run["results"]
    assert [result["level"] for result in (first, second, third)] == ["warning", "error", "error"]
    assert second["message"]["text"] == "port 8643 is claimed: allegro, ada (100% sure)"
    assert third["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "fleet/ezra.yaml"},
        "region": {"startLine": 4, "startColumn": 3},
    }
    assert first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "fleet/a%20b%2Cc.yaml"
    rules = run["tool"]["driver"]["rules"]
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == ["model/x", "port/taken", UNKNOWN.rule]


def test_a_file_name_that_is_not_utf_8_keeps_its_bytes() -> None:
    name = b"fleet/\xff.yaml".decode("utf-8", "surrogateescape")
    log = problems_sarif([Problem(Position(name, 1, 1), "no")], "1")
    assert '"fleet/%FF.yaml"' in log
    assert "\\udcff" in problems_annotations([Problem(Position(name, 1, 1), "no")])


def test_every_rule_of_the_checks_has_a_subject() -> None:
    """A new kind of rule wants a sentence of its own."""
    from pathlib import Path

    from reconciler.render.sarif import SUBJECTS

    source = "\n".join(path.read_text() for path in (Path(__file__).parents[2] / "reconciler" / "spec").rglob("*.py"))
    found = set(re.findall(r'"([a-z]+)/[a-z-]+"', source))
    assert {"yaml", "schema", "secret", "port"} <= found
    assert found <= set(SUBJECTS), found - set(SUBJECTS)


def test_workflow_commands() -> None:
    assert problems_annotations(ALL).splitlines() == [
        "::warning file=fleet/a b%2Cc.yaml,line=9,col=1,title=model/x::fleet/a b,c.yaml:9:1: the context is small",
        "::error file=fleet/ezra.yaml,line=3,col=7,title=port/taken::"
        "fleet/ezra.yaml:3:7: port 8643 is claimed: allegro, ada (100%25 sure)",
        "::error file=fleet/ezra.yaml,line=4,col=3,title=schema/unknown-field::"
        "fleet/ezra.yaml:4:3: unknown field `prot` (did you mean `port`?)",
    ]
    assert problems_annotations([]) == ""


@given(st.text(min_size=1), st.text(), st.text(min_size=1))
def test_no_text_leaves_its_line_or_its_property(file: str, message: str, rule: str) -> None:
    text = problems_annotations([Problem(Position(file, 1, 2), message, rule=rule)])
    assert text.endswith("\n")
    assert len(text.splitlines()) == 1
    assert text[:-1].isprintable()
    head = text.split("::")[1]
    assert len(head.split(",")) == 4
    assert head.startswith("error file=")
    log([Problem(Position(file, 1, 2), message or "x", rule=rule)])
