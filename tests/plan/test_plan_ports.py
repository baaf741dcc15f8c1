"""Ports that pass from wizard to wizard: whatever fails in between, everybody has a way back, and a mend is tried."""

from __future__ import annotations

import random
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.plan.change import Disposition, Operation
from reconciler.plan.expand import Desired
from reconciler.plan.generation import words
from reconciler.plan.retire import body_key
from reconciler.plan.rings import port_of, rings, whole_rings
from reconciler.spec.desired import DesiredFleet
from tests.plan.fleets import changed, desired_of, fleet_of, simple
from tests.plan.host import Host
from tests.plan.test_plan_trust import body_steps, fail, lineage, plan_of, remember
from tests.plan.trying import Try
from tests.plan.walk import settle

FIRST = {"ada": 8643, "bo": 8644, "cy": 8645}
POOL = (8643, 8644, 8645, 8646, 8647)


@dataclass(frozen=True)
class Push:
    """A commit: `ports` of ada, bo, cy and of a wizard that joins; who is `bad` in it; whether ada has become eve by
    then. `limits`: passes over it that are killed after so many steps. `down`: whose gateway ends before and after its
    passes. `stranger`: somebody else comes to listen there, where nobody has a way back to that port."""

    ports: tuple[int, ...]
    bad: frozenset[str] = frozenset()
    joined: bool = False
    renamed: bool = False
    limits: tuple[int, ...] = ()
    down: frozenset[str] = frozenset()
    stranger: int = 0


some = st.frozensets(st.sampled_from(["ada", "bo", "cy"]))
pushes = st.builds(
    Push,
    st.permutations(POOL).map(lambda ports: tuple(ports[:4])),
    some,
    st.booleans(),
    st.booleans(),
    st.lists(st.integers(1, 25), max_size=2).map(tuple),
    some,
    st.sampled_from((0, *POOL)),
)


def _fleet(push: Push, number: int, renamed: bool, joined: bool) -> DesiredFleet:
    """What is bad in a commit says something else in its config than before."""
    names = ["eve" if renamed else "ada", "bo", "cy", *(["di"] if joined else [])]
    formerly = {"eve": ("ada",)}
    return fleet_of(
        *(
            simple(
                name,
                port,
                config={"agent": {"note": number}} if _old(name) in push.bad else {},
                formerly=formerly.get(name, ()),
            )
            for name, port in zip(names, push.ports, strict=False)
        )
    )


def _old(name: str) -> str:
    return "ada" if name == "eve" else name


def _settled(ports: Mapping[str, int] = FIRST) -> Host:
    host = Host()
    Try(host, _desired(ports, 0), frozenset()).run()
    return host


def _desired(ports: Mapping[str, int], number: int, **config: object) -> Desired:
    """`config`: wizard -> what its config says."""
    found = (simple(n, p, config={"agent": {"note": config[n]}} if n in config else {}) for n, p in ports.items())
    return desired_of(fleet_of(*found), f"{number:040x}")


@given(st.lists(pushes, min_size=1, max_size=3), st.integers(0, 999))
@example([Push((8646, 8643, 8645), frozenset({"ada"}))], 0)
@example([Push((8645, 8646, 8643, 8644), renamed=True)], 0)
@example([Push((8644, 8643, 8645), frozenset({"ada"}))], 0)
@example([Push((8644, 8643, 8645), frozenset({"ada"}), renamed=True)], 0)
@example([Push((8644, 8643, 8645), frozenset({"ada"}), limits=(5,))], 0)
@example([Push((8646, 8644, 8645), frozenset({"ada"})), Push((8646, 8644, 8645, 8643), frozenset({"ada"}), True)], 0)
@example(
    [
        Push((8643, 8644, 8646, 8645), joined=True),
        Push((8646, 8645, 8644, 8643), frozenset({"cy"}), renamed=True, limits=(13,)),
    ],
    0,
)
@example([Push((8646, 8643, 8644), frozenset({"ada"}), down=frozenset({"bo", "cy"}))], 0)
@example([Push((8646, 8643, 8645), down=frozenset({"ada"}), stranger=8646)], 0)
@example([Push((8646, 8643, 8645), renamed=True, down=frozenset({"ada"}), stranger=8646)], 0)
def test_who_has_held_once_never_ends_without_a_way_back_and_a_mend_is_tried(made: list[Push], seed: int) -> None:
    host, chance = _settled(), random.Random(seed)
    renamed = joined = False
    for number, push in enumerate(made, 1):
        renamed, joined = renamed or push.renamed, joined or push.joined
        desired = desired_of(_fleet(push, number, renamed, joined), f"{number:040x}")
        bad = {name for name in desired.wizards if _old(name) in push.bad}
        _disturb(host, push)
        for limit in (*push.limits, None, None, None):
            one = Try(host, desired, bad, chance.randrange, limit)
            one.run()
        _all_run(one)
        _end(host, push.down)
        one.run()
        one.run()
        _all_run(one)
        back = {name: port_of(generation) for name, (_, generation) in one.wanted().quarantined.items() if generation}
        assert {name: one.port(name) for name in back} == back
    host.strangers.clear()
    mended = desired_of(_fleet(replace(made[-1], bad=frozenset()), 0, renamed, joined), "f" * 40)
    one = Try(host, mended, frozenset(), chance.randrange)
    for _ in made:
        one.run()
    one.run()
    assert one.plan().changes == ()
    assert one.wanted().quarantined == {}
    assert all(one.runs(name) for name in mended.wizards)


def _disturb(host: Host, push: Push) -> None:
    _end(host, push.down)
    ways = {port_of(generation) for found in host.records.generations.values() for generation in found}
    if push.stranger and push.stranger not in host.listeners().keys() | ways:
        host.strangers[push.stranger] = 1


def _end(host: Host, names: Set[str]) -> None:
    """Their gateways end, under whatever name they run."""
    for key in [body_key(name) for name in (*names, *(["eve"] if "ada" in names else []))]:
        host.processes.pop(key, None)


def _all_run(one: Try) -> None:
    """Whoever has held once, and nothing moves any more."""
    held = [name for name in one.desired.wizards if one.host.records.generations.get(name)]
    assert [name for name in held if not one.runs(name)] == []
    assert not one.plan().steps


def _swap(*, bad: str = "ada") -> tuple[Host, Try]:
    """Ada and bo exchange ports; one of them can't come up."""
    host = _settled()
    desired = _desired({"ada": 8644, "bo": 8643, "cy": 8645}, 1, **{bad: 1})
    return host, Try(host, desired, frozenset({bad}))


def test_who_takes_a_port_waits_with_all_of_it_until_the_giver_holds() -> None:
    host = _settled()
    one = Try(host, _desired({"ada": 8646, "bo": 8643, "cy": 8644}, 1), frozenset())
    needs = {step.id: set(step.needs) for step in one.plan().steps}
    for taker, giver in (("bo", "ada"), ("cy", "bo")):
        own = [name for name in needs if name.startswith(f"wizard/{taker}/")]
        assert {name for name in own if f"wizard/{giver}/body#gate" not in needs[name]} == set()
    assert one.run().rings == ()
    assert one.plan().changes == ()


def test_where_the_giver_fails_the_taker_is_left_as_it_is() -> None:
    host = _settled()
    pid = host.processes["wizard/bo/body"].pid
    one = Try(host, _desired({"ada": 8646, "bo": 8643, "cy": 8645}, 1, ada=1), frozenset({"ada"}))
    one.run()
    assert (one.port("ada"), one.port("bo"), host.processes["wizard/bo/body"].pid) == (8643, 8644, pid)
    obstacle = one.plan().change("wizard/bo/body").obstacle
    mend = "push a commit that mends ada, or give bo another port"
    assert obstacle == f"port 8643 is kept for ada, which is quarantined and goes back to it; {mend}"


def test_what_a_quarantined_wizard_goes_back_to_is_kept_for_it_also_while_it_is_down() -> None:
    host = _settled()
    Try(host, _desired({**FIRST, "ada": 8646}, 1, ada=1), frozenset({"ada"})).run()
    host.processes.pop("wizard/ada/body")
    one = Try(host, _desired({**FIRST, "ada": 8646, "di": 8643}, 2, ada=1), frozenset({"ada"}))
    assert {step.wizard for step in one.plan().steps if step.operation is Operation.START} == {"ada"}
    one.run()
    assert one.port("ada") == 8643
    assert "port 8643 is kept for ada" in one.plan().change("wizard/di/body").obstacle
    assert not one.runs("di")


def test_a_port_is_kept_until_its_wizard_has_held_elsewhere_although_it_is_not_looked_at() -> None:
    """Killed before the gate of who leaves the port; then somebody applies the taker alone."""
    host = _settled()
    desired = _desired({"ada": 8646, "bo": 8643, "cy": 8645}, 1)
    steps = [step.id for step in Try(host, desired, frozenset()).plan().steps]
    Try(host, desired, frozenset(), limit=steps.index("wizard/ada/body#start") + 1).run()
    one = Try(host, desired, frozenset())
    assert "until that has held on another" in one.plan(only=frozenset({"bo"})).change("wizard/bo/body").obstacle
    one.run()
    assert one.plan().changes == ()


@pytest.mark.parametrize("limit", range(1, 14))
@pytest.mark.parametrize("bad", ["ada", "bo", "cy"])
def test_a_ring_goes_back_whole_wherever_it_was_killed(limit: int, bad: str) -> None:
    """Also where some of it have passed their gates already, and need nothing any more."""
    desired = _desired({"ada": 8644, "bo": 8645, "cy": 8643}, 1, **{bad: 1})
    for seed in range(5):
        host = _settled()
        killed = Try(host, desired, frozenset({bad}), random.Random(seed).randrange, limit)
        killed.run()
        one = Try(host, desired, frozenset({bad}))
        one.run()
        assert {name: one.runs(name) and one.port(name) for name in FIRST} == FIRST
        assert one.plan().steps == ()


def test_who_only_goes_along_says_whom_it_follows_and_comes_along_with_the_mend() -> None:
    host, one = _swap()
    assert one.run().rings == (("ada", "bo"),)
    found = host.records.quarantines
    assert (found["ada"].ring, found["ada"].follows) == (("bo",), ())
    assert (found["bo"].ring, found["bo"].follows) == (("ada",), ("ada",))
    told = words(*one.wanted().quarantined["bo"])
    assert told.endswith("push a commit that changes ada, or `reconciler retry bo`, which tries ada again with it")
    mended = Try(host, _desired({"ada": 8644, "bo": 8643, "cy": 8645}, 2), frozenset())
    assert mended.wanted().quarantined == {}
    mended.run()
    assert (mended.port("ada"), mended.port("bo"), mended.plan().changes) == (8644, 8643, ())
    assert host.records.quarantines == {}


def test_a_ring_of_which_two_failed_waits_until_both_are_mended() -> None:
    host, one = _swap()
    one.desired = _desired({"ada": 8644, "bo": 8643, "cy": 8645}, 1, ada=1, bo=1)
    one.bad = frozenset({"ada", "bo"})
    one.run()
    assert {q.follows for q in host.records.quarantines.values()} == {()}
    half = Try(host, _desired({"ada": 8644, "bo": 8643, "cy": 8645}, 2, bo=1), frozenset({"bo"}))
    half.run()
    assert (half.port("ada"), half.port("bo")) == (8643, 8644)
    assert "kept for bo" in half.plan().change("wizard/ada/body").obstacle
    assert whole_rings(["bo"], host.records.quarantines) == {"ada", "bo"}
    whole = Try(host, _desired({"ada": 8644, "bo": 8643, "cy": 8645}, 3), frozenset())
    whole.run()
    assert (whole.port("ada"), whole.port("bo"), whole.plan().changes) == (8644, 8643, ())


def test_where_the_way_back_can_not_start_its_files_go_back_all_the_same() -> None:
    host = _settled()
    one = Try(host, _desired({**FIRST, "ada": 8646}, 1, ada=1), frozenset({"ada"}))
    host.strangers[8643] = 1
    host.processes.pop("wizard/ada/body")
    one.run()
    assert "is held by pid 1" in one.plan().change("wizard/ada/body").obstacle
    assert [change.key for change in one.plan().changes] == ["wizard/ada/body"]
    held = host.records.held["wizard/ada/file/home/config.yaml"].resource
    assert held in host.records.generations["ada"][0].resources


def test_rings_are_found_beside_chains() -> None:
    waits = {"a": {"b"}, "b": {"c", "x"}, "c": {"a"}, "d": {"a"}, "x": {"y"}, "y": set[str](), "s": {"s"}}
    found = rings(waits)
    assert found == {**dict.fromkeys("abc", frozenset("abc")), "s": frozenset("s")}


def test_a_quarantine_follows_only_those_who_went_back_with_it() -> None:
    """Ada has failed anew, alone; what bo once followed is over."""
    host, one = _swap()
    one.run()
    alone = replace(host.records.quarantines["ada"], ring=())
    host.records = replace(host.records, quarantines={**host.records.quarantines, "ada": alone})
    assert set(one.wanted().quarantined) == {"ada"}


def test_a_canary_that_only_went_along_has_failed_on_nothing_and_is_waited_for() -> None:
    """Bo failed, on the version that it was on; ada, the canary of another one, went back with it."""
    host, fleet = Host(), lineage({}, "ada", "hermes-old")
    old = desired_of(fleet, "a" * 40)
    settle(host, old)
    remember(host, old)
    new = desired_of(
        changed(lineage({}, "ada", "hermes"), "bo", codebase="hermes-old", config={"agent": {"note": 1}}), "b" * 40
    )
    fail(host, new, ["ada", "bo"])
    found = host.records.quarantines
    ties = {"ada": replace(found["ada"], ring=("bo",), follows=("bo",)), "bo": replace(found["bo"], ring=("ada",))}
    host.records = replace(host.records, quarantines=ties)
    plan = plan_of(host, new)
    assert body_steps(plan, Operation.STOP) == {}
    assert {change.obstacle for change in plan.changes if change.disposition is Disposition.HELD} == {
        "waits for the canary ada, which went back with bo; `reconciler retry ada` lets it go on"
    }
