"""A wizard that leaves: stopped, kept in the attic, and back with its memories; never what is not ours."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.plan.build import Rules, build
from reconciler.plan.change import Action, Disposition, Operation, Plan
from reconciler.plan.fact import Unknown
from reconciler.plan.held import Origin, Records
from reconciler.spec.desired import DesiredFleet
from reconciler.spec.kinds import DesiredState, FromEnv, Policy, SoulFile, Wizard
from tests.plan.fleets import ELSEWHERE, FREE, ROOT, changed, desired_of, fleet_of, read, simple, without
from tests.plan.host import Host, Node, tree_of
from tests.plan.walk import plan_for, settle

ADA = "wizard/ada/body"
MEMORY = f"{ROOT}/ada/home/memories/MEMORY.md"
FIRST, SECOND, THIRD = "1" * 40, "2" * 40, "3" * 40
ATTIC = f"{ROOT}/.attic/ada-{SECOND[:12]}"


@pytest.fixture
def fleet() -> DesiredFleet:
    return fleet_of(simple("ada", 8643), simple("bo", 8644))


@pytest.fixture
def host(fleet: DesiredFleet) -> Host:
    host = Host()
    settle(host, desired_of(fleet, FIRST))
    host.files[MEMORY] = Node("foreign", 0o600, "what ada remembers")
    return host


def _removed(host: Host, fleet: DesiredFleet, rules: Rules = FREE) -> Plan:
    return plan_for(host, desired_of(without(fleet, "ada"), SECOND), rules)


def _actions(plan: Plan) -> dict[str, Action]:
    return {c.key: c.action for c in plan.changes}


def test_it_is_refused_until_it_is_named(host: Host, fleet: DesiredFleet) -> None:
    plan = _removed(host, fleet, Rules())
    assert plan.steps
    assert plan.refusals[0].what == "it would remove 1 wizard (ada); the fleet allows 0 at once"
    assert plan.refusals[0].mend == "put the trailer `Allow-Delete: ada` into the commit, or say --allow-delete ada"
    assert _removed(host, fleet, Rules(deletions=frozenset({"bo"}))).refusals
    assert not _removed(host, fleet, Rules(deletions=frozenset({"ada"}))).refusals


def test_a_mass_deletion_is_refused(host: Host, fleet: DesiredFleet) -> None:
    plan = plan_for(host, desired_of(without(fleet, "ada", "bo")), Rules())
    assert "2 wizards (ada, bo)" in plan.refusals[0].what


def test_it_stops_and_moves_and_comes_back(host: Host, fleet: DesiredFleet) -> None:
    plan = _removed(host, fleet)
    assert _actions(plan) == {ADA: Action.STOP, "wizard/ada/attic": Action.STORE}
    host.apply(plan)
    assert host.files[f"{ATTIC}/home/memories/MEMORY.md"].content == "what ada remembers"
    assert not [path for path in host.files if path.startswith(f"{ROOT}/ada")]
    assert not _removed(host, fleet).changes
    back = desired_of(fleet, THIRD)
    plan = settle(host, back)
    assert _actions(plan) == {"wizard/ada/attic": Action.RETURN, ADA: Action.START}
    assert host.files[MEMORY].content == "what ada remembers"
    assert not plan_for(host, back).changes


def test_it_comes_back_changed(host: Host, fleet: DesiredFleet) -> None:
    host.apply(_removed(host, fleet))
    back = desired_of(changed(fleet, "ada", port=8650, config={"x": 1}), THIRD)
    plan = settle(host, back)
    assert _actions(plan)["wizard/ada/file/home/config.yaml"] is Action.UPDATE
    assert tree_of(host.files[f"{ROOT}/ada/home/config.yaml"])["x"] == 1
    assert not plan_for(host, back).changes


@pytest.mark.parametrize("fact", ["a folder", "unknown", "not looked at"])
def test_it_does_not_come_back_over_something(host: Host, fleet: DesiredFleet, fact: str) -> None:
    host.apply(_removed(host, fleet))
    desired = desired_of(fleet, THIRD)
    if fact == "a folder":
        host.files[f"{ROOT}/ada"] = Node("directory", 0o700)
    observed = host.observe(desired)
    if fact == "unknown":
        observed = replace(observed, facts={**observed.facts, "wizard/ada/dir/original": Unknown("disk away")})
    if fact == "not looked at":
        facts = {key: value for key, value in observed.facts.items() if key != "wizard/ada/dir/original"}
        observed = replace(observed, facts=facts)
    plan = build(desired, observed, host.records, FREE)
    assert not [s for s in plan.steps if s.wizard == "ada"]
    assert {c.disposition for c in plan.changes if c.wizard == "ada"} == {Disposition.BLOCKED}
    assert f"{ROOT}/ada" in plan.change("wizard/ada/attic").obstacle


def test_an_attic_that_was_emptied_by_hand_is_a_fresh_start(host: Host, fleet: DesiredFleet) -> None:
    host.apply(_removed(host, fleet))
    host.files = {path: node for path, node in host.files.items() if not path.startswith(ATTIC)}
    desired = desired_of(fleet, THIRD)
    plan = plan_for(host, desired)
    assert plan.change("wizard/ada/attic").action is Action.RELEASE
    assert plan.steps[0].id == "wizard/ada/attic#record"
    assert all(plan.steps[0].id in s.needs for s in plan.steps[1:])
    host.apply(plan)
    assert not host.records.attic
    assert not plan_for(host, desired).changes
    assert host.processes[ADA].pid


def test_a_folder_that_was_taken_out_of_the_attic_by_hand_says_where_to_put_it(host: Host, fleet: DesiredFleet) -> None:
    host.apply(_removed(host, fleet))
    host.files = {path.replace(ATTIC, f"{ROOT}/ada"): node for path, node in host.files.items()}
    plan = plan_for(host, desired_of(fleet, THIRD))
    assert not plan.steps
    assert plan.change("wizard/ada/attic").obstacle.endswith(f"move it to {ATTIC}")


def test_a_body_that_cannot_be_seen_keeps_everything_in_place(host: Host, fleet: DesiredFleet) -> None:
    host.unknown[ADA] = "the supervisor does not answer"
    before = host.copy()
    plan = _removed(host, fleet)
    assert not plan.steps
    assert plan.change("wizard/ada/attic").obstacle.startswith(f"waits for {ADA}: could not be observed")
    host.apply(plan)
    assert (host.files, host.records) == (before.files, before.records)


@pytest.mark.parametrize("fact", ["unknown", "not looked at"])
def test_a_folder_that_cannot_be_seen_is_not_moved(host: Host, fleet: DesiredFleet, fact: str) -> None:
    desired = desired_of(without(fleet, "ada"), SECOND)
    observed = host.observe(desired)
    facts = {key: value for key, value in observed.facts.items() if key != "wizard/ada/dir"}
    if fact == "unknown":
        facts["wizard/ada/dir"] = Unknown("permission denied")
    plan = build(desired, replace(observed, facts=facts), host.records, FREE)
    assert not [s for s in plan.steps if s.operation is Operation.STORE]
    assert "could not be observed" in plan.change("wizard/ada/attic").obstacle


def test_something_else_in_place_of_the_folder_is_not_moved(host: Host, fleet: DesiredFleet) -> None:
    host.files = {path: node for path, node in host.files.items() if not path.startswith(f"{ROOT}/ada")}
    host.files[f"{ROOT}/ada"] = Node("symlink", content="/etc")
    plan = _removed(host, fleet)
    host.apply(plan)
    assert {s.operation for s in plan.steps} == {Operation.STOP, Operation.RECORD}
    assert host.files[f"{ROOT}/ada"].content == "/etc"
    assert not _removed(host, fleet).changes


def test_a_wizard_that_is_gone_from_the_disk_already_is_only_forgotten(host: Host, fleet: DesiredFleet) -> None:
    host.files = {path: node for path, node in host.files.items() if not path.startswith(f"{ROOT}/ada")}
    plan = _removed(host, fleet)
    host.apply(plan)
    assert {s.operation for s in plan.steps} == {Operation.STOP, Operation.RECORD}
    assert not [key for key in host.records.held if key.startswith("wizard/ada/")]


@pytest.mark.parametrize("claimed", ["wizard/ada/dir", "wizard/ada/dir/home"])
def test_a_claimed_home_loses_only_what_is_ours(fleet: DesiredFleet, claimed: str) -> None:
    host = Host()
    path = f"{ROOT}/ada" if claimed == "wizard/ada/dir" else f"{ROOT}/ada/home"
    host.files[path] = Node("directory", 0o755)
    settle(host, desired_of(fleet, FIRST))
    if claimed == "wizard/ada/dir/home":  # the folder around it is ours: a pass was killed before it made the home
        held = dict(host.records.held)
        held["wizard/ada/dir"] = replace(held["wizard/ada/dir"], origin=Origin.CREATED)
        host.records = replace(host.records, held=held)
    host.files[MEMORY] = Node("foreign", 0o600, "what ada remembers")
    tree_of(host.files[f"{ROOT}/ada/home/config.yaml"])["of-the-agent"] = 1
    plan = _removed(host, fleet)
    assert Action.STORE not in _actions(plan).values()
    host.apply(plan)
    assert host.files[MEMORY].content == "what ada remembers"
    assert tree_of(host.files[f"{ROOT}/ada/home/config.yaml"]) == {"of-the-agent": 1}
    assert f"{ROOT}/ada/home/SOUL.md" not in host.files
    assert not [key for key in host.records.held if key.startswith("wizard/ada/")]
    assert not _removed(host, fleet).changes
    settle(host, desired_of(fleet, THIRD))
    assert host.files[MEMORY].content == "what ada remembers"


def test_what_was_there_before_us_stays_as_it_is(fleet: DesiredFleet) -> None:
    """A hand-made wizard, adopted and let go."""
    host = Host()
    settle(host, desired_of(fleet, FIRST))
    host.records = Records()
    settle(host, desired_of(fleet, FIRST))
    before = host.copy()
    plan = _removed(host, fleet)
    assert not [s for s in plan.steps if s.operation in (Operation.REMOVE, Operation.STORE)]
    host.apply(plan)
    assert host.files.keys() == before.files.keys()
    assert host.files[f"{ROOT}/ada/home/SOUL.md"] == before.files[f"{ROOT}/ada/home/SOUL.md"]
    assert not tree_of(host.files[f"{ROOT}/ada/home/.env"])


def test_our_keys_are_taken_out_without_their_secrets(fleet: DesiredFleet) -> None:
    """The secret may have gone together with the wizard."""
    host = Host()
    host.files[f"{ROOT}/ada"] = Node("directory", 0o755)
    settle(host, desired_of(changed(fleet, "ada", env={"TOKEN": FromEnv(env="TOKEN")}), FIRST))
    host.missing.update(host.secrets)
    host.apply(_removed(host, fleet))
    assert not tree_of(host.files[f"{ROOT}/ada/home/.env"])


def test_a_removed_wizard_that_was_dead_is_counted_too(fleet: DesiredFleet) -> None:
    host = Host()
    host.files[f"{ROOT}/ada"] = Node("directory", 0o755)
    settle(host, desired_of(changed(fleet, "ada", desired=DesiredState.DEAD), FIRST))
    assert _removed(host, fleet, Rules()).refusals


def test_what_is_left_of_a_home_elsewhere_waits_with_the_folder() -> None:
    fleet = fleet_of(simple("di", home="homes/di"), simple("bo", 8644))
    host = Host()
    settle(host, desired_of(fleet, FIRST))
    memory = f"{ROOT}/homes/di/MEMORY.md"
    host.files[memory] = Node("foreign", 0o600, "what di remembers")
    desired = desired_of(without(fleet, "di"), SECOND)
    host.unknown["wizard/di/file/home/config.yaml"] = "permission denied"
    plan = settle(host, desired)
    assert "wizard/di/attic#store" not in {s.id for s in plan.steps}
    host.unknown.clear()
    settle(host, desired)
    assert "di" in host.records.attic
    assert host.files[memory].content == "what di remembers"
    assert f"{ROOT}/homes/di/SOUL.md" not in host.files
    settle(host, desired_of(fleet, THIRD))
    assert not plan_for(host, desired_of(fleet, THIRD)).changes
    assert read(host.files[f"{ROOT}/homes/di/config.yaml"], ("memory", "memory_enabled")) is True


def test_a_wizard_that_moves_to_another_host_says_so(host: Host, fleet: DesiredFleet) -> None:
    moved = desired_of(changed(fleet, "ada", host=ELSEWHERE), SECOND)
    assert plan_for(host, moved, Rules()).refusals
    plan = settle(host, moved)
    assert _actions(plan) == {ADA: Action.STOP, "wizard/ada/attic": Action.STORE}
    assert {r.text for c in plan.changes for r in c.reasons} == {"Git runs it on another host now"}
    settle(host, desired_of(fleet, THIRD))
    assert host.files[MEMORY].content == "what ada remembers"


def test_a_removed_and_paused_wizard_stays(host: Host, fleet: DesiredFleet) -> None:
    host.pause("ada")
    plan = _removed(host, fleet, Rules())
    assert not plan.steps
    assert not plan.refusals
    assert {c.disposition for c in plan.changes} == {Disposition.HELD}


def test_an_ended_process_of_a_removed_wizard_is_forgotten_by_its_supervisor(host: Host, fleet: DesiredFleet) -> None:
    host.processes[ADA] = replace(host.processes[ADA], pid=None, state=type(host.processes[ADA].state).EXITED)
    host.apply(_removed(host, fleet))
    assert ADA not in host.processes


@pytest.mark.parametrize(
    ("trait", "new"),
    [
        pytest.param("port 8643", simple("eve", 8643), id="port"),
        pytest.param("home", simple("eve", 8650, home="ada/home"), id="home"),
        pytest.param("soul", simple("eve", 8650, soul={"file": "souls/ada.md"}), id="soul"),
        pytest.param("", simple("eve", 8650), id="nothing"),
    ],
)
def test_what_looks_like_a_rename_is_refused(trait: str, new: Wizard) -> None:
    policy = Policy(max_deletions=5)
    fleet = fleet_of(simple("ada"), policy=policy)
    host = Host()
    settle(host, desired_of(fleet, FIRST))
    renamed = fleet_of(new, policy=policy)
    renamed = replace(renamed, souls={**fleet.souls, **renamed.souls})
    plan = plan_for(host, desired_of(renamed, SECOND), Rules())
    assert len(plan.refusals) == bool(trait)
    for refusal in plan.refusals:
        assert f"wizard ada goes and wizard eve comes with the same {trait}" in refusal.what
        assert "--allow-delete ada" in refusal.mend
    named = plan_for(host, desired_of(renamed, SECOND), Rules(deletions=frozenset({"ada"})))
    assert not named.refusals


def test_two_wizards_that_were_both_there_are_no_rename() -> None:
    soul = SoulFile(file="souls/a.md")
    fleet = fleet_of(simple("ada"), simple("bo", 8644), policy=Policy(max_deletions=5))
    fleet = changed(changed(fleet, "ada", soul=soul), "bo", soul=soul)
    host = Host()
    settle(host, desired_of(fleet, FIRST))
    moved = desired_of(changed(without(fleet, "ada"), "bo", port=8643), SECOND)
    assert not plan_for(host, moved, Rules()).refusals
    settle(host, moved)
    assert host.processes["wizard/bo/body"].port == 8643
