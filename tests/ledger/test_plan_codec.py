"""JSON of the plan's values: nothing is lost, nothing is let in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.adapters.sqlite.history import CHANGE, UPDATE
from reconciler.errors import Terminal
from reconciler.plan.change import Operation, Plan, Step
from reconciler.plan.codec import FIELDS, HELD, RESOURCE, decode_plan, encode_plan
from reconciler.plan.held import Held
from reconciler.plan.resource import Directory, Resource
from reconciler.plan.value import Fields, Hidden, known
from reconciler.protocols.ledger import Update
from tests.ledger.examples import change, config, folder, held, runnable_plans

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
ANY_RESOURCE: st.SearchStrategy[Resource] = st.from_type(cast(type[Resource], Resource))
ONE = Plan("vps", "c0ffee", (change(folder("ezra", "home")),), (), warnings=("w",))


@SLOW
@given(runnable_plans())
def test_a_plan_comes_back_as_it_was(plan: Plan) -> None:
    text = encode_plan(plan)
    again = decode_plan(text)
    assert again == plan
    assert repr(again) == repr(plan)
    assert encode_plan(again) == text


@SLOW
@given(st.from_type(Held), st.from_type(Update))
def test_inventory_comes_back_as_it_was(entry: Held, update: Update) -> None:
    assert repr(HELD.decode(HELD.encode(entry))) == repr(entry)
    assert repr(UPDATE.decode(UPDATE.encode(update))) == repr(update)


@SLOW
@given(ANY_RESOURCE, st.from_type(Fields))
def test_resources_and_fields_come_back_hashable_and_equal(resource: Resource, fields: Fields) -> None:
    assert hash(RESOURCE.decode(RESOURCE.encode(resource))) == hash(resource)
    assert hash(FIELDS.decode(FIELDS.encode(fields))) == hash(fields)


def test_the_text_is_sorted_and_the_same_each_time() -> None:
    text = encode_plan(ONE)
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert text == encode_plan(decode_plan(text))


def test_layout_does_not_matter() -> None:
    assert decode_plan(json.dumps(json.loads(encode_plan(ONE)), indent=4)) == ONE


def test_known_values_keep_their_type() -> None:
    values: tuple[object, ...] = (1, True, "1", "true", None, 1.0, [], {}, "")
    for value in values:
        fields = ((("a",), known(value)), (("b",), Hidden("")))
        assert FIELDS.decode(FIELDS.encode(fields)) == fields


@SLOW
@given(runnable_plans(), st.data())
def test_a_plan_with_a_field_taken_out_or_put_in_is_refused(plan: Plan, data: st.DataObject) -> None:
    tree = json.loads(encode_plan(plan))
    table = data.draw(st.sampled_from(list(_tables(tree))))
    if data.draw(st.booleans()):
        del table[data.draw(st.sampled_from(sorted(table)))]
    else:
        table["surprise"] = 1
    with pytest.raises(Terminal, match="not a valid saved plan"):
        decode_plan(json.dumps(tree))


def _tables(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _tables(inner)


def _edited(old: str, new: str) -> str:
    text = encode_plan(ONE)
    assert old in text
    return text.replace(old, new, 1)


MALFORMED = {
    "empty": "",
    "not JSON": "plan",
    "cut": encode_plan(ONE)[:-20],
    "another shape": "[]",
    "brackets": "[" * 50_000,
    "brackets in an unknown field": _edited('"host":', '"x":' + "[" * 50_000 + "]" * 50_000 + ',"host":'),
    "a string for a number": _edited('"mode":448', '"mode":"448"'),
    "a float for a number": _edited('"mode":448', '"mode":448.0'),
    "true for a number": _edited('"mode":448', '"mode":true'),
    "a number for a string": _edited('"host":"vps"', '"host":1'),
    "an unknown action": _edited('"action":"update"', '"action":"explode"'),
    "an unknown kind of resource": _edited('"type":"directory"', '"type":"device"'),
    "no kind of resource": _edited(',"type":"directory"', ""),
    "a field twice": _edited('"host":"vps"', '"host":"vps","host":"other"'),
    "half a surrogate": _edited('"host":"vps"', '"host":"\\ud800"'),
    "NaN": _edited('"mode":448', '"mode":NaN'),
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_plans_are_refused(text: str) -> None:
    with pytest.raises(Terminal, match="not a valid saved plan"):
        decode_plan(text)


def test_an_error_names_the_place_and_not_what_stands_there() -> None:
    with pytest.raises(Terminal) as caught:
        decode_plan(_edited('"path":"/srv/ezra/home"', '"path":["hunter2"]'))
    assert "changes.0.resource.directory.path" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def _with_steps(*steps: Step) -> str:
    return encode_plan(Plan("vps", "c", ONE.changes, steps))


KEY = ONE.changes[0].key
UNRUNNABLE = {
    "twice": (Step("1", Operation.LINK, KEY, None), Step("1", Operation.LINK, KEY, None)),
    "before what it needs": (Step("1", Operation.LINK, KEY, None, ("2",)), Step("2", Operation.LINK, KEY, None)),
    "needs itself": (Step("1", Operation.LINK, KEY, None, ("1",)),),
    "no change": (Step("1", Operation.LINK, "wizard/stranger/x", None),),
}


@pytest.mark.parametrize("steps", UNRUNNABLE.values(), ids=UNRUNNABLE.keys())
def test_steps_that_could_not_be_run_are_refused(steps: tuple[Step, ...]) -> None:
    with pytest.raises(Terminal, match="step 1"):
        decode_plan(_with_steps(*steps))


def test_text_that_utf8_cannot_hold_is_told_at_once() -> None:
    with pytest.raises(Terminal, match="UTF-8"):
        RESOURCE.encode(Directory("k", None, "/srv/\udcff", 0o700))


def test_a_secret_is_a_reference_by_type() -> None:
    text = CHANGE.encode(change(config("ezra"))) + HELD.encode(held(config("ezra")))
    assert '"type":"secret"' in text
    assert '"type":"hidden"' in text
