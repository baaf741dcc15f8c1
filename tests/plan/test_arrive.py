"""Wizards that another host ran before: what is said where they begin, and when nothing is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.plan.arrive import Whereabouts, arrivals, newcomers
from reconciler.plan.build import Rules
from reconciler.plan.preview import preview
from reconciler.spec.desired import DesiredFleet
from reconciler.spec.kinds import Policy
from tests.plan.fleets import ELSEWHERE, HERE, ROOT, changed, desired_of, fleet_of, simple, without
from tests.plan.host import Host
from tests.plan.walk import settle

FIRST, SECOND = "1" * 40, "2" * 40


def fleet() -> DesiredFleet:
    return fleet_of(simple("ada", 8643), simple("bo", 8644, host=ELSEWHERE), policy=Policy(max_deletions=1))


def told(host: Host, wanted: DesiredFleet, *earlier: Whereabouts) -> dict[str, str]:
    desired = desired_of(wanted, SECOND)
    observed, records = host.observe(desired), host.seen(desired)
    names = newcomers(desired, observed.facts, records)
    return dict(arrivals(names, desired, records, wanted, earlier))


def test_it_says_where_the_memories_are_and_how_they_come() -> None:
    found = told(Host(), changed(fleet(), "bo", host=HERE), {"bo": ELSEWHERE, "ada": HERE})
    assert found == {
        "bo": "bo starts here without its memories: Git ran it on host other before, and what it remembers is in the "
        f"attic there ({ROOT}/.attic/bo-*) once that host has let it go; to carry it over, declare bo with "
        "`desired: dead`, copy with `rsync -a --exclude=/SOUL.md --exclude=/config.yaml --exclude=/.env "
        f"other:{ROOT}/.attic/bo-*/home/ {ROOT}/bo/home/`, and let it run again"
    }


def test_the_address_of_the_host_is_used_and_its_own_root() -> None:
    wanted = changed(fleet(), "bo", host=HERE)
    away = wanted.fleet.hosts[ELSEWHERE].model_copy(update={"address": "b.example", "root": "/home/w"})
    wanted = replace(wanted, fleet=wanted.fleet.model_copy(update={"hosts": {**wanted.fleet.hosts, ELSEWHERE: away}}))
    assert "b.example:/home/w/.attic/bo-*/home/" in told(Host(), wanted, {"bo": ELSEWHERE})["bo"]


def test_a_host_that_left_the_fleet_is_named_all_the_same() -> None:
    assert "on host gone before" in told(Host(), fleet(), {"ada": "gone"})["ada"]


def test_the_newest_other_host_counts_and_gaps_are_no_end() -> None:
    earlier: tuple[Whereabouts, ...] = ({"bo": HERE}, {}, {"bo": "second"}, {"bo": "first"})
    assert "on host second before" in told(Host(), changed(fleet(), "bo", host=HERE), *earlier)["bo"]


def test_nothing_is_read_that_is_not_needed() -> None:
    def earlier() -> object:
        yield {"bo": ELSEWHERE, "ada": ELSEWHERE}
        pytest.fail("both were found")

    wanted = changed(fleet(), "bo", host=HERE)
    desired = desired_of(wanted)
    assert len(arrivals(("ada", "bo"), desired, Host().records, wanted, earlier())) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize("earlier", [(), ({},), ({"bo": ELSEWHERE},), ({"ada": HERE},)])
def test_a_wizard_that_was_nowhere_else_is_no_arrival(earlier: tuple[Whereabouts, ...]) -> None:
    assert told(Host(), fleet(), *earlier) == {}


def test_who_is_here_already_is_no_arrival() -> None:
    host = Host()
    settle(host, desired_of(fleet(), FIRST))
    assert told(host, fleet(), {"ada": ELSEWHERE}) == {}


def test_a_home_that_stands_here_is_no_empty_start() -> None:
    host = Host()
    settle(host, desired_of(fleet(), FIRST))
    host.records = type(host.records)()
    assert told(host, fleet(), {"ada": ELSEWHERE}) == {}


def test_under_another_name() -> None:
    wanted = without(fleet(), "bo")
    eve = simple("eve", 8644, formerly=("bo",))
    wanted = replace(wanted, wizards={**wanted.wizards, "eve": eve}, souls={**wanted.souls, "souls/eve.md": "# eve\n"})
    text = told(Host(), wanted, {"bo": ELSEWHERE})["eve"]
    assert "Git ran it as bo on host other before" in text
    assert f"{ROOT}/.attic/bo-*" in text


def test_there_and_back_says_that_what_came_since_is_away() -> None:
    host = Host()
    settle(host, desired_of(fleet(), FIRST))
    settle(host, desired_of(changed(fleet(), "ada", host=ELSEWHERE), SECOND), Rules())
    text = told(host, fleet(), {"ada": ELSEWHERE})["ada"]
    assert text.startswith("ada comes back from the attic as it left this host: Git ran it on host other before")


def test_a_renamed_wizard_is_no_arrival() -> None:
    host = Host()
    settle(host, desired_of(fleet(), FIRST))
    eve = simple("eve", 8643, formerly=("ada",))
    wanted = replace(without(fleet(), "ada"), souls={**fleet().souls, "souls/eve.md": "# eve\n"})
    wanted = replace(wanted, wizards={**wanted.wizards, "eve": eve})
    assert told(host, wanted, {"ada": ELSEWHERE}) == {}


# Without a host


def test_a_preview_of_a_move_shows_both_sides() -> None:
    after = changed(fleet(), "bo", host=HERE)
    here, there = preview(fleet(), after, HERE), preview(fleet(), after, ELSEWHERE)
    assert [w.split(":")[0] for w in here.warnings] == ["bo starts here without its memories"]
    assert not here.refusals
    assert {r.text for c in there.changes for r in c.reasons if c.wizard} == {"Git runs it on another host now"}
    assert not there.warnings


def test_a_preview_of_a_rename_is_a_rename() -> None:
    strict = fleet_of(simple("ada", 8643))
    after = fleet_of(simple("eve", 8643, formerly=("ada",)))
    plan = preview(strict, replace(after, souls={**strict.souls, **after.souls}), HERE)
    assert not plan.refusals
    assert not plan.warnings
    assert [(c.key, c.action.value) for c in plan.changes[:2]] == [
        ("wizard/ada/body", "stop"),
        ("wizard/eve/rename", "rename"),
    ]
    assert not [c for c in plan.changes if c.key.endswith(".env")]
    assert not plan.waiting
