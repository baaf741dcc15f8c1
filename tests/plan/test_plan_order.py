"""Steps come after what they need, and a failure takes down nothing that could have gone on running."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.plan import order as order_module
from reconciler.plan.build import build
from reconciler.plan.change import Action, Operation, Plan, Step
from reconciler.plan.fact import ProcessState
from reconciler.plan.resource import CodebaseVersion, Process, Symlink
from reconciler.spec.desired import DesiredFleet
from tests.plan.fleets import FREE, NAMES, PORTS, Story, desired_of, fleet_of, simple, stories
from tests.plan.host import Host
from tests.plan.walk import plan_for, settle, walk

WRITES = frozenset({Operation.MAKE_DIRECTORY, Operation.WRITE_TEXT, Operation.EDIT_KEYS, Operation.LINK})


def _closure(plan: Plan) -> Mapping[str, frozenset[str]]:
    """Step -> all that has to be done before it."""
    found: dict[str, frozenset[str]] = {}
    for step in plan.steps:
        found[step.id] = frozenset(step.needs).union(*(found[need] for need in step.needs))
    return found


@given(stories())
def test_every_need_is_a_step_that_comes_before(story: Story) -> None:
    for page in walk(story):
        seen: set[str] = set()
        for step in page.plan.steps:
            assert step.id not in seen
            assert set(step.needs) <= seen
            seen.add(step.id)


@given(stories())
def test_a_process_starts_after_all_that_it_needs(story: Story) -> None:
    for page in walk(story):
        before = _closure(page.plan)
        steps = {step.id: step for step in page.plan.steps}
        codebases = {r.path: r.key for r in page.desired.resources if isinstance(r, CodebaseVersion)}
        for step in page.plan.steps:
            resource = page.plan.change(step.key).resource
            if isinstance(resource, Symlink) and step.operation is Operation.LINK:
                install = f"{codebases[resource.target]}#install"
                assert install in before[step.id] or install not in steps
            if step.operation is not Operation.START or not isinstance(resource, Process):
                continue
            install = f"{codebases[resource.codebase]}#install"
            assert install in before[step.id] or install not in steps
            own = {s.id for s in page.plan.steps if s.wizard == step.wizard and s.operation in WRITES}
            assert own <= before[step.id]
            stop = f"{step.key}#stop"
            if stop in steps:
                assert stop in before[step.id]
                assert own <= before[stop]


@given(stories())
def test_a_process_starts_after_the_stop_of_its_ports_holder(story: Story) -> None:
    for page in walk(story):
        before = _closure(page.plan)
        for step in page.plan.steps:
            process = page.plan.change(step.key).resource
            if step.operation is not Operation.START or not isinstance(process, Process):
                continue
            holders = [
                k for k, p in page.before.processes.items() if p.pid and p.port == process.port and k != step.key
            ]
            assert all(f"{key}#stop" in before[step.id] for key in holders)


@given(stories())
def test_a_folder_moves_when_nothing_of_its_wizard_runs(story: Story) -> None:
    for page in walk(story):
        before = _closure(page.plan)
        for step in page.plan.steps:
            mine = [s for s in page.plan.steps if s.wizard == step.wizard and s is not step]
            own, noted = {s.id for s in mine}, {s.id for s in mine if s.operation is Operation.RECORD}
            if step.operation is Operation.STORE:
                assert own - noted <= before[step.id] <= own, "but for what is only noted, such as a file that is gone"
            if step.operation is Operation.RETURN:
                assert all(step.id in before[other] for other in own)


def _is_one_of(unlucky: set[str], step: Step) -> bool:
    return step.id in unlucky


@given(stories(frozenset()), st.integers(1, 6), st.integers(0, 999))
def test_a_file_that_cannot_be_written_leaves_what_runs_running(story: Story, share: int, seed: int) -> None:
    """Files fail, everything else works: nobody who ran before and should run is down after the pass."""
    for page in walk(story):
        host, chance = page.before.copy(), random.Random(seed)
        unlucky = {s.id for s in page.plan.steps if s.operation in WRITES and chance.randrange(7) < share}
        ran = {key for key, live in host.processes.items() if live.state is ProcessState.RUNNING}
        host.apply(page.plan, chance.randrange, partial(_is_one_of, unlucky))
        wanted = {r.key for r in page.desired.resources if isinstance(r, Process) and r.run}
        for key in ran & wanted:
            assert host.processes[key].state is ProcessState.RUNNING
        settle(host, page.desired)
        assert not plan_for(host, page.desired).changes


@given(st.permutations(PORTS[: len(NAMES)]), st.integers(0, 99))
def test_any_exchange_of_ports_is_one_pass(ports: list[int], seed: int) -> None:
    host, chance = Host(), random.Random(seed)
    settle(host, desired_of(_with(PORTS)))
    pids = {key: live.pid for key, live in host.processes.items()}
    desired = desired_of(_with(ports))
    plan = plan_for(host, desired)
    assert len(host.apply(plan, chance.randrange)) == len(plan.steps)
    assert not plan_for(host, desired).changes
    for name, old, new in zip(NAMES, PORTS, ports, strict=False):
        live = host.processes[f"wizard/{name}/body"]
        assert live.port == new
        assert (live.pid == pids[f"wizard/{name}/body"]) == (old == new)


@pytest.mark.parametrize("ports", [(8644, 8645, 8643), (8644, 8645, 8699), (8644, 8643, 8645)])
@pytest.mark.parametrize("unlucky", ["ada", "bo", "cy"])
def test_who_waits_for_a_port_does_not_stop_before_it_can_be_freed(ports: tuple[int, ...], unlucky: str) -> None:
    host = Host()
    names = ("ada", "bo", "cy")
    settle(host, desired_of(fleet_of(*(simple(n, p) for n, p in zip(names, PORTS, strict=False)))))
    desired = desired_of(fleet_of(*(simple(n, p) for n, p in zip(names, ports, strict=True))))
    host.apply(plan_for(host, desired), fails=lambda step: step.key == f"wizard/{unlucky}/file/home/config.yaml")
    assert {key for key, live in host.processes.items() if live.pid} == {f"wizard/{n}/body" for n in names}
    settle(host, desired)
    assert not plan_for(host, desired).changes


def test_a_gateway_that_does_not_listen_yet_holds_its_port() -> None:
    """It needs seconds until it listens; who takes over its port waits all the same, and is not started beside it."""
    host = Host()
    settle(host, desired_of(_with(PORTS[:2])))
    turned = desired_of(_with((8644, 8643)))
    observed = host.observe(turned)
    deaf = replace(observed, listeners={})
    plan = build(turned, deaf, host.records, FREE)
    before = _closure(plan)
    assert "wizard/bo/body#stop" in before["wizard/ada/body#start"]
    assert "wizard/ada/body#stop" in before["wizard/bo/body#start"]
    host.pause("bo")
    held = build(turned, deaf, host.records, FREE)
    assert not held.steps
    assert "port 8644 is held by wizard/bo/body" in held.change("wizard/ada/body").obstacle


def test_folders_are_made_from_the_root_down_and_removed_from_the_leaves_up() -> None:
    host = Host()
    desired = desired_of(fleet_of(simple("di", home="homes/di/deep")))
    plan = settle(host, desired)
    made = [plan.change(s.key).resource for s in plan.steps if s.operation is Operation.MAKE_DIRECTORY]
    paths = [r.path for r in made if not isinstance(r, Process)]
    assert all(not a.startswith(f"{b}/") for a, b in pairwise(paths))
    host.files["/srv/wizards/di"].mode = 0o755
    assert [s.key for s in plan_for(host, desired).steps] == ["wizard/di/dir"]


def _with(ports: tuple[int, ...] | list[int]) -> DesiredFleet:
    return fleet_of(*(simple(name, port) for name, port in zip(NAMES, ports, strict=False)))


def test_a_stop_for_good_comes_before_the_files() -> None:
    host = Host()
    settle(host, desired_of(fleet_of(simple("ada"))))
    desired = desired_of(fleet_of(simple("ada", desired="dead", config={"x": 1}, model="small")))
    plan = plan_for(host, desired)
    assert plan.change("wizard/ada/body").action is Action.STOP
    assert plan.steps[0].operation is Operation.STOP
    assert all("wizard/ada/body#stop" in s.needs for s in plan.steps[1:])


def test_a_failed_start_of_one_does_not_stop_another() -> None:
    host = Host()
    desired = desired_of(_with(PORTS[:2]))

    def fails(step: Step) -> bool:
        return step.id == "wizard/ada/body#start"

    host.apply(plan_for(host, desired), fails=fails)
    assert list(host.processes) == ["wizard/bo/body"]


def test_steps_that_need_each_other_are_a_bug_and_no_plan_without_end() -> None:
    steps = [
        Step(name, Operation.START, name, None, needs) for name, needs in [("a", ("b",)), ("b", ("c",)), ("c", ("b",))]
    ]
    with pytest.raises(ValueError, match="need each other: "):
        order_module._in_turn(steps)
