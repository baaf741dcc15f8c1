"""Problems as SARIF 2.1.0, the exchange format of checkers: what code scanning and editors read.

Columns count characters, as everywhere here (`unicodeCodePoints`). Paths are relative to the
top of the repository, where forges resolve them. Not done here: finding problems (spec/), which top (cli/folders.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from reconciler.render.document import Document, Json, json_text
from reconciler.render.problems import in_order
from reconciler.render.safe import plain
from reconciler.spec.position import Problem

VERSION = "2.1.0"
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
SUBJECTS = {
    "file": "A fleet folder holds plain files, and a fleet file is UTF-8 text of a sensible size.",
    "yaml": "A fleet file is YAML 1.2 within bounds, with every key once.",
    "schema": "A document has the fields of its kind, with values that they allow.",
    "fleet": "A fleet is declared once, with hosts and wizards.",
    "name": "Each name is declared once.",
    "reference": "What a document names is declared.",
    "formerly": "An earlier name belongs to one wizard, and nobody is called by it now.",
    "lineage": "No wizard descends from itself.",
    "host": "Every wizard has a host, with a root of its own.",
    "home": "Every wizard has a home of its own, inside the root of its host.",
    "port": "Every port is free, allowed and claimed once.",
    "secret": "No secret stands in Git as text.",
    "telegram": "Every wizard has a bot of its own.",
    "env": "A variable of a wizard can't break its isolation.",
    "config": "A key of config.yaml is given in one place.",
    "model": "A model has the context that its agent asks for.",
    "codebase": "A codebase holds all that its program needs.",
    "soul": "Every wizard has a soul.",
    "cron": "A schedule names moments that come.",
    "wizard": "What a wizard is desired to be, it has the parts for.",
}
"""What the rules are about, by the first part of their names."""


def problems_sarif(problems: Sequence[Problem], version: str) -> str:
    """The log as text; `version` is that of this program."""
    ordered = in_order(problems)
    rules = sorted({_rule(problem) for problem in ordered})
    driver: Document = {"name": "reconciler", "version": version, "rules": [_described(rule) for rule in rules]}
    run: Document = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem, rules) for problem in ordered],
    }
    return json_text({"$schema": SCHEMA, "version": VERSION, "runs": [run]})


def _rule(problem: Problem) -> str:
    return problem.rule or "fleet/problem"


def _described(rule: str) -> Json:
    subject = SUBJECTS.get(rule.partition("/")[0], rule)
    return {"id": rule, "shortDescription": {"text": subject}}


def _result(problem: Problem, rules: list[str]) -> Json:
    mend = f" ({problem.mend})" if problem.mend else ""
    place: Document = {
        "artifactLocation": {"uri": quote(problem.at.file, errors="surrogateescape")},
        "region": {"startLine": problem.at.line, "startColumn": problem.at.column},
    }
    return {
        "ruleId": _rule(problem),
        "ruleIndex": rules.index(_rule(problem)),
        "level": problem.severity.value,
        "message": {"text": plain(f"{problem.message}{mend}")},
        "locations": [{"physicalLocation": place}],
    }
