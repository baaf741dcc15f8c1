"""A plan that was applied, observed again, is empty; and the same input is the same plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st

from reconciler.plan.build import Memory, Rules, build
from reconciler.plan.resource import Process
from reconciler.plan.retire import body_key
from reconciler.spec.desired import DesiredFleet
from tests.plan.fleets import (
    FREE,
    NAMES,
    OBSTACLES,
    Blow,
    Disturbance,
    Story,
    desired_of,
    disturbances,
    fleets,
    stories,
)
from tests.plan.host import Host
from tests.plan.walk import Page, last, plan_for, settle, walk

T = TypeVar("T")
WITHOUT_OBSTACLES = frozenset(Blow) - OBSTACLES - {Blow.LEDGER_LOST}


def _reversed(found: Mapping[str, T]) -> dict[str, T]:
    return dict(reversed(list(found.items())))


def _nothing_left(page: Page) -> None:
    left = plan_for(page.after, page.desired)
    assert left.changes == ()
    assert left.steps == ()


@given(stories(WITHOUT_OBSTACLES))
def test_a_plan_that_was_applied_is_empty_when_looked_at_again(story: Story) -> None:
    for page in walk(story):
        assert set(page.done) == {step.id for step in page.plan.steps}
        _nothing_left(page)


@given(stories(rough=True))
def test_whatever_stood_in_the_way_or_failed_one_calm_pass_converges(story: Story) -> None:
    page = last(story)
    page.after.calm(page.desired)
    settle(page.after, page.desired)
    _nothing_left(page)


@given(stories(rough=True))
def test_what_is_left_after_a_pass_is_what_waits_or_failed(story: Story) -> None:
    for page in walk(story):
        if set(page.done) != {step.id for step in page.plan.steps}:
            continue
        left = plan_for(page.after, page.desired)
        assert left.steps == ()
        assert {c.key for c in left.changes} <= {c.key for c in page.plan.waiting}


@given(stories())
def test_a_second_apply_does_nothing(story: Story) -> None:
    page = last(story)
    page.after.calm(page.desired)
    settle(page.after, page.desired)
    settled = page.after.copy()
    assert page.after.apply(plan_for(page.after, page.desired)) == []
    assert (page.after.files, page.after.processes) == (settled.files, settled.processes)
    assert page.after.records == settled.records


@given(stories())
def test_the_same_input_gives_the_same_plan(story: Story) -> None:
    for page in walk(story):
        again = build(page.desired, page.observed, page.records, FREE)
        assert again == page.plan
        turned = replace(page.records, held=_reversed(page.records.held), attic=_reversed(page.records.attic))
        facts = replace(page.observed, facts=_reversed(page.observed.facts))
        other = build(page.desired, facts, turned, FREE)
        assert set(other.changes) == set(page.plan.changes)
        assert other.refusals == page.plan.refusals


@given(fleets(), fleets(), st.lists(disturbances(frozenset(Blow)), max_size=5), st.frozensets(st.sampled_from(NAMES)))
def test_memory_never_changes_a_plan(
    first: DesiredFleet, second: DesiredFleet, blows: list[Disturbance], only: frozenset[str]
) -> None:
    """The desired state is one object for many passes, as in a daemon; what was not touched is remembered."""
    memory, host = Memory(), Host()
    for desired in (desired_of(first), desired_of(second, "b" * 40)):
        for blow in (None, *blows, None):
            if blow is not None:
                blow.strike(host, desired)
            for rules in (FREE, replace(FREE, only=only), FREE):
                assert plan_for(host, desired, rules, memory) == plan_for(host, desired, rules)
            host.apply(plan_for(host, desired))
        host.calm(desired)


@given(stories(), st.frozensets(st.sampled_from(NAMES), min_size=1))
def test_a_plan_for_some_wizards_is_that_part_of_the_whole(story: Story, only: frozenset[str]) -> None:
    """Whole rings of ports come along."""
    for page in walk(story):
        whole = {c.key: c for c in page.plan.changes}
        part = build(page.desired, page.observed, page.records, replace(FREE, only=only))
        seen = only | frozenset(part.wizards)
        for name in frozenset(part.wizards) - only:
            process = whole[body_key(name)].resource
            assert isinstance(process, Process)
            held = {e.resource.port for e in page.records.held.values() if isinstance(e.resource, Process)}
            assert process.port in held, "somebody sits there"
        for change in part.changes:
            assert change.wizard is None or change.wizard in seen
            assert change.key in whole
            assert change.action is whole[change.key].action
        chosen = {c.key for c in whole.values() if c.wizard in seen}
        assert {c.key for c in part.changes if c.wizard} == chosen


@given(fleets())
def test_a_plan_names_the_wizards_that_it_looked_at(fleet: DesiredFleet) -> None:
    desired = desired_of(fleet)
    host = Host()
    assert plan_for(host, desired, Rules()).wizards == desired.wizards
    some = frozenset(desired.wizards[:1])
    assert set(plan_for(host, desired, Rules(only=some)).wizards) == some
