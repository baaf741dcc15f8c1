"""What one edit of Git does to a running fleet: exactly that, with the reason in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.errors import Terminal
from reconciler.plan.build import Rules, build, counts
from reconciler.plan.change import Action, Cause, Disposition, Operation, Plan, Reason
from reconciler.plan.expand import Desired, expand
from reconciler.plan.fact import Listener, ProcessFact, ProcessState, Unknown
from reconciler.plan.fields import KEY
from reconciler.plan.value import Hidden, SecretRef
from reconciler.spec.desired import DesiredFleet
from reconciler.spec.kinds import DesiredState, FromEnv, FromFile, Policy
from tests.plan.fleets import HERE, ROOT, changed, desired_of, fleet_of, simple, version_at
from tests.plan.host import Host, Node
from tests.plan.walk import plan_for, settle

ADA, BO = "wizard/ada/body", "wizard/bo/body"
CONFIG = "wizard/ada/file/home/config.yaml"


@pytest.fixture
def fleet() -> DesiredFleet:
    return fleet_of(simple("ada", 8643), simple("bo", 8644))


@pytest.fixture
def host(fleet: DesiredFleet) -> Host:
    host = Host()
    settle(host, desired_of(fleet))
    return host


def _pids(host: Host) -> dict[str, int | None]:
    return {key: live.pid for key, live in host.processes.items()}


def test_a_changed_port_restarts_exactly_that_wizard(host: Host, fleet: DesiredFleet) -> None:
    pids = _pids(host)
    plan = settle(host, desired_of(changed(fleet, "ada", port=8650)))
    assert {c.key: c.action for c in plan.changes} == {ADA: Action.RESTART, CONFIG: Action.UPDATE}
    assert [r.text for r in plan.change(ADA).reasons] == ["port 8643 -> 8650"]
    assert [r.cause for r in plan.change(ADA).reasons] == [Cause.NEEDS]
    assert _pids(host)[ADA] != pids[ADA]
    assert _pids(host)[BO] == pids[BO]


def test_a_changed_key_restarts_exactly_that_wizard_and_shows_no_secret(host: Host, fleet: DesiredFleet) -> None:
    plan = plan_for(host, desired_of(changed(fleet, "ada", api_key=FromEnv(env="ADA_KEY"))))
    assert {c.key for c in plan.changes} == {ADA, "wizard/ada/file/home/.env"}
    assert [r.text for r in plan.change(ADA).reasons] == ["API_SERVER_KEY (secret) changed"]
    field = plan.change("wizard/ada/file/home/.env").fields[0]
    assert isinstance(field.before, Hidden)
    assert isinstance(field.after, Hidden)


def test_a_changed_model_restarts_nobody(host: Host, fleet: DesiredFleet) -> None:
    pids = _pids(host)
    plan = settle(host, desired_of(changed(fleet, "ada", model="small")))
    assert [c.key for c in plan.changes] == [CONFIG]
    assert {f.path[1:] for f in plan.changes[0].fields} == {
        ("model", "default"),
        ("model", "base_url"),
        ("model", "context_length"),
    }
    assert _pids(host) == pids


def test_a_changed_soul_restarts_nobody(host: Host, fleet: DesiredFleet) -> None:
    charter = simple("ada", soul={"charter": {"identity": "another"}}).soul
    plan = settle(host, desired_of(changed(fleet, "ada", soul=charter)))
    assert [c.key for c in plan.changes] == ["wizard/ada/file/home/SOUL.md"]


def test_an_unowned_key_or_file_byte_restarts_nobody(host: Host, fleet: DesiredFleet) -> None:
    host.files[f"{ROOT}/ada/home/config.yaml"].content["approvals"] = {"mode": "always"}  # type: ignore[index]
    assert not plan_for(host, desired_of(fleet)).changes


def test_a_new_version_is_installed_linked_and_started_in_that_order(host: Host, fleet: DesiredFleet) -> None:
    plan = settle(host, desired_of(changed(fleet, "ada", codebase="hermes-old")))
    actions = {c.key: c.action for c in plan.changes}
    assert actions[version_at("0.18.2", "hermes-old").key] is Action.CREATE
    assert actions["wizard/ada/link/hermes-agent"] is Action.UPDATE
    assert actions[ADA] is Action.RESTART
    assert BO not in actions
    order = [s.operation for s in plan.steps if s.operation in (Operation.INSTALL, Operation.LINK, Operation.STOP)]
    assert order == [Operation.INSTALL, Operation.LINK, Operation.STOP]
    assert version_at("0.19.0").path in host.files
    assert not plan_for(host, desired_of(changed(fleet, "ada", codebase="hermes-old"))).changes


def test_a_version_that_nobody_uses_any_more_stays_as_the_way_back(host: Host, fleet: DesiredFleet) -> None:
    both = changed(changed(fleet, "ada", codebase="hermes-old"), "bo", codebase="hermes-old")
    settle(host, desired_of(both))
    assert version_at("0.19.0").path in host.files
    assert not plan_for(host, desired_of(both)).changes
    plan = plan_for(host, desired_of(fleet))
    assert not [s for s in plan.steps if s.operation is Operation.INSTALL]


def test_dead_stops_and_unrobed_starts_again(host: Host, fleet: DesiredFleet) -> None:
    dead = desired_of(changed(fleet, "ada", desired=DesiredState.DEAD))
    plan = settle(host, dead)
    assert [(c.key, c.action, c.reasons[0].text) for c in plan.changes] == [(ADA, Action.STOP, "Git wants it dead")]
    assert not plan_for(host, dead).changes
    assert ADA not in host.records.held
    back = settle(host, desired_of(fleet))
    assert [(c.key, c.action, c.reasons[0].text) for c in back.changes] == [(ADA, Action.START, "Git wants it running")]


def test_what_ended_by_itself_and_shall_be_dead_is_forgotten_by_its_supervisor(host: Host, fleet: DesiredFleet) -> None:
    """Otherwise the supervisor would start it together with the host. Nothing runs, so nothing is counted."""
    host.processes[ADA] = replace(host.processes[ADA], state=ProcessState.EXITED, pid=None)
    dead = replace(desired_of(changed(fleet, "ada", desired=DesiredState.DEAD)), policy=Policy(max_restarts=0))
    plan = settle(host, dead, Rules())
    assert [c.action for c in plan.changes] == [Action.STOP]
    assert ADA not in host.processes
    assert not plan_for(host, dead).changes


def test_a_process_that_ended_is_started_again_and_says_how_it_ended(host: Host, fleet: DesiredFleet) -> None:
    host.processes[ADA] = replace(host.processes[ADA], state=ProcessState.EXITED, pid=None, exit_code=78)
    plan = plan_for(host, desired_of(fleet))
    assert [(c.key, c.action) for c in plan.changes] == [(ADA, Action.START)]
    assert [(r.cause, r.text) for r in plan.changes[0].reasons] == [(Cause.ENDED, "ended with exit code 78")]


@pytest.mark.parametrize("pid", [None, 77])
def test_what_waits_to_be_started_again_is_stopped_before_it_is_started(
    host: Host, fleet: DesiredFleet, pid: int | None
) -> None:
    """The supervisor would start it in the old way any moment, over a copy of its databases too. It heals: a restart
    that is counted is one of something that runs."""
    host.processes[ADA] = replace(host.processes[ADA], state=ProcessState.BACKOFF, pid=pid)
    strict = replace(desired_of(changed(fleet, "ada", codebase="hermes-old")), policy=Policy(max_restarts=0))
    plan = settle(host, strict, Rules())
    assert plan.change(ADA).action is Action.START
    assert [s.operation for s in plan.steps if s.key == ADA] == [
        Operation.STOP,
        Operation.COPY_DATABASES,
        Operation.START,
        Operation.GATE,
    ]
    assert not plan_for(host, strict).changes


@pytest.mark.parametrize("pid", [None, 77])
def test_a_port_that_its_holder_may_take_any_moment_is_not_free(
    host: Host, fleet: DesiredFleet, pid: int | None
) -> None:
    host.processes[ADA] = replace(host.processes[ADA], state=ProcessState.BACKOFF, pid=pid)
    swapped = desired_of(changed(changed(fleet, "ada", port=8650), "bo", port=8643))
    plan = plan_for(host, swapped)
    start = next(s for s in plan.steps if s.key == BO and s.operation is Operation.START)
    assert f"{ADA}#stop" in start.needs
    settle(host, swapped)
    host.pause("ada")
    host.processes[ADA] = replace(host.processes[ADA], state=ProcessState.BACKOFF, pid=pid)
    blocked = plan_for(host, desired_of(changed(changed(fleet, "ada", port=8651), "bo", port=8650))).change(BO)
    assert blocked.obstacle == f"port 8650 is held by {ADA}, which this plan does not stop"


def test_an_orphan_whose_port_changes_as_well_says_both_and_is_counted(host: Host, fleet: DesiredFleet) -> None:
    host.processes[ADA].state = ProcessState.ORPHAN
    strict = replace(desired_of(fleet), policy=Policy(max_restarts=0))
    heal = plan_for(host, strict, Rules())
    assert [r.cause for r in heal.change(ADA).reasons] == [Cause.ORPHAN]
    assert not heal.refusals
    moved = replace(desired_of(changed(fleet, "ada", port=8650)), policy=Policy(max_restarts=0))
    plan = plan_for(host, moved, Rules())
    assert [r.text for r in plan.change(ADA).reasons][1:] == ["port 8643 -> 8650"]
    assert plan.refusals
    settle(host, moved, Rules(restarts=1))
    assert host.processes[ADA].port == 8650
    assert not plan_for(host, moved).changes


def test_a_gateway_that_was_started_by_hand_is_told_as_that(host: Host, fleet: DesiredFleet) -> None:
    host.processes[ADA].state = ProcessState.ORPHAN
    desired, pid = desired_of(fleet), host.processes[ADA].pid
    plan = plan_by_hand(host, desired)
    assert [(c.key, c.action) for c in plan.changes] == [(ADA, Action.RESTART)]
    assert plan.changes[0].reasons[0] == Reason(Cause.ORPHAN, f"a gateway started by hand, pid {pid}, is stopped first")
    dead = replace(desired_of(changed(fleet, "ada", desired=DesiredState.DEAD)), policy=Policy(max_restarts=0))
    plan = plan_by_hand(host, dead)
    assert [c.action for c in plan.changes if c.key == ADA] == [Action.STOP]
    words = f"Git wants it dead; a gateway started by hand, pid {pid}, is stopped"
    assert [r.text for r in plan.change(ADA).reasons] == [words]
    assert not plan.refusals


def test_a_port_that_a_second_process_of_a_wizard_holds_is_its_own(host: Host, fleet: DesiredFleet) -> None:
    """Ours listens, and a gateway started by hand runs beside it: both are stopped, and nobody is a stranger."""
    ours = host.processes[ADA].pid
    plan = plan_by_hand(host, desired_of(fleet), pid=77, beside=(ours or 0,))
    assert [s.operation for s in plan.steps] == [Operation.STOP, Operation.START, Operation.GATE]
    assert not plan.waiting


def plan_by_hand(host: Host, desired: Desired, **more: Any) -> Plan:
    observed, records = host.observe(desired), host.seen(desired)
    fact = observed.facts[ADA]
    assert isinstance(fact, ProcessFact)
    fact = replace(fact, state=ProcessState.ORPHAN, by_hand=True, **more)
    return build(desired, replace(observed, facts={**observed.facts, ADA: fact}), records, Rules())


def test_an_orphan_is_stopped_before_it_is_started_again(host: Host, fleet: DesiredFleet) -> None:
    host.processes[ADA].state = ProcessState.ORPHAN
    plan = settle(host, desired_of(fleet))
    assert [s.operation for s in plan.steps] == [Operation.STOP, Operation.START, Operation.GATE]


def test_a_changed_home_is_blocked_for_that_wizard_alone(host: Host, fleet: DesiredFleet) -> None:
    plan = settle(host, desired_of(changed(changed(fleet, "ada", home="elsewhere/ada"), "bo", port=8650)))
    assert {s.wizard for s in plan.steps} == {"bo"}
    assert "memories would stay behind" in plan.change("wizard/ada/dir/home").obstacle
    assert plan.change(ADA).disposition is Disposition.BLOCKED
    assert host.processes[ADA].pid


def test_a_changed_home_does_not_keep_a_wizard_from_being_stopped(host: Host, fleet: DesiredFleet) -> None:
    moved = changed(fleet, "ada", home="elsewhere/ada", desired=DesiredState.DEAD)
    settle(host, desired_of(moved))
    assert ADA not in host.processes


# Restarts that a person asks for


def test_a_requested_restart(host: Host, fleet: DesiredFleet) -> None:
    strict = replace(desired_of(fleet), policy=Policy(max_restarts=0))
    pids = _pids(host)
    plan = settle(host, strict, Rules(restart=frozenset({"ada"})))
    assert [(c.key, c.action, c.reasons[0].cause) for c in plan.changes] == [(ADA, Action.RESTART, Cause.REQUESTED)]
    assert _pids(host)[ADA] != pids[ADA]
    assert _pids(host)[BO] == pids[BO]
    assert not plan_for(host, strict).changes


def test_a_requested_restart_of_what_a_lost_ledger_forgot(host: Host, fleet: DesiredFleet) -> None:
    host.records = type(host.records)()
    plan = settle(host, desired_of(fleet), Rules(restart=frozenset({"ada"})))
    assert plan.change(ADA).action is Action.RESTART
    assert [c.key for c in plan.changes].count(ADA) == 1
    assert not plan_for(host, desired_of(fleet)).changes


@pytest.mark.parametrize("why", ["paused", "unknown", "dead"])
def test_a_requested_restart_that_can_not_be(host: Host, fleet: DesiredFleet, why: str) -> None:
    if why == "paused":
        host.pause("ada")
    if why == "unknown":
        host.unknown[ADA] = "the supervisor does not answer"
    if why == "dead":
        fleet = changed(fleet, "ada", desired=DesiredState.DEAD)
        settle(host, desired_of(fleet))
    plan = plan_for(host, desired_of(fleet), Rules(restart=frozenset({"ada"})))
    assert not plan.steps


# Obstacles


def test_a_stranger_on_the_port_blocks_that_wizard_and_its_files(host: Host, fleet: DesiredFleet) -> None:
    host.strangers[8650] = 4711
    moved = desired_of(changed(changed(fleet, "ada", port=8650), "bo", model="small"))
    plan = settle(host, moved)
    assert "port 8650 is held by pid 4711 (stranger)" in plan.change(ADA).obstacle
    assert plan.change(CONFIG).obstacle.startswith(f"waits for {ADA}: port 8650")
    assert {s.wizard for s in plan.steps} == {"bo"}
    host.strangers.clear()
    settle(host, moved)
    assert not plan_for(host, moved).changes


def test_a_listener_that_the_kernel_does_not_name_blocks_as_well(host: Host, fleet: DesiredFleet) -> None:
    desired = desired_of(changed(fleet, "ada", port=8650))
    observed = replace(host.observe(desired), listeners={8650: Listener(8650, None, "")})
    plan = build(desired, observed, host.records)
    assert "a process that the kernel does not name" in plan.change(ADA).obstacle


def test_a_stranger_on_the_port_of_what_runs_already_is_nobodys_business(host: Host, fleet: DesiredFleet) -> None:
    host.strangers[8643] = 4711
    assert not plan_for(host, desired_of(fleet)).changes


def test_a_missing_secret_disturbs_nobody_else(host: Host, fleet: DesiredFleet) -> None:
    ref = SecretRef("env", "TOKEN")
    host.missing.add(ref)
    wanted = changed(changed(fleet, "ada", env={"TOKEN": FromEnv(env="TOKEN")}, port=8650), "bo", port=8651)
    pids = _pids(host)
    plan = settle(host, desired_of(wanted))
    assert {s.wizard for s in plan.steps} == {"bo"}
    assert plan.change(ADA).obstacle == "env TOKEN is not there; put it there"
    assert _pids(host)[ADA] == pids[ADA]
    host.missing.clear()
    settle(host, desired_of(wanted))
    assert not plan_for(host, desired_of(wanted)).changes


def test_a_missing_secret_does_not_keep_a_wizard_from_being_stopped(host: Host, fleet: DesiredFleet) -> None:
    host.missing.add(SecretRef("file", "/etc/token"))
    dead = changed(fleet, "ada", env={"TOKEN": FromFile(file="/etc/token")}, desired=DesiredState.DEAD)
    plan = settle(host, desired_of(dead))
    assert [s.operation for s in plan.steps if s.key == ADA] == [Operation.STOP]
    assert ADA not in host.processes


def test_a_secret_that_nobody_looked_at_is_not_taken_for_one_to_be_made(host: Host, fleet: DesiredFleet) -> None:
    desired = desired_of(fleet)
    plan = build(desired, replace(host.observe(desired), secrets={}), host.records)
    assert not plan.steps
    assert "was not looked at" in plan.change(ADA).obstacle


def test_a_file_that_cannot_be_seen_blocks_the_start_and_nothing_else(fleet: DesiredFleet) -> None:
    host = Host()
    host.unknown["wizard/ada/file/home/SOUL.md"] = "permission denied"
    plan = settle(host, desired_of(fleet))
    assert "wizard/bo/body" in host.processes
    assert plan.change(ADA).obstacle.startswith("waits for wizard/ada/file/home/SOUL.md: could not be observed")
    assert ADA not in host.processes
    assert f"{ROOT}/ada/home/config.yaml" not in host.files


def test_a_codebase_that_cannot_be_seen_blocks_what_would_run_it(fleet: DesiredFleet) -> None:
    host = Host()
    host.unknown[version_at("0.19.0").key] = "disk away"
    plan = plan_for(host, desired_of(fleet))
    assert plan.change("wizard/ada/link/hermes-agent").obstacle.startswith(f"waits for {version_at('0.19.0').key}")
    assert not [s for s in plan.steps if s.operation in (Operation.START, Operation.LINK, Operation.INSTALL)]


def test_a_folder_that_something_stands_in_the_way_of_blocks_what_is_in_it(fleet: DesiredFleet) -> None:
    host = Host()
    for path in (ROOT, f"{ROOT}/ada"):
        host.files[path] = Node("directory", 0o700)
    host.files[f"{ROOT}/ada/home"] = Node("symlink", content="/etc")
    plan = settle(host, desired_of(fleet))
    for name in ("SOUL.md", "config.yaml", ".env"):
        assert plan.change(f"wizard/ada/file/home/{name}").disposition is Disposition.BLOCKED
    assert plan.change(ADA).disposition is Disposition.BLOCKED
    assert "wizard/bo/body" in host.processes


def test_a_paused_holder_of_a_port_blocks_who_wants_it(host: Host, fleet: DesiredFleet) -> None:
    host.pause("bo")
    swapped = changed(changed(fleet, "ada", port=8644), "bo", port=8643)
    plan = plan_for(host, desired_of(swapped))
    assert not plan.steps
    assert plan.change(BO).disposition is Disposition.HELD
    assert "looking at it" in plan.change(BO).obstacle
    assert plan.change(ADA).obstacle == f"port 8644 is held by {BO}, which this plan does not stop"


def test_a_holder_that_is_not_part_of_this_plan_blocks_too(host: Host, fleet: DesiredFleet) -> None:
    passed = changed(changed(fleet, "ada", port=8644), "bo", port=8650)
    plan = plan_for(host, desired_of(passed), Rules(only=frozenset({"ada"})))
    assert plan.change(ADA).obstacle == f"port 8644 is held by {BO}, which this plan does not stop"
    assert plan.wizards == ("ada",)


# The host


def test_a_host_that_the_fleet_does_not_know_is_an_error(fleet: DesiredFleet) -> None:
    with pytest.raises(Terminal, match="knows only other, vps"):
        expand(fleet, "elsewhere", None, "c0ffee")


def test_a_host_without_wizards_of_its_own_plans_nothing(fleet: DesiredFleet) -> None:
    desired = expand(fleet, "other", None, "c0ffee")
    assert (desired.resources, desired.elsewhere) == ((), frozenset({"ada", "bo"}))
    assert not plan_for(Host(), desired).changes


def test_counts_are_of_what_apply_would_do(host: Host, fleet: DesiredFleet) -> None:
    host.pause("bo")
    wanted = changed(changed(fleet, "ada", port=8650), "bo", port=8651)
    assert counts(plan_for(host, desired_of(wanted))) == {Action.UPDATE: 1, Action.RESTART: 1}


def test_values_declared_in_the_open_are_shown(host: Host, fleet: DesiredFleet) -> None:
    plan = plan_for(host, desired_of(changed(fleet, "ada", env={"COLOUR": "blue"})))
    assert plan.change(ADA).reasons[0].text == "COLOUR (none) -> blue"
    assert plan.change("wizard/ada/file/home/.env").fields[0].path == (KEY, "COLOUR")


def test_only_one_host_is_looked_at() -> None:
    desired = expand(fleet_of(simple("ada"), simple("bo", 8644, host="other")), HERE, "/elsewhere/", "c0ffee")
    assert desired.wizards == ("ada",)
    assert all(path.startswith("/elsewhere/") for r in desired.resources if (path := getattr(r, "path", "/elsewhere/")))


def test_an_unknown_fact_says_why(host: Host, fleet: DesiredFleet) -> None:
    host.unknown[CONFIG] = "config.yaml:3:1: not YAML"
    change = plan_for(host, desired_of(fleet)).change(CONFIG)
    assert isinstance(host.observe(desired_of(fleet)).facts[CONFIG], Unknown)
    assert change.obstacle == "could not be observed: config.yaml:3:1: not YAML"
