"""Restarts that the policy counts, and lines in commits that were meant to allow more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.plan.build import Rules
from reconciler.plan.trailers import (
    DELETION_TRAILER,
    RESTART_TRAILER,
    Slip,
    deletions_allowed,
    restarts_allowed,
    slips,
    stray_lines,
)
from reconciler.spec.desired import DesiredFleet
from reconciler.spec.kinds import Policy, PypiSource
from tests.plan.fleets import at_version, changed, desired_of, fleet_of, simple
from tests.plan.host import Host
from tests.plan.walk import plan_for, settle

FIRST, SECOND, THIRD = "1" * 40, "2" * 40, "3" * 40
STRICT = Rules()


def house(max_restarts: int) -> tuple[Host, DesiredFleet]:
    wizards = (simple("ada", 8643), simple("bo", 8644), simple("cy", 8645))
    fleet, host = fleet_of(*wizards, policy=Policy(max_restarts=max_restarts)), Host()
    settle(host, desired_of(fleet, FIRST))
    return host, fleet


def each_its_own(fleet: DesiredFleet) -> DesiredFleet:
    source = PypiSource(pypi="hermes-agent", version="0.20.0", with_=("aiohttp",))
    for name in fleet.wizards:
        codebase = fleet.codebases["hermes"].model_copy(update={"name": f"of-{name}", "source": source})
        fleet = replace(fleet, codebases={**fleet.codebases, codebase.name: codebase})
        fleet = changed(fleet, name, codebase=codebase.name)
    return fleet


def test_a_codebase_that_moves_under_one_wizard_alone_has_no_canary_and_counts() -> None:
    host, fleet = house(2)
    plan = plan_for(host, desired_of(each_its_own(fleet), SECOND), STRICT)
    assert [r.what for r in plan.refusals] == [
        "it would restart or stop 3 running wizards (ada, bo, cy); the fleet allows 2 at once"
    ]
    assert not plan_for(host, desired_of(each_its_own(fleet), SECOND), Rules(restarts=3)).refusals


@pytest.mark.parametrize("done", range(9))
def test_behind_a_canary_nobody_counts_wherever_the_pass_was_killed(done: int) -> None:
    host, fleet = house(0)
    desired = desired_of(at_version(fleet, "0.20.0"), SECOND)
    plan = plan_for(host, desired, STRICT)
    assert not plan.refusals
    ends = [number for number, step in enumerate(plan.steps, 1) if step.key.endswith("/body")]
    host.apply(plan, limit=ends[min(done, len(ends) - 1)])
    plan = plan_for(host, desired, STRICT)
    assert not plan.refusals
    host.apply(plan)
    assert not plan_for(host, desired, STRICT).changes


def test_who_follows_in_a_later_commit_counts() -> None:
    host, fleet = house(0)
    old = changed(changed(fleet, "bo", codebase="hermes-old"), "cy", codebase="hermes-old")
    settle(host, desired_of(old, SECOND))
    plan = plan_for(host, desired_of(changed(old, "cy", codebase="hermes"), THIRD), STRICT)
    assert "restart or stop 1 running wizards (cy)" in plan.refusals[0].what


# Trailers


@pytest.mark.parametrize("value", ["ada, bo", "ada bo", "`ada`, `bo`", "`ada, bo`", "ada,`bo`"])
def test_names_in_trailers(value: str) -> None:
    assert deletions_allowed([("allow-delete", value)]) == ("ada", "bo")
    assert not list(slips(FIRST, [("Allow-Delete", value)], ()))


def test_numbers_in_trailers() -> None:
    assert restarts_allowed([("Allow-Restarts", "`12`")]) == 12


@pytest.mark.parametrize(
    ("trailer", "meant", "says"),
    [
        (("Allow-Delete", "Ada"), DELETION_TRAILER, "says `Allow-Delete: Ada`, and names of wizards are lower-case"),
        (("Allow-Delete", "ada;bo"), DELETION_TRAILER, "with commas or spaces between them"),
        (("Allow-Deletes", "ada"), DELETION_TRAILER, "and the trailer is called `Allow-Delete`"),
        (("Allow-Deletion", "ada"), DELETION_TRAILER, "and the trailer is called `Allow-Delete`"),
        (("Allow-Restart", "3"), RESTART_TRAILER, "and the trailer is called `Allow-Restarts`"),
        (("Allow-Restarts", "all"), RESTART_TRAILER, "which is no number of restarts"),
    ],
)
def test_trailers_that_are_nearly_right(trailer: tuple[str, str], meant: str, says: str) -> None:
    (slip,) = slips(FIRST, [trailer], ())
    assert slip.trailer == meant
    assert slip.words.startswith("commit 1111111 says `")
    assert says in slip.words
    assert meant == RESTART_TRAILER or "ada" in slip.names


def test_other_trailers_are_none_of_ours() -> None:
    assert not list(slips(FIRST, [("Signed-off-by", "me"), ("Allow-Merge", "ada"), ("Allow-Delete", "ada")], ()))


@pytest.mark.parametrize(
    ("message", "trailers", "stray"),
    [
        ("x\n\nAllow-Delete: ada\n", [("Allow-Delete", "ada")], ()),
        ("x\n\nAllow-Delete: ada,\n bo\n", [("Allow-Delete", "ada, bo")], ()),
        ("x\n\nAllow-Delete: ada\n\nmore words\n", [], (("Allow-Delete", "ada"),)),
        ("Allow-Delete: ada\n", [], (("Allow-Delete", "ada"),)),
        ("x\r\n\r\n> `allow delete: ada`\r\n\r\nwords\r\n", [], (("allow delete", "ada`"),)),
        ("x\n\nAllow-Delete: ada\n\nAllow-Delete: bo\n", [("Allow-Delete", "bo")], (("Allow-Delete", "ada"),)),
        ("x\n\nAllow-Restarts: 3\n\nSigned-off-by: me\n", [("Signed-off-by", "me")], (("Allow-Restarts", "3"),)),
        ("x\n\nwe should allow-delete: never\nallowance: 3\n", [], ()),
    ],
)
def test_lines_that_are_no_trailers(
    message: str, trailers: list[tuple[str, str]], stray: tuple[tuple[str, str], ...]
) -> None:
    assert stray_lines(message, trailers) == stray
    for slip in slips(FIRST, trailers, stray):
        assert slip.words.endswith("trailers stand in a paragraph of their own at the end of the message")
        assert slip.words.count("`") == 2


def test_a_long_line_is_shortened() -> None:
    (slip,) = slips(FIRST, (), [("Allow-Delete", "ada " * 1000)])
    assert len(slip.words) < 250


def test_a_refusal_of_restarts_names_what_was_meant_to_allow_them() -> None:
    host, fleet = house(0)
    slip = Slip(RESTART_TRAILER, frozenset(), "commit 1111111 says so")
    desired = desired_of(changed(fleet, "ada", port=8650), SECOND)
    (refusal,) = plan_for(host, desired, Rules(slips=(slip,))).refusals
    assert refusal.mend == (
        "put the trailer `Allow-Restarts: 1` into the commit, or say --allow-restarts 1; commit 1111111 says so"
    )
