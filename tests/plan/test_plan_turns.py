"""Who moves when to another codebase version, where wizards also pass ports to each other."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.plan.change import Operation, Plan
from reconciler.plan.expand import Desired
from reconciler.plan.resource import Process
from tests.plan.fleets import NAMES, changed, desired_of, fleet_of, simple
from tests.plan.host import Host
from tests.plan.test_plan_trust import above, body_steps, lineage, moving, plan_of, remember
from tests.plan.walk import settle

FIRST = dict(zip(NAMES, range(8643, 8650), strict=False))


def moved(ports: Mapping[str, int], canary: str | None = None) -> Plan:
    """Everybody moves to another version, and some to other ports."""
    host, _ = moving({}, canary)
    fleet = lineage({}, canary, "hermes")
    for name, port in ports.items():
        fleet = changed(fleet, name, port=port)
    return plan_of(host, desired_of(fleet, "b" * 40))


def turns(plan: Plan) -> dict[str | None, str]:
    """What people are told about when each process moves."""
    found = {}
    for change in plan.changes:
        if isinstance(change.resource, Process):
            words = [
                reason.text for reason in change.reasons if reason.text.startswith(("after", "canary", "together"))
            ]
            found[change.wizard] = "; ".join(words)
    return found


def before(plan: Plan, first: str, then: str) -> bool:
    """Whether one has passed all its steps before anything of the other is touched."""
    last = {s.id for s in plan.steps if s.wizard == first and s.operation in (Operation.GATE, Operation.SOAK)}
    return all(last <= above(plan, s) for s in plan.steps if s.wizard == then and s.operation is not Operation.RECORD)


def test_where_all_exchange_ports_they_move_together_and_one_of_them_is_the_canary() -> None:
    old, new = (
        fleet_of(simple("ada", a, codebase=codebase), simple("bo", b, codebase=codebase))
        for a, b, codebase in ((8643, 8644, "hermes-old"), (8644, 8643, "hermes"))
    )
    host = Host()
    settle(host, desired_of(old, "a" * 40))
    remember(host, desired_of(old, "a" * 40))
    plan = plan_of(host, desired_of(new, "b" * 40))
    assert turns(plan) == {"ada": "canary first, together with bo", "bo": "together with the canary ada"}
    assert set(body_steps(plan, Operation.SOAK)) == {"ada"}
    starts = body_steps(plan, Operation.START)
    for step in starts.values():
        assert {"wizard/ada/body#stop", "wizard/bo/body#stop"} <= above(plan, step)
    host.apply(plan)
    assert not plan_of(host, desired_of(new, "b" * 40)).changes


def test_who_exchanges_ports_comes_last_and_together_and_it_is_said_why_the_declared_one_is_not_first() -> None:
    plan = moved({"ada": 8644, "bo": 8643}, "bo")
    assert turns(plan) == {
        "cy": "canary first, because bo, the declared one, exchanges ports with ada",
        "di": "after cy",
        "ada": "after di, together with bo",
        "bo": "after di, together with ada",
    }
    assert all(before(plan, a, b) for a, b in (("cy", "di"), ("di", "ada"), ("di", "bo")))


@pytest.mark.parametrize("canary", ["ada", "bo"])
def test_the_declared_one_stays_the_canary_where_the_ports_allow_it(canary: str) -> None:
    """Ada leaves a port that bo takes: ada can go first, and bo can't."""
    plan = moved({"ada": 8650, "bo": 8643}, canary)
    because = ", because bo, the declared one, takes the port of ada" if canary == "bo" else ""
    assert turns(plan) == {
        "ada": f"canary first{because}",
        "cy": "after ada",
        "di": "after cy",
        "bo": "after di",
    }
    assert all(before(plan, a, b) for a, b in pairwise(("ada", "cy", "di", "bo")))


def test_those_who_take_ports_come_one_at_a_time_too_in_the_order_in_which_these_come_free() -> None:
    plan = moved({"ada": 8643 + 1, "bo": 8643 + 2, "cy": 8650})
    assert turns(plan) == {"cy": "canary first", "di": "after cy", "bo": "after di", "ada": "after bo"}
    assert all(before(plan, a, b) for a, b in pairwise(("cy", "di", "bo", "ada")))


def test_who_takes_a_port_of_somebody_who_does_not_move_can_be_the_canary() -> None:
    old = fleet_of(*(simple(n, p, codebase="hermes-old") for n, p in FIRST.items()))
    host = Host()
    settle(host, desired_of(old, "a" * 40))
    remember(host, desired_of(old, "a" * 40))
    new = fleet_of(*(simple(n, p, codebase="hermes") for n, p in FIRST.items()))
    new = changed(changed(new, "di", codebase="hermes-old", port=8650), "ada", port=FIRST["di"])
    plan = plan_of(host, desired_of(new, "b" * 40))
    assert (turns(plan)["ada"], turns(plan)["di"]) == ("canary first", "")
    assert before(plan, "di", "ada")


@given(
    st.permutations([*FIRST.values(), 8650, 8651]),
    st.lists(st.sampled_from(["hermes", "hermes-old"]), min_size=4, max_size=4),
    st.lists(st.sampled_from(["hermes", "hermes-old"]), min_size=4, max_size=4),
    st.integers(0, 999),
)
@example([8644, 8643, 8646, 8645, 8650, 8651], ["hermes", "hermes-old"] * 2, ["hermes-old", "hermes"] * 2, 0)
@example([8646, 8645, 8643, 8644, 8650, 8651], ["hermes", "hermes-old"] * 2, ["hermes-old", "hermes"] * 2, 0)
def test_lineages_that_pass_ports_to_each_other_never_wait_in_a_circle(
    ports: list[int], was: list[str], is_now: list[str], seed: int
) -> None:
    """One plan does all of it, whatever the order in which its steps are taken."""
    host = Host()
    old = _fleet(list(FIRST.values()), was, "a")
    settle(host, old)
    remember(host, old)
    new = _fleet(ports, is_now, "b")
    plan = plan_of(host, new)
    assert not plan.waiting
    host.apply(plan, lambda ready: seed % ready)
    assert not plan_of(host, new).changes


def _fleet(ports: list[int], codebases: list[str], commit: str) -> Desired:
    found = zip(NAMES, ports, codebases, strict=False)
    return desired_of(fleet_of(*(simple(n, p, codebase=c) for n, p, c in found)), commit * 40)
