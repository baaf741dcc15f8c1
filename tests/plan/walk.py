"""Walks a story: for each chapter the host before, the plan and the host after, for a property to look at."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reconciler.plan.build import Memory, Rules, build
from reconciler.plan.change import Plan, Step
from reconciler.plan.expand import Desired
from reconciler.plan.fact import Observed
from reconciler.plan.held import Records
from tests.plan.fleets import FREE, Chapter, Story, desired_of
from tests.plan.host import Host


@dataclass(frozen=True)
class Page:
    """One pass. `before` and `after` are copies of the host; `done` are the steps that were done."""

    desired: Desired
    observed: Observed
    records: Records
    plan: Plan
    before: Host
    after: Host
    done: tuple[str, ...]


def plan_for(host: Host, desired: Desired, rules: Rules = FREE, memory: Memory | None = None) -> Plan:
    return build(desired, host.observe(desired), host.seen(desired), rules, memory)


def settle(host: Host, desired: Desired, rules: Rules = FREE) -> Plan:
    """One pass in which nothing goes wrong; the plan that was applied."""
    plan = plan_for(host, desired, rules)
    host.apply(plan)
    return plan


def walk(story: Story, rules: Rules = FREE) -> Iterator[Page]:
    """The first pass makes the fleet; then a pass for each chapter, with the host as the one before left it."""
    host, fleet = Host(), story.fleet
    yield _turn(host, desired_of(fleet, _commit(0)), Chapter((), ()), rules)
    for number, chapter in enumerate(story.chapters, 1):
        before = desired_of(fleet, _commit(number - 1))
        for commit in chapter.commits:
            fleet = commit.apply(fleet)
        for disturbance in chapter.blows:
            disturbance.strike(host, before)
        yield _turn(host, desired_of(fleet, _commit(number)), chapter, rules)


def last(story: Story) -> Page:
    *_, page = walk(story)
    return page


def _turn(host: Host, desired: Desired, chapter: Chapter, rules: Rules) -> Page:
    observed, records = host.observe(desired), host.seen(desired)
    plan = build(desired, observed, records, rules)
    before = host.copy()
    done = host.apply(plan, chapter.pick, _failing(chapter), chapter.limit)
    return Page(desired, observed, records, plan, before, host, tuple(done))


def _failing(chapter: Chapter) -> Callable[[Step], bool]:
    """The same steps fail whatever order they come in."""
    return lambda step: zlib.crc32(step.id.encode()) % 7 < chapter.failing


def _commit(number: int) -> str:
    return f"{number:040x}"
