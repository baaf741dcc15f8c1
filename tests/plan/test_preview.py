"""A plan between two fleets is the one that a host makes which has applied the first."""

from __future__ import annotations

import pytest

from reconciler.errors import Terminal
from reconciler.plan.build import Rules
from reconciler.plan.change import Action, Disposition
from reconciler.plan.preview import preview
from reconciler.spec.desired import DesiredFleet
from tests.spec.fleets import FLEET, PARTS, TWO_HOSTS, Changes, golden, load, wizard


def fleet(changes: Changes) -> DesiredFleet:
    loaded = load(changes)
    assert loaded.fleet is not None, loaded.problems
    return loaded.fleet


def actions(before: Changes, after: Changes, host: str = "vps", rules: Rules | None = None) -> dict[str, Action]:
    plan = preview(fleet(before), fleet(after), host, rules)
    assert {change.disposition for change in plan.changes} <= {Disposition.APPLY}
    return {change.key: change.action for change in plan.changes}


BODY = "wizard/ezra/body"
CONFIG = "wizard/ezra/file/home/config.yaml"
ENV = "wizard/ezra/file/home/.env"
CASES: dict[str, tuple[str, dict[str, Action]]] = {
    "what is so anyway": ("home: ezra/home", {}),
    "its role": ("role: a", {"wizard/ezra/file/home/SOUL.md": Action.UPDATE}),
    "a key read at every run": ("config: {memory: {memory_enabled: false}}", {CONFIG: Action.UPDATE}),
    "a key read at start": ("config: {display: {compact: true}}", {CONFIG: Action.UPDATE, BODY: Action.RESTART}),
    "a secret by another name": ("api_key: {env: KEY}", {ENV: Action.UPDATE, BODY: Action.RESTART}),
    "desired dead": ("desired: dead", {BODY: Action.STOP}),
}


@pytest.mark.parametrize("case", CASES)
def test_one_change_of_a_running_wizard(case: str) -> None:
    line, expected = CASES[case]
    assert actions({}, {"ezra.yaml": wizard("ezra", 8643, line)}) == expected


def test_a_wizard_that_is_dead_is_started_without_a_stop() -> None:
    dead = {"ezra.yaml": wizard("ezra", 8643, "desired: dead")}
    assert actions(dead, dead) == {}
    assert actions(dead, {}) == {BODY: Action.START}


def test_a_new_wizard_restarts_no_other() -> None:
    found = actions({}, {"ada.yaml": wizard("ada", 8644)})
    assert found["wizard/ada/body"] is Action.START
    assert {key for key in found if key.startswith("wizard/ezra")} == {"wizard/ezra/file/home/SOUL.md"}


def test_ports_change_hands_in_one_plan() -> None:
    before = {"ada.yaml": wizard("ada", 8644)}
    after = {"ada.yaml": wizard("ada", 8643), "ezra.yaml": wizard("ezra", 8644)}
    found = actions(before, after)
    assert {key for key, action in found.items() if action is Action.RESTART} == {BODY, "wizard/ada/body"}


def test_a_removed_wizard_is_refused_as_the_host_would_refuse_it() -> None:
    both, one = fleet({"ada.yaml": wizard("ada", 8644)}), fleet({})
    assert preview(both, one, "vps").refusals
    assert not preview(both, one, "vps", Rules(deletions=frozenset({"ada"}))).refusals


def test_another_version_installs_it_and_moves_the_wizard() -> None:
    found = actions({}, {"parts.yaml": PARTS.replace("0.19.0", "0.18.2")})
    (installed,) = (key for key in found if key.startswith("codebase/hermes-agent/0.18.2-"))
    assert found[installed] is Action.CREATE
    assert found[BODY] is Action.RESTART


def test_hosts_are_looked_at_alone() -> None:
    before = {"fleet.yaml": TWO_HOSTS, "ezra.yaml": wizard("ezra", 8643, "host: vps")}
    after = {**before, "ada.yaml": wizard("ada", 8643, "host: lab")}
    assert actions(before, after, "vps") == {}
    assert actions(before, after, "lab")["wizard/ada/body"] is Action.START


def test_a_host_that_is_new_gets_everything() -> None:
    before = {"fleet.yaml": FLEET}
    after = {"fleet.yaml": TWO_HOSTS, "ezra.yaml": wizard("ezra", 8643, "host: lab")}
    assert actions(before, after, "lab")[BODY] is Action.START
    with pytest.raises(Terminal):
        preview(fleet(before), fleet(before), "nowhere")


def test_the_golden_fleet_against_itself() -> None:
    from reconciler.spec.load import load_fleet

    loaded = load_fleet(golden(), "fleet").fleet
    assert loaded is not None
    plan = preview(loaded, loaded, next(iter(loaded.fleet.hosts)))
    assert (plan.changes, plan.steps, plan.refusals) == ((), (), ())
