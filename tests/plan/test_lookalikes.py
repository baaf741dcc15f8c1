"""What looks like another wizard's end and a new one's beginning, and is one wizard or one home."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.plan.build import Rules
from reconciler.plan.generation import of_wizard
from reconciler.plan.held import Generation
from reconciler.plan.soul import essence
from reconciler.plan.trailers import DELETION_TRAILER, Slip
from reconciler.spec.desired import DesiredFleet
from reconciler.spec.kinds import Policy, Wizard
from tests.plan.fleets import ELSEWHERE, ROOT, changed, desired_of, fleet_of, simple, without
from tests.plan.host import Host, Node
from tests.plan.walk import plan_for, settle

FIRST, SECOND, THIRD = "1" * 40, "2" * 40, "3" * 40
CHARTER = {"charter": {"identity": "the archivist", "responsibilities": ["keeps the books"]}}
STRICT = Rules()


def house(**policy: int) -> tuple[Host, DesiredFleet]:
    """A host on which ada, with a charter, and bo have run."""
    fleet = fleet_of(simple("ada", 8643, soul=CHARTER), simple("bo", 8644), policy=Policy(**policy))
    host = Host()
    settle(host, desired_of(fleet, FIRST))
    return host, fleet


def eve(port: int, **fields: object) -> Wizard:
    return simple("eve", port, **{"soul": {"file": "souls/b.md"}, **fields})


def called(fleet: DesiredFleet, name: str, **fields: object) -> DesiredFleet:
    """ada under another name, and nobody says so."""
    wizard = fleet.wizards["ada"].model_copy(update={"name": name, **fields})
    return replace(fleet, wizards={**without(fleet, "ada").wizards, name: wizard})


@pytest.mark.parametrize("allowed", [0, 5])
def test_a_charter_is_the_same_under_another_name(allowed: int) -> None:
    host, fleet = house(max_deletions=allowed)
    plan = plan_for(host, desired_of(called(fleet, "zoe-two", port=8650), SECOND), STRICT)
    (refusal,) = plan.refusals
    assert refusal.what.startswith(
        "wizard ada goes and wizard zoe-two comes with the same soul: that looks like a rename"
    )
    assert refusal.mend.index("formerly: [ada]") < refusal.mend.index("Allow-Delete: ada")


def test_another_charter_is_another_soul() -> None:
    host, fleet = house(max_deletions=5)
    other = eve(8650, soul={"charter": {"identity": "the archivist", "responsibilities": ["sings"]}})
    desired = desired_of(replace(fleet, wizards={"bo": fleet.wizards["bo"], "eve": other}), SECOND)
    assert not plan_for(host, desired, STRICT).refusals


def test_only_what_follows_from_name_place_and_neighbours_is_left_out() -> None:
    own = "# Bo Two House Charter\n\nEntity:\n- x\n- HERMES_HOME=/w/bo-two/home\n- Shares codebase with ada\n"
    assert essence(own, "bo-two") == "\nEntity:\n- x"
    assert essence(own, "ada") == own
    assert essence("# A soul\n- HERMES_HOME=/w\n", "ada") == "# A soul\n- HERMES_HOME=/w\n"
    assert essence("", "ada") == ""


@pytest.mark.parametrize("why", ["paused", "unknown"])
def test_a_removal_that_has_to_wait_counts(why: str) -> None:
    """Else the new wizard's folders are made now, and stand in the way of the rename later."""
    host, fleet = house()
    if why == "paused":
        host.pause("ada")
    else:
        host.unknown["wizard/ada/dir"] = "disk away"
    plan = plan_for(host, desired_of(called(fleet, "eve"), SECOND), STRICT)
    assert [refusal.what.split(":")[0] for refusal in plan.refusals] == [
        "wizard ada goes and wizard eve comes with the same port 8643"
    ]


def test_who_is_renamed_without_a_word_is_not_counted_as_removed_too() -> None:
    host, fleet = house()
    plan = plan_for(host, desired_of(without(called(fleet, "eve"), "bo"), SECOND), STRICT)
    assert [refusal.what.split("(")[0] for refusal in plan.refusals] == [
        "wizard ada goes and wizard eve comes with the same port 8643: that looks like a rename, "
        "and the memories of ada would not come along",
        "it would remove 1 wizard ",
    ]
    assert "(bo)" in plan.refusals[1].what


def test_a_line_that_was_meant_to_allow_it_is_named() -> None:
    host, fleet = house()
    slips = (
        Slip(DELETION_TRAILER, frozenset({"ada"}), "commit 1111111 says so"),
        Slip(DELETION_TRAILER, frozenset({"zoe"}), "commit 2222222 says something else"),
    )
    for desired in (desired_of(called(fleet, "eve"), SECOND), desired_of(without(fleet, "ada"), SECOND)):
        (refusal,) = plan_for(host, desired, Rules(slips=slips)).refusals
        assert refusal.mend.endswith("--allow-delete ada; commit 1111111 says so")


def test_who_goes_to_another_host_is_not_renamed_here() -> None:
    host, fleet = house(max_deletions=1)
    moved = changed(fleet, "ada", host=ELSEWHERE)
    new = replace(moved, wizards={**moved.wizards, "eve": eve(8643)})
    assert not plan_for(host, desired_of(new, SECOND), STRICT).refusals


# Homes


def left_behind() -> tuple[Host, DesiredFleet]:
    """ada, whose home was outside of its folder, was removed."""
    fleet = fleet_of(simple("ada", 8643, home="minds/ada"), simple("bo", 8644))
    desired, host = desired_of(fleet, FIRST), Host()
    settle(host, desired)
    made = Generation("ada", 1, FIRST, "t", "x", of_wizard(desired)["ada"])
    host.records = replace(host.records, generations={"ada": (made,)})
    host.files[f"{ROOT}/minds/ada/MEMORY.md"] = Node("foreign", 0o600, "what ada remembers")
    settle(host, desired_of(without(fleet, "ada"), SECOND))
    return host, fleet


def with_eve(fleet: DesiredFleet, **fields: object) -> DesiredFleet:
    return replace(fleet, wizards={"bo": fleet.wizards["bo"], "eve": eve(8650, home="minds/ada", **fields)})


def test_a_new_wizard_does_not_begin_in_the_home_that_a_removed_one_has_left() -> None:
    host, fleet = left_behind()
    desired = desired_of(with_eve(fleet), THIRD)
    for rules in (STRICT, Rules(deletions=frozenset({"ada"}))):
        (refusal,) = plan_for(host, desired, rules).refusals
        assert refusal.what == f"wizard eve would begin in {ROOT}/minds/ada, where wizard ada has left its memories"
        assert "write `formerly: [ada]` into eve; else give eve another home" in refusal.mend
    host.files = {path: node for path, node in host.files.items() if "/minds/ada" not in path}  # moved away
    settle(host, desired, STRICT)
    assert not plan_for(host, desired, STRICT).changes


def test_said_in_formerly_the_home_goes_over() -> None:
    host, fleet = left_behind()
    desired = desired_of(with_eve(fleet, formerly=("ada",)), THIRD)
    settle(host, desired, STRICT)
    assert host.files[f"{ROOT}/minds/ada/MEMORY.md"].content == "what ada remembers"
    assert not plan_for(host, desired, STRICT).changes


def test_the_wizard_itself_gets_its_home_back() -> None:
    host, fleet = left_behind()
    desired = desired_of(fleet, THIRD)
    settle(host, desired, STRICT)
    assert not plan_for(host, desired, STRICT).changes


def test_nor_in_the_home_of_one_that_lives_elsewhere_now() -> None:
    host, fleet = left_behind()
    both = with_eve(fleet)
    both = replace(both, wizards={**both.wizards, "ada": simple("ada", 8643, home="minds/ada-two")})
    (refusal,) = plan_for(host, desired_of(both, THIRD), STRICT).refusals
    assert refusal.mend == f"give eve another home, or move {ROOT}/minds/ada away"


def test_while_it_is_being_removed_its_home_is_its_own() -> None:
    fleet = fleet_of(simple("ada", 8643, home="minds/ada"), simple("bo", 8644))
    host = Host()
    settle(host, desired_of(fleet, FIRST))
    (refusal,) = plan_for(host, desired_of(with_eve(fleet), SECOND), Rules(deletions=frozenset({"ada"}))).refusals
    assert "wizard eve would begin in" in refusal.what


def test_a_home_that_went_into_the_attic_is_free() -> None:
    fleet = fleet_of(simple("ada", 8643), simple("bo", 8644))
    desired, host = desired_of(fleet, FIRST), Host()
    settle(host, desired)
    made = Generation("ada", 1, FIRST, "t", "x", of_wizard(desired)["ada"])
    host.records = replace(host.records, generations={"ada": (made,)})
    settle(host, desired_of(without(fleet, "ada"), SECOND))
    host.files[f"{ROOT}/ada"] = Node("directory", 0o700)
    host.files[f"{ROOT}/ada/home"] = Node("directory", 0o700)
    later = replace(fleet, wizards={"bo": fleet.wizards["bo"], "eve": eve(8650, home="ada/home")})
    assert not plan_for(host, desired_of(later, THIRD), STRICT).refusals
