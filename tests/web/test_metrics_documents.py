"""docs/monitoring: board, alert rules and runbooks fit what /metrics gives, and each other."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from reconciler.web.counts import Outcome
from tests.web.house import House
from tests.web.test_metrics import scraped

PLACE = Path(__file__).parents[2] / "docs" / "monitoring"
GIVEN = {"up"}
"""What Prometheus makes by itself."""
NAME = re.compile(r"\b(?:reconciler|process|python)_[a-z0-9_]+|\bup\b")
DURATION = re.compile(r"\d+[smhd]")
SUMMED = {"instance", "wizard", "job"}
BALANCE = {"(": ")", "{": "}", "[": "]"}


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    """The names of all series that a daemon gives."""
    house = House(tmp_path_factory.mktemp("house"))
    house.push()
    with house.living() as daemon, scraped(daemon, house) as client:
        client.counts.add(Outcome.ACCEPTED, "push")
        found = {sample.name for family in client.families().values() for sample in family.samples}
    return frozenset(found | GIVEN)


def rules() -> list[dict[str, object]]:
    document = yaml.safe_load((PLACE / "alerts.yaml").read_text())
    assert set(document) == {"groups"}
    return [rule for group in document["groups"] for rule in group["rules"]]


def board() -> dict[str, object]:
    found: dict[str, object] = json.loads((PLACE / "grafana.json").read_text())
    return found


def expressions() -> list[str]:
    panels = board()["panels"]
    asked = [target["expr"] for panel in panels for target in panel.get("targets", [])]  # type: ignore[attr-defined]
    variables = board()["templating"]["list"]  # type: ignore[index]
    return [*asked, *(one["definition"] for one in variables if one["type"] == "query")]


def balanced(text: str) -> bool:
    bare = re.sub(r'"[^"]*"', "", text)
    waiting: list[str] = []
    for character in bare:
        if character in BALANCE:
            waiting.append(BALANCE[character])
        elif character in BALANCE.values() and (not waiting or waiting.pop() != character):
            return False
    return not waiting


def test_every_rule_asks_for_what_there_is(known: frozenset[str]) -> None:
    for rule in rules():
        names = set(NAME.findall(str(rule["expr"])))
        assert names, rule
        assert names <= known, rule["alert"]
        assert balanced(str(rule["expr"])), rule["alert"]


def test_every_rule_is_whole_and_has_its_runbook() -> None:
    names = [str(rule["alert"]) for rule in rules()]
    assert len(names) == len(set(names))
    for rule in rules():
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert DURATION.fullmatch(str(rule["for"])), rule
        assert rule["labels"]["severity"] in ("critical", "warning", "info")  # type: ignore[index]
        notes = rule["annotations"]
        assert set(notes) == {"summary", "description", "runbook_url"}  # type: ignore[call-overload]
        place, _, file = str(notes["runbook_url"]).rpartition("/")  # type: ignore[index]
        assert place.endswith("/docs/monitoring/runbooks")
        assert file == f"{rule['alert']}.md"
        text = (PLACE / "runbooks" / file).read_text()
        assert all(part in text for part in ("**What it means.**", "**Look**", "**Mend**")), file
    assert {path.stem for path in (PLACE / "runbooks").iterdir()} == set(names)


def test_labels_that_words_use_survive_the_expression() -> None:
    for rule in rules():
        used = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
        kept = re.findall(r"sum by \(([^)]*)\)", str(rule["expr"]))
        for labels in kept:
            assert used <= set(labels.split(", ")), rule["alert"]


def test_every_panel_asks_for_what_there_is(known: frozenset[str]) -> None:
    for text in expressions():
        names = set(NAME.findall(text))
        assert names, text
        assert names <= known, text
        assert balanced(text), text


def test_everything_of_ours_is_on_the_board(known: frozenset[str]) -> None:
    asked = {name for text in expressions() for name in NAME.findall(text)}
    ours = {name for name in known if name.startswith("reconciler_")}
    assert ours - asked == set()


def test_the_board_can_be_imported() -> None:
    found = board()
    assert (found["id"], found["uid"], found["title"]) == (None, "reconciler", "reconciler")
    assert found["schemaVersion"] >= 36  # type: ignore[operator]
    names = [one["name"] for one in found["templating"]["list"]]  # type: ignore[index]
    assert names[0] == "datasource"
    panels = found["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)  # type: ignore[attr-defined, arg-type]
    cells: set[tuple[int, int]] = set()
    for panel in panels:  # type: ignore[attr-defined]
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24, panel["title"]
        assert not own & cells, panel["title"]
        cells |= own
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert panel["description"].endswith("."), panel["title"]
            assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}
    used = set(re.findall(r"\$(\w+)", json.dumps(expressions()))) - {"__rate_interval"}
    assert used <= set(names)
