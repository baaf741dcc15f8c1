"""A wizard under another name: stopped, its folder moved, everything of the agent with it; whole or not at all."""

from __future__ import annotations

import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.plan.build import Rules, build
from reconciler.plan.change import Action, Cause, Disposition, Operation, Plan
from reconciler.plan.expansion import expansion, of_wizard
from reconciler.plan.fact import Unknown
from reconciler.plan.formerly import renamed
from reconciler.plan.generation import effective
from reconciler.plan.held import Generation, Origin, Quarantine
from reconciler.plan.relocate import Relocation
from reconciler.plan.resource import Process
from reconciler.plan.value import Known, SecretRef
from reconciler.spec.desired import DesiredFleet
from reconciler.spec.kinds import DesiredState, Generate, Policy, SoulFile
from tests.plan.fleets import (
    AGENTS_OWN,
    DRIFT,
    ELSEWHERE,
    FREE,
    ROOT,
    Chapter,
    Disturbance,
    at_version,
    changed,
    chapters,
    desired_of,
    disturbances,
    fleet_of,
    fleets,
    read,
    simple,
    without,
)
from tests.plan.host import Host, Node, put, tree_of
from tests.plan.walk import plan_for, settle

ADA, EVE = "wizard/ada/body", "wizard/eve/body"
RENAME = "wizard/eve/rename"
MEMORY = "home/memories/MEMORY.md"
FIRST, SECOND, THIRD = "1" * 40, "2" * 40, "3" * 40
STRICT = Rules()


@pytest.fixture
def fleet() -> DesiredFleet:
    return fleet_of(simple("ada", 8643, env={"TOKEN": Generate(generate=True)}), simple("bo", 8644))


@pytest.fixture
def host(fleet: DesiredFleet) -> Host:
    host = Host()
    settle(host, desired_of(fleet, FIRST))
    host.files[f"{ROOT}/ada/{MEMORY}"] = Node("foreign", 0o600, "what ada remembers")
    put(tree_of(host.files[f"{ROOT}/ada/home/config.yaml"]), ("learned",), "by ada")
    return host


def as_eve(fleet: DesiredFleet, **fields: object) -> DesiredFleet:
    """The fleet whose ada is called eve."""
    eve = fleet.wizards["ada"].model_copy(update={"name": "eve", "formerly": ("ada",), **fields})
    return replace(fleet, wizards={**without(fleet, "ada").wizards, "eve": eve})


def actions(plan: Plan) -> dict[str, Action]:
    return {c.key: c.action for c in plan.changes}


def untouched(plan: Plan) -> bool:
    """Nothing of the old or the new name is done, and nothing is thought of as removed."""
    reasons = {r.cause for c in plan.changes for r in c.reasons}
    return not [s for s in plan.steps if s.wizard in ("ada", "eve")] and Cause.REMOVED not in reasons


def test_it_is_stopped_moved_changed_and_started(host: Host, fleet: DesiredFleet) -> None:
    desired = desired_of(as_eve(fleet), SECOND)
    before = host.copy()
    plan = plan_for(host, desired, STRICT)
    assert not plan.refusals
    assert actions(plan) == {
        ADA: Action.STOP,
        RENAME: Action.RENAME,
        EVE: Action.START,
        "wizard/eve/file/home/config.yaml": Action.UPDATE,
        "wizard/eve/file/start-gateway.sh": Action.UPDATE,
    }
    assert [s.id for s in plan.steps if s.operation in (Operation.STOP, Operation.RENAME)] == [
        f"{ADA}#stop",
        f"{RENAME}#rename",
    ]
    assert plan.change(EVE).reasons[0].text == "was ada until now"
    assert len(plan.change(EVE).reasons) == 1
    host.apply(plan)
    assert not plan_for(host, desired, STRICT).changes
    assert host.files[f"{ROOT}/eve/{MEMORY}"] == before.files[f"{ROOT}/ada/{MEMORY}"]
    assert read(host.files[f"{ROOT}/eve/home/config.yaml"], ("learned",)) == "by ada"
    assert not [p for p in host.files if p.startswith(f"{ROOT}/ada")]
    assert host.processes.keys() == {EVE, "wizard/bo/body"}
    assert host.processes["wizard/bo/body"].pid == before.processes["wizard/bo/body"].pid


def test_what_was_generated_for_it_is_kept(host: Host, fleet: DesiredFleet) -> None:
    before = tree_of(host.files[f"{ROOT}/ada/home/.env"]).copy()
    plan = settle(host, desired_of(as_eve(fleet), SECOND))
    assert "wizard/eve/file/home/.env" not in actions(plan)
    assert tree_of(host.files[f"{ROOT}/eve/home/.env"]) == before
    assert not [ref for ref in host.secrets if ref.location.startswith("ada/")]


def test_entries_keep_their_origin_and_what_was_applied(host: Host, fleet: DesiredFleet) -> None:
    before = host.records
    plan = plan_for(host, desired_of(as_eve(fleet), SECOND))
    host.apply(plan, limit=[s.operation for s in plan.steps].index(Operation.RENAME) + 1)
    assert not [key for key in host.records.held if key.startswith("wizard/ada/")]
    for key, entry in before.held.items():
        if entry.resource.wizard == "ada":
            now = host.records.held[key.replace("/ada/", "/eve/")]
            assert (now.origin, now.fields, now.commit) == (entry.origin, entry.fields, entry.commit)
            assert now.resource.key == key.replace("/ada/", "/eve/")
            assert now.resource.wizard == "eve"


@pytest.mark.parametrize("limit", range(9))
def test_killed_after_any_step_the_next_pass_ends_the_same(host: Host, fleet: DesiredFleet, limit: int) -> None:
    undisturbed = host.copy()
    desired = desired_of(as_eve(fleet), SECOND)
    settle(undisturbed, desired)
    host.apply(plan_for(host, desired, STRICT), limit=limit)
    plan = plan_for(host, desired, STRICT)
    assert not plan.refusals
    host.apply(plan)
    assert not plan_for(host, desired, STRICT).changes
    assert host.files == undisturbed.files
    assert host.records == undisturbed.records
    assert host.secrets == undisturbed.secrets
    assert host.processes.keys() == undisturbed.processes.keys()


def test_the_old_name_in_the_file_has_no_effect_later(host: Host, fleet: DesiredFleet) -> None:
    desired = desired_of(as_eve(fleet), SECOND)
    settle(host, desired)
    assert renamed(desired, host.records) is host.records
    assert actions(plan_for(host, desired_of(as_eve(fleet, port=8650), THIRD)))[EVE] is Action.RESTART


def test_on_a_host_that_never_knew_it_the_old_name_has_no_effect(fleet: DesiredFleet) -> None:
    plain = as_eve(fleet, formerly=())
    assert plan_for(Host(), desired_of(as_eve(fleet))) == plan_for(Host(), desired_of(plain))


def test_there_and_back_again(host: Host, fleet: DesiredFleet) -> None:
    before = host.copy()
    settle(host, desired_of(as_eve(fleet), SECOND))
    back = changed(fleet, "ada", formerly=("eve",))
    settle(host, desired_of(back, THIRD), STRICT)
    assert host.files == before.files
    assert host.secrets == before.secrets


def test_a_host_that_slept_through_a_name_goes_to_the_newest(host: Host, fleet: DesiredFleet) -> None:
    latest = as_eve(fleet, formerly=("zoe", "ada"))
    settle(host, desired_of(latest, SECOND), STRICT)
    assert host.files[f"{ROOT}/eve/{MEMORY}"].content == "what ada remembers"


def test_from_the_attic(host: Host, fleet: DesiredFleet) -> None:
    settle(host, desired_of(without(fleet, "ada"), SECOND))
    assert "ada" in host.records.attic
    desired = desired_of(as_eve(fleet), THIRD)
    plan = settle(host, desired, STRICT)
    assert ADA not in actions(plan)
    assert plan.change(RENAME).stored is not None
    assert host.files[f"{ROOT}/eve/{MEMORY}"].content == "what ada remembers"
    assert not host.records.attic
    assert not plan_for(host, desired).changes
    assert not [key for key in host.records.held if key.startswith("wizard/ada/")]


def test_what_else_the_commit_changes_is_told(host: Host, fleet: DesiredFleet) -> None:
    moved = at_version(as_eve(fleet, port=8650), "0.20.0")
    desired = desired_of(moved, SECOND)
    plan = plan_for(host, desired)
    assert [r.text for r in plan.change(EVE).reasons] == [
        "was ada until now",
        "codebase hermes/0.19.0 -> hermes/0.20.0",
        "port 8643 -> 8650",
        "after bo",
    ]
    install = next(s.id for s in plan.steps if s.operation is Operation.INSTALL)
    needs = {s.id: set(s.needs) for s in plan.steps}
    assert install in needs[f"{ADA}#stop"]
    assert install in needs[f"{RENAME}#rename"]
    assert f"{RENAME}#rename" in needs[f"{EVE}#copy_databases"]
    host.apply(plan)
    assert not plan_for(host, desired).changes


def test_a_codebase_that_can_not_be_installed_leaves_it_running_under_its_old_name(
    host: Host, fleet: DesiredFleet
) -> None:
    pid = host.processes[ADA].pid
    desired = desired_of(at_version(as_eve(fleet), "0.20.0"), SECOND)
    host.apply(plan_for(host, desired), fails=lambda step: step.operation is Operation.INSTALL)
    assert host.processes[ADA].pid == pid
    assert f"{ROOT}/ada/{MEMORY}" in host.files
    settle(host, desired)
    assert host.files[f"{ROOT}/eve/{MEMORY}"].content == "what ada remembers"


def test_it_counts_as_a_restart_and_not_as_a_deletion(fleet: DesiredFleet) -> None:
    still = replace(fleet, fleet=fleet.fleet.model_copy(update={"policy": Policy(max_restarts=0)}))
    host = Host()
    settle(host, desired_of(still, FIRST))
    refusals = plan_for(host, desired_of(as_eve(still), SECOND), STRICT).refusals
    assert [r.what for r in refusals] == [
        "it would restart or stop 1 running wizards (eve); the fleet allows 0 at once"
    ]
    host.processes.pop(ADA)
    assert not plan_for(host, desired_of(as_eve(still), SECOND), STRICT).refusals


def test_files_alone(fleet: DesiredFleet) -> None:
    dead = changed(fleet, "ada", desired=DesiredState.DEAD)
    host = Host()
    settle(host, desired_of(dead, FIRST))
    desired = desired_of(as_eve(dead), SECOND)
    plan = settle(host, desired, STRICT)
    assert ADA not in actions(plan)
    assert plan.change(RENAME).disposition is Disposition.APPLY
    assert not plan_for(host, desired).changes


def test_a_home_outside_its_folder_stays_where_it_is(fleet: DesiredFleet) -> None:
    outside = changed(fleet, "ada", home="homes/ada")
    host = Host()
    settle(host, desired_of(outside, FIRST))
    host.files[f"{ROOT}/homes/ada/MEMORY.md"] = Node("foreign", 0o600, "kept")
    desired = desired_of(as_eve(outside), SECOND)
    settle(host, desired, STRICT)
    assert host.files[f"{ROOT}/homes/ada/MEMORY.md"].content == "kept"
    assert f"{ROOT}/eve/workspace" in host.files
    assert not plan_for(host, desired).changes


def test_a_home_that_would_move_for_another_reason_stops_the_whole_rename(host: Host, fleet: DesiredFleet) -> None:
    plan = plan_for(host, desired_of(as_eve(fleet, home="homes/eve"), SECOND))
    assert untouched(plan)
    assert "memories would stay behind" in plan.change("wizard/eve/dir/home").obstacle


# What stands in the way


def test_never_over_something(host: Host, fleet: DesiredFleet) -> None:
    desired = desired_of(as_eve(fleet), SECOND)
    host.files[f"{ROOT}/eve"] = Node("directory", 0o700)
    plan = plan_for(host, desired)
    assert untouched(plan)
    assert plan.change(RENAME).obstacle == f"something stands at {ROOT}/eve; move it away"
    assert {c.disposition for c in plan.changes} == {Disposition.BLOCKED}
    del host.files[f"{ROOT}/eve"]
    settle(host, desired)
    assert f"{ROOT}/eve/{MEMORY}" in host.files


def test_moved_by_hand_it_says_where_to_put_it(host: Host, fleet: DesiredFleet) -> None:
    host.files = {path.replace(f"{ROOT}/ada", f"{ROOT}/eve"): node for path, node in host.files.items()}
    plan = plan_for(host, desired_of(as_eve(fleet), SECOND))
    assert untouched(plan)
    assert plan.change(RENAME).obstacle.endswith(f"move it back to {ROOT}/ada")


def test_gone_it_never_begins_anew_without_a_word(host: Host, fleet: DesiredFleet) -> None:
    host.files = {path: node for path, node in host.files.items() if not path.startswith(f"{ROOT}/ada")}
    plan = plan_for(host, desired_of(as_eve(fleet), SECOND))
    assert untouched(plan)
    assert "is gone, and its memories with it" in plan.change(RENAME).obstacle


@pytest.mark.parametrize("key", ["wizard/eve/dir", "wizard/eve/dir/original", ADA])
def test_nothing_on_unknown(host: Host, fleet: DesiredFleet, key: str) -> None:
    desired = desired_of(as_eve(fleet), SECOND)
    observed = host.observe(desired)
    assert key in observed.facts
    observed = replace(observed, facts={**observed.facts, key: Unknown("disk away")})
    plan = build(desired, observed, host.seen(desired), STRICT)
    assert untouched(plan)
    assert any("disk away" in c.obstacle for c in plan.changes)
    assert {c.disposition for c in plan.changes} == {Disposition.BLOCKED}


def test_a_start_that_can_not_be_made_leaves_it_running_under_its_old_name(host: Host, fleet: DesiredFleet) -> None:
    host.strangers[8650] = 1
    plan = plan_for(host, desired_of(as_eve(fleet, port=8650), SECOND))
    assert untouched(plan)
    assert "held by pid 1" in plan.change(EVE).obstacle
    assert plan.change(ADA).obstacle.startswith(f"waits for {EVE}: port 8650")


@pytest.mark.parametrize("name", ["ada", "eve"])
def test_paused_under_either_name(host: Host, fleet: DesiredFleet, name: str) -> None:
    host.pause(name)
    plan = plan_for(host, desired_of(as_eve(fleet), SECOND))
    assert untouched(plan)
    assert {c.disposition for c in plan.changes} == {Disposition.HELD}
    assert f"`reconciler resume {name}`" in plan.change(RENAME).obstacle


def test_a_folder_that_was_there_before_us_stays(host: Host, fleet: DesiredFleet) -> None:
    held = {k: replace(e, origin=Origin.CLAIMED) if k == "wizard/ada/dir" else e for k, e in host.records.held.items()}
    host.records = replace(host.records, held=held)
    plan = plan_for(host, desired_of(as_eve(fleet), SECOND))
    assert untouched(plan)
    assert "never moved; keep the name ada; or stop it, move" in plan.change(RENAME).obstacle
    # The way that the mend names.
    host.processes.pop(ADA)
    host.files = {path.replace(f"{ROOT}/ada", f"{ROOT}/eve"): node for path, node in host.files.items()}
    desired = desired_of(as_eve(fleet, formerly=()), THIRD)
    settle(host, desired, Rules(deletions=frozenset({"ada"})))
    assert not plan_for(host, desired).changes
    assert host.files[f"{ROOT}/eve/{MEMORY}"].content == "what ada remembers"
    assert host.records.held["wizard/eve/dir"].origin is Origin.CLAIMED


def test_a_new_name_that_is_taken_here_leaves_both_alone(fleet: DesiredFleet) -> None:
    both = fleet_of(simple("ada", 8643), simple("eve", 8645))
    host = Host()
    settle(host, desired_of(both, FIRST))
    later = changed(without(both, "ada"), "eve", formerly=("ada",), port=8646)
    plan = plan_for(host, desired_of(later, SECOND), STRICT)
    assert not [s for s in plan.steps if s.wizard == "ada"]
    assert not plan.refusals
    change = plan.change("wizard/ada/rename")
    assert change.disposition is Disposition.BLOCKED
    assert "a wizard eve with memories of its own is on this host already" in change.obstacle
    assert plan.change(EVE).obstacle.startswith("waits for wizard/ada/rename: a wizard eve with memories")
    assert not plan.steps
    settle(host, desired_of(later, SECOND), STRICT)
    gone = desired_of(changed(later, "eve", formerly=()), THIRD)
    settle(host, gone, Rules(deletions=frozenset({"ada"})))
    assert "ada" in host.records.attic


def test_a_new_name_whose_wizard_waits_in_the_attic_stays_there(fleet: DesiredFleet) -> None:
    """What Git declares under that name is meant for bo's memories, not for those of the ada that was removed."""
    host = Host()
    settle(host, desired_of(fleet, FIRST))
    host.files[f"{ROOT}/ada/{MEMORY}"] = Node("foreign", 0o600, "what the first ada remembers")
    settle(host, desired_of(without(fleet, "ada"), SECOND))
    before = host.copy()
    ada = fleet.wizards["bo"].model_copy(update={"name": "ada", "formerly": ("bo",), "port": 8650})
    desired = desired_of(replace(fleet, wizards={"ada": ada}), THIRD)
    plan = plan_for(host, desired, STRICT)
    assert not plan.refusals
    assert not plan.steps
    assert {c.disposition for c in plan.changes} == {Disposition.BLOCKED}
    assert "choose a name that is free" in plan.change("wizard/ada/attic").obstacle
    host.apply(plan)
    assert (host.files, host.processes) == (before.files, before.processes)


def test_who_has_the_new_name_is_healed_meanwhile() -> None:
    both = fleet_of(simple("ada", 8643), simple("eve", 8645))
    host = Host()
    settle(host, desired_of(both, FIRST))
    host.processes.pop(EVE)
    host.files[f"{ROOT}/eve/home/SOUL.md"].content = "by hand"
    plan = settle(host, desired_of(changed(without(both, "ada"), "eve", formerly=("ada",)), SECOND), STRICT)
    assert plan.change("wizard/ada/rename").disposition is Disposition.BLOCKED
    assert host.processes[EVE].pid
    assert host.files[f"{ROOT}/eve/home/SOUL.md"].content == "# eve\n"


def test_what_was_made_for_the_new_name_and_never_started_is_no_other_wizard(host: Host, fleet: DesiredFleet) -> None:
    """As by a pass that could make its folders, and not start it on the port that ada holds."""
    before = host.records
    host.pause("ada")
    plain = desired_of(as_eve(fleet, formerly=()), SECOND)
    settle(host, plain, Rules(deletions=frozenset({"ada"})))
    assert "wizard/eve/dir" in host.records.held
    assert EVE not in host.processes
    host.records = replace(host.records, pauses={})
    assert "write `formerly: [ada]` into wizard eve" in plan_for(host, plain, STRICT).refusals[0].mend
    desired = desired_of(as_eve(fleet), THIRD)
    plan = plan_for(host, desired, STRICT)
    assert untouched(plan)
    assert plan.change(RENAME).obstacle == f"something stands at {ROOT}/eve; move it away"
    host.files = {path: node for path, node in host.files.items() if not path.startswith(f"{ROOT}/eve")}
    settle(host, desired, STRICT)
    assert host.files[f"{ROOT}/eve/{MEMORY}"].content == "what ada remembers"
    assert not plan_for(host, desired, STRICT).changes
    assert {k.replace("/ada/", "/eve/") for k in before.held} == host.records.held.keys()


def test_two_earlier_names_on_one_host_are_too_many(fleet: DesiredFleet) -> None:
    both = fleet_of(simple("ada", 8643), simple("bo", 8644))
    host = Host()
    settle(host, desired_of(both, FIRST))
    eve = fleet_of(simple("eve", 8643, formerly=("ada", "bo")))
    plan = plan_for(host, desired_of(eve, SECOND))
    assert not plan.steps
    assert {c.disposition for c in plan.changes} == {Disposition.BLOCKED}
    assert "ada and bo are both on this host" in plan.change(RENAME).obstacle
    assert "ada and bo are both on this host" in plan.change("wizard/bo/rename").obstacle


def test_another_root_is_said(host: Host, fleet: DesiredFleet) -> None:
    hosts = {name: h.model_copy(update={"root": "/srv/other"}) for name, h in fleet.fleet.hosts.items()}
    moved = replace(as_eve(fleet), fleet=fleet.fleet.model_copy(update={"hosts": hosts}))
    plan = plan_for(host, desired_of(moved, SECOND))
    assert untouched(plan)
    assert "take the change of the root back" in plan.change(RENAME).obstacle


# Beside other wizards


@given(fleets(), st.lists(disturbances(DRIFT | AGENTS_OWN), max_size=3), chapters(frozenset(), rough=True))
def test_whatever_happens_on_the_way_it_arrives_with_all_that_is_its_own(
    fleet: DesiredFleet, blows: list[Disturbance], chapter: Chapter
) -> None:
    """Steps fail and the pass is killed; then nothing is in the way any more."""
    host, first = Host(), desired_of(fleet, FIRST)
    settle(host, first)
    for name in fleet.wizards:
        host.files[f"{ROOT}/{name}/MEMORY.md"] = Node("foreign", 0o600, name)
    for blow in blows:
        blow.strike(host, first)
    old = sorted(fleet.wizards)[0]
    new = fleet.wizards[old].model_copy(update={"name": "zoe", "formerly": (old,)})
    desired = desired_of(replace(fleet, wizards={**without(fleet, old).wizards, "zoe": new}), SECOND)
    foreign = {path: node.content for path, node in host.files.items() if node.kind == "foreign"}
    host.apply(plan_for(host, desired), chapter.pick, lambda s: zlib.crc32(s.id.encode()) % 7 < chapter.failing)
    host.apply(plan_for(host, desired), chapter.pick, limit=chapter.limit)
    for _ in range(3):
        settle(host, desired)
    assert not plan_for(host, desired, STRICT).changes
    moved = {path.replace(f"{ROOT}/{old}/", f"{ROOT}/zoe/"): content for path, content in foreign.items()}
    assert {path: node.content for path, node in host.files.items() if node.kind == "foreign"} == moved
    assert not [path for path in host.files if path.startswith(f"{ROOT}/{old}/")]
    assert not [key for key in (*host.records.held, *host.processes) if key.startswith(f"wizard/{old}/")]


def test_ports_change_hands_with_a_rename(host: Host, fleet: DesiredFleet) -> None:
    swapped = changed(as_eve(fleet, port=8644), "bo", port=8643)
    desired = desired_of(swapped, SECOND)
    settle(host, desired)
    assert (host.processes[EVE].port, host.processes["wizard/bo/body"].port) == (8644, 8643)
    assert not plan_for(host, desired).changes


def test_two_wizards_take_each_others_place(host: Host, fleet: DesiredFleet) -> None:
    """Names can't be swapped in one commit; in a row they can."""
    new = replace(fleet, wizards={"eve": as_eve(fleet).wizards["eve"], "ada": simple("ada", 8645)})
    new = replace(new, wizards={**new.wizards, "eve": new.wizards["eve"].model_copy(update={"formerly": ()})})
    settle(host, desired_of(as_eve(fleet), SECOND))
    settle(host, desired_of(new, THIRD))
    assert host.files[f"{ROOT}/eve/{MEMORY}"].content == "what ada remembers"
    assert f"{ROOT}/ada/{MEMORY}" not in host.files
    env = [tree_of(host.files[f"{ROOT}/{name}/home/.env"])["API_SERVER_KEY"] for name in ("ada", "eve")]
    assert env[0] == "text of generate ada/API_SERVER_KEY"


def test_a_canary_that_is_renamed_still_goes_first(host: Host, fleet: DesiredFleet) -> None:
    moved = at_version(as_eve(fleet), "0.20.0")
    codebase = moved.codebases["hermes"].model_copy(update={"canary": "eve"})
    moved = replace(moved, codebases={**moved.codebases, "hermes": codebase})
    plan = plan_for(host, desired_of(moved, SECOND))
    needs = {s.id: set(s.needs) for s in plan.steps}
    assert f"{EVE}#soak" in needs["wizard/bo/body#stop"]
    assert not [need for need in needs[f"{ADA}#stop"] if need.startswith("wizard/bo")]


# Hosts


def test_renamed_and_moved_to_another_host_at_once(host: Host, fleet: DesiredFleet) -> None:
    plan = plan_for(host, desired_of(as_eve(fleet, host=ELSEWHERE), SECOND), STRICT)
    assert actions(plan) == {ADA: Action.STOP, "wizard/ada/attic": Action.STORE}
    assert {r.text for c in plan.changes for r in c.reasons} == {"Git runs it as eve on another host now"}
    assert plan.refusals


# Generations


def test_generations_come_along_as_a_way_back(host: Host, fleet: DesiredFleet) -> None:
    first = desired_of(fleet, FIRST)
    made = expansion(of_wizard(first)["ada"], {}).digest
    host.records = replace(
        host.records,
        generations={"ada": (Generation("ada", 3, FIRST, "t", made, of_wizard(first)["ada"]),)},
        quarantines={"ada": Quarantine("ada", "of another expansion", FIRST, "failed", "t")},
    )
    desired = desired_of(as_eve(fleet), SECOND)
    settle(host, desired)
    assert host.records.generations.keys() == {"eve"}
    (kept,) = host.records.generations["eve"]
    assert (kept.wizard, kept.number, kept.expansion) == ("eve", 3, made)
    failed = expansion(of_wizard(desired)["eve"], {}, desired.company["eve"]).digest
    host.records = replace(host.records, quarantines={"eve": Quarantine("eve", failed, SECOND, "did not listen", "t")})
    wanted = effective(desired, host.records, {})
    plan = build(wanted.desired, host.observe(wanted.desired), host.records, FREE, quarantined=wanted.quarantined)
    host.apply(plan)
    body = next(r for r in wanted.desired.resources if r.key == EVE)
    assert isinstance(body, Process)
    assert (body.home, body.cwd, body.identity) == (f"{ROOT}/eve/home", f"{ROOT}/eve", "ada")
    assert dict(body.env)["HERMES_HOME"] == f"{ROOT}/eve/home"
    assert read(host.files[f"{ROOT}/eve/home/config.yaml"], ("terminal", "cwd")) == f"{ROOT}/eve/workspace"
    assert not [path for path in host.files if path.startswith(f"{ROOT}/ada")]


# What looks like a rename


def test_a_rename_that_is_not_said_tells_how_to_say_it(host: Host, fleet: DesiredFleet) -> None:
    plan = plan_for(host, desired_of(as_eve(fleet, formerly=()), SECOND), STRICT)
    assert any("write `formerly: [ada]` into wizard eve" in refusal.mend for refusal in plan.refusals)


def test_another_wizard_that_really_goes_is_still_counted(host: Host, fleet: DesiredFleet) -> None:
    soul = SoulFile(file="souls/b.md")
    plan = plan_for(host, desired_of(without(as_eve(fleet, soul=soul), "bo"), SECOND), STRICT)
    assert [r.what for r in plan.refusals] == ["it would remove 1 wizard (bo); the fleet allows 0 at once"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("/srv/wizards/ada", "/srv/wizards/eve"),
        ('"/srv/wizards/ada/home"', '"/srv/wizards/eve/home"'),
        ("HOME=/srv/wizards/ada\n", "HOME=/srv/wizards/eve\n"),
        ("/srv/wizards/ada-2/home", "/srv/wizards/ada-2/home"),
        ("/srv/wizards/adam", "/srv/wizards/adam"),
        ("/mnt/srv/wizards/ada", "/mnt/srv/wizards/ada"),
        ("ada", "ada"),
    ],
)
def test_only_the_folder_itself_is_replaced(before: str, after: str) -> None:
    way = Relocation("ada", "eve", "/srv/wizards/ada", "/srv/wizards/eve")
    assert way.text(before) == after
    assert way.follows(Known(before), Known(after))


def test_only_generated_secrets_change_their_name(host: Host) -> None:
    way = Relocation("ada", "eve", f"{ROOT}/ada", f"{ROOT}/eve")
    body = host.records.held[ADA].resource
    assert isinstance(body, Process)
    pinned = replace(body, api_key=SecretRef("pinned", "ada/not-a-path"))
    assert way.resource(body).api_key == SecretRef("generate", "eve/API_SERVER_KEY")  # type: ignore[union-attr]
    assert way.resource(pinned).api_key == pinned.api_key  # type: ignore[union-attr]
    assert way.resource(host.records.held["wizard/bo/body"].resource) == host.records.held["wizard/bo/body"].resource
