"""Lists of mappings are explained by the places that differ inside them."""

from __future__ import annotations

from reconciler.plan.value import known
from reconciler.render.inside import FEW, inside


def test_a_changed_a_new_and_a_removed_place_are_named() -> None:
    before = [{"name": "a", "url": "x"}, {"name": "b", "old": 1}]
    after = [{"name": "a", "url": "y"}, {"name": "b"}, {"name": "c"}]
    assert inside(before, after) == [
        ("[0].url", "x", "y"),
        ("[1].old", 1, None),
        ("[2]", None, {"name": "c"}),
    ]


def test_plain_lists_are_left_to_the_two_lists() -> None:
    assert inside(["a"], ["b"]) == []
    assert inside([], [{"name": "a"}]) == []


def test_a_number_that_becomes_a_truth_value_differs_as_it_does_in_the_plan() -> None:
    assert known([{"a": 1}]) != known([{"a": True}])
    assert inside([{"a": 1}], [{"a": True}]) == [("[0].a", 1, True)]


def test_too_many_places_are_not_listed() -> None:
    assert inside([{"n": i} for i in range(FEW + 1)], [{"n": -i - 1} for i in range(FEW + 1)]) == []
