"""Problems as lines and as a document."""

from __future__ import annotations

from reconciler.render.problems import problems_document, problems_text
from reconciler.spec.position import Position, Problem, Severity

UNKNOWN = Problem(
    Position("fleet/ezra.yaml", 4, 3), "unknown field `prot`", "did you mean `port`?", rule="unknown-field"
)
CLASH = Problem(Position("fleet/ezra.yaml", 3, 7), "port 8643 is claimed by allegro too", "give one of them another")
SMALL = Problem(Position("fleet/a.yaml", 9, 1), "the model's context is small", severity=Severity.WARNING)


def test_lines_are_in_the_order_of_the_files_and_counted() -> None:
    assert problems_text([UNKNOWN, CLASH, SMALL]).splitlines() == [
        "fleet/a.yaml:9:1: warning: the model's context is small",
        "fleet/ezra.yaml:3:7: port 8643 is claimed by allegro too (give one of them another)",
        "fleet/ezra.yaml:4:3: unknown field `prot` (did you mean `port`?)",
        "2 errors, 1 warning.",
    ]


def test_no_problems_are_no_text() -> None:
    assert problems_text([]) == ""


def test_the_document_has_every_field() -> None:
    document = problems_document([UNKNOWN])
    assert document == {
        "format": 1,
        "valid": False,
        "problems": [
            {
                "file": "fleet/ezra.yaml",
                "line": 4,
                "column": 3,
                "severity": "error",
                "message": "unknown field `prot`",
                "mend": "did you mean `port`?",
                "rule": "unknown-field",
            }
        ],
    }


def test_warnings_alone_are_valid() -> None:
    assert problems_document([SMALL])["valid"] is True
