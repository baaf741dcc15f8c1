"""A codebase that moves, databases that are copied and put back, and changes that keep coming back."""

from __future__ import annotations

from itertools import pairwise

import pytest

from reconciler.engine.effects import digest_of
from reconciler.engine.request import Request, retry, rollback
from reconciler.errors import Interrupted
from reconciler.plan.build import Rules
from reconciler.plan.change import Disposition
from reconciler.plan.codebases import version_name
from reconciler.plan.held import Generation, Pause
from reconciler.plan.repeat import LIMIT
from reconciler.plan.resource import Process
from reconciler.protocols.runtime import Program
from tests.engine.site import NEW, NEWEST, OLD, Site, release, runs, said, write

STEPS = ("stop", "copy databases", "put databases back", "start", "gate", "soak")


def story(site: Site, pass_id: int | None = None) -> list[tuple[str, str, str]]:
    """(wizard, operation, result) of the steps of the processes, of the last pass that had any."""
    entries = [e for e in site.entries() if e.operation in STEPS]
    last = max(e.pass_id for e in entries) if pass_id is None else pass_id
    return [(e.wizard or "", e.operation, e.result.value if e.result else "") for e in entries if e.pass_id == last]


def test_one_after_the_other_the_canary_first_and_its_soak_before_the_next_stop(site: Site) -> None:
    site.wizards["ada"]["father"] = "cy"
    site.push("a lineage")
    site.settle()
    site.version(NEWEST)
    site.settle()
    one = ("stop", "copy databases", "start", "gate")
    assert story(site) == [
        *(("ada", step, "done") for step in (*one, "soak")),
        *(("bo", step, "done") for step in one),
        *(("cy", step, "done") for step in one),
    ]
    rows = [e for e in site.entries() if e.operation in ("stop", "gate", "soak") and e.pass_id == 3]
    assert all(before.ended and before.ended <= after.at for before, after in pairwise(rows))
    assert {site.running(name) for name in site.wizards} == {NEWEST}


def test_the_declared_canary_goes_first(site: Site) -> None:
    site.codebase["canary"] = "cy"
    site.version(NEWEST)
    site.settle()
    assert [wizard for wizard, operation, _ in story(site) if operation == "stop"] == ["cy", "ada", "bo"]


def test_wizards_that_swap_ports_come_last_and_somebody_else_is_the_canary(site: Site) -> None:
    site.codebase["canary"] = "bo"
    site.wizards["ada"]["port"], site.wizards["bo"]["port"] = 8644, 8643
    site.version(NEWEST)
    site.settle()
    steps = [(wizard, step) for wizard, step, _ in story(site) if step in ("stop", "soak")]
    assert steps[:2] == [("cy", "stop"), ("cy", "soak")]
    assert sorted(steps[2:]) == [("ada", "stop"), ("bo", "stop")]


def test_a_canary_that_fails_leaves_its_siblings_as_they_were(site: Site) -> None:
    before = site.pids()
    site.version(NEWEST)
    site.gateways.ill = runs(NEWEST)
    report = site.run()
    assert report.stuck == ("ada",)
    after = site.pids()
    assert {name for name in before if before[name] != after[name]} == {"ada"}
    assert site.running("ada") == NEW
    assert {operation for wizard, operation, _ in story(site) if wizard != "ada"} == set()
    waiting = {change.wizard: change for change in report.left.changes}
    assert set(waiting) == {"bo", "cy"}
    assert all(c.disposition is Disposition.HELD for c in report.left.changes)
    assert f"ada failed on hermes-agent/{NEWEST}" in waiting["bo"].obstacle
    assert "`reconciler retry ada`" in waiting["bo"].obstacle
    again = site.run()
    assert (again.applied.outcomes, again.stuck) == ((), ("ada",))
    site.gateways.ill = lambda program: ""
    site.run(retry(frozenset({"ada"})))
    site.settle()
    assert {site.running(name) for name in site.wizards} == {NEWEST}


def test_a_canary_that_falls_in_its_soak_goes_back_as_well(site: Site) -> None:
    before = site.pids()
    site.version(NEWEST)
    started: list[float] = []

    def ill(program: Program) -> str:
        if f"/{NEWEST}-" not in program.argv[0]:
            return ""
        started.append(site.clock.monotonic())
        return "tired" if started[-1] - started[0] > 2.0 else ""

    site.gateways.ill = ill
    report = site.run()
    assert report.stuck == ("ada",)
    assert [step for step in story(site) if step[1] == "soak"] == [("ada", "soak", "failed")]
    assert {name for name, pid in site.pids().items() if pid != before[name]} == {"ada"}
    assert site.running("ada") == NEW


def test_one_that_fails_after_the_canary_keeps_the_rest_waiting_for_one_pass_only(site: Site) -> None:
    site.version(NEWEST)
    site.gateways.ill = lambda program: "deaf" if program.name == "bo-body" and f"/{NEWEST}-" in program.argv[0] else ""
    report = site.run()
    assert report.stuck == ("bo",)
    assert [site.running(name) for name in ("ada", "bo", "cy")] == [NEWEST, NEW, NEW]
    report = site.run()
    assert [site.running(name) for name in ("ada", "bo", "cy")] == [NEWEST, NEW, NEWEST]
    assert (report.done, report.stuck) == (True, ("bo",))


def test_a_declared_canary_that_is_paused_keeps_the_others_waiting(site: Site) -> None:
    pids = site.pids()
    site.codebase["canary"] = "bo"
    site.version(NEWEST)
    with site.bound() as (host, _):
        host.ledger.pause(Pause("bo", "looking", "2026-01-01T00:00:00Z"))
    report = site.run()
    assert (report.done, report.stuck, site.pids()) == (True, (), pids)
    obstacles = {c.wizard: c.obstacle for c in report.left.changes if c.wizard}
    assert obstacles["ada"].startswith("waits for the canary bo, which is paused")
    with site.bound() as (host, _):
        host.ledger.resume("bo")
    site.settle()
    assert [wizard for wizard, operation, _ in story(site) if operation == "stop"] == ["bo", "ada", "cy"]


def test_what_was_healthy_long_ago_is_no_proof_that_it_can_be_gone_back_to(site: Site) -> None:
    """Everybody was on it once, and Git goes back to it; by now it can't start."""
    site.version(NEWEST)
    site.settle()
    pids = site.pids()
    site.version(NEW)
    site.gateways.ill = runs(NEW)
    assert site.run().stuck == ("ada",)
    for _ in range(2):
        report = site.run()
        assert report.applied.outcomes == ()
        assert {name for name, pid in site.pids().items() if pid != pids[name]} == {"ada"}
    waiting = {change.wizard: change.obstacle for change in report.left.changes}
    assert waiting["bo"].startswith(f"waits: ada failed on hermes-agent/{NEW}, and no other wizard has moved to it ")
    site.version(NEWEST)
    site.settle()


def test_one_that_begins_on_the_version_says_nothing_of_moving_to_it(site: Site) -> None:
    site.wizards["di"] = {**site.wizards["ada"], "name": "di", "port": 8646, "soul": {"charter": {"identity": "di"}}}
    pids = {name: site.pid(name) for name in ("bo", "cy")}
    site.version(NEWEST)
    site.gateways.ill = lambda program: "" if program.name == "di-body" else runs(NEWEST)(program)
    assert site.run().stuck == ("ada",)
    assert site.running("di") == NEWEST
    assert site.run().applied.outcomes == ()
    assert {name: site.pid(name) for name in pids} == pids


def test_a_declared_canary_that_is_blocked_keeps_the_others_waiting(site: Site) -> None:
    pids = site.pids()
    site.codebase["canary"] = "bo"
    site.wizards["bo"]["env"] = {"A_TOKEN": {"env": "NOT_THERE"}}
    site.version(NEWEST)
    report = site.run()
    assert site.pids() == pids
    obstacles = {c.wizard: c.obstacle for c in report.left.changes if c.wizard}
    assert obstacles["ada"].startswith("waits for the canary bo, which can't move: ")
    assert "NOT_THERE" in obstacles["ada"]
    del site.wizards["bo"]["env"]
    site.push("without the token")
    site.settle()
    assert [wizard for wizard, operation, _ in story(site) if operation == "stop"] == ["bo", "ada", "cy"]


def interrupted_in_its_soak(site: Site) -> None:
    site.version(NEWEST)
    with site.bound() as (_, reconciler), pytest.raises(Interrupted):
        reconciler.run(Request("test"), lambda: any("watching the canary" in text for text in site.told.texts))
    assert [step for step in story(site) if step[1] != "stop"][-2:] == [
        ("ada", "gate", "done"),
        ("ada", "soak", "interrupted"),
    ]
    site.told.texts.clear()


def test_a_soak_that_was_killed_is_made_again_before_anybody_follows(site: Site) -> None:
    interrupted_in_its_soak(site)
    assert [g.number for g in site.records().generations["ada"]] == [1]
    pid = site.pid("ada")
    site.settle()
    assert story(site)[:3] == [("ada", "gate", "done"), ("ada", "soak", "done"), ("bo", "stop", "done")]
    assert site.pid("ada") == pid
    assert {site.running(name) for name in site.wizards} == {NEWEST}
    assert [g.number for g in site.records().generations["ada"]] == [2, 1]


@pytest.mark.parametrize("crashed", [False, True])
def test_a_canary_that_falls_after_its_soak_was_killed_is_followed_by_nobody(site: Site, crashed: bool) -> None:
    interrupted_in_its_soak(site)
    pids = site.pids()
    if crashed:
        site.gateways.crash("ada-body", 0)
    site.gateways.ill = runs(NEWEST)
    report = site.run()
    assert report.stuck == ("ada",)
    assert site.run().applied.outcomes == ()
    assert site.running("ada") == NEW
    assert {name for name, pid in site.pids().items() if pid != pids[name]} == {"ada"}
    assert {codebase(g) for g in site.records().generations["ada"]} == {NEW}


def codebase(generation: Generation) -> str:
    path = next(r.codebase for r in generation.resources if isinstance(r, Process))
    return version_name(path).rsplit("/", 1)[-1]


def test_a_soak_that_is_owed_on_what_git_no_longer_wants_is_not_made(site: Site) -> None:
    interrupted_in_its_soak(site)
    site.version(NEW)
    site.settle()
    assert [step[:2] for step in story(site) if step[1] != "copy databases"] == [
        ("ada", "stop"),
        ("ada", "start"),
        ("ada", "gate"),
    ]


def test_a_move_that_was_killed_goes_on_with_the_one_that_had_moved(site: Site) -> None:
    """The canary was started by the killed pass and nobody saw it hold: it is still the first."""
    old = site.pid("ada")
    site.version(NEWEST)
    with site.bound() as (_, reconciler), pytest.raises(Interrupted):
        reconciler.run(Request("test"), lambda: site.pid("ada") not in (None, old))
    assert site.running("ada") == NEWEST
    site.gateways.ill = runs(NEWEST)
    report = site.run()
    assert report.stuck == ("ada",)
    assert [site.running(name) for name in ("ada", "bo", "cy")] == [NEW, NEW, NEW]
    assert [step[:2] for step in story(site) if step[0] != "ada"] == []


# Databases


def grows(site: Site) -> None:
    """Every start of an agent writes its version into its database."""
    for name in site.wizards:
        write(site.home(name) / "state.db", "long ago")

    def act(program: Program) -> None:
        name = program.name.removesuffix("-body")
        write(site.home(name) / "state.db", release(program))

    site.gateways.acts = act


def test_databases_come_back_when_the_new_version_never_held(site: Site) -> None:
    grows(site)
    site.version(NEWEST)
    site.gateways.ill = runs(NEWEST)
    site.run()
    assert said(site.home("ada") / "state.db") == ["long ago", NEW]
    assert ("ada", "put databases back", "done") in story(site)
    assert said(site.home("bo") / "state.db") == ["long ago"]


def test_status_says_what_a_wizard_that_waits_runs_on(site: Site) -> None:
    site.version(NEWEST)
    site.gateways.ill = runs(NEWEST)
    site.run()
    assert site.status("bo").codebase == f"hermes {NEW} -> {NEWEST}"
    assert site.status("ada").codebase == f"hermes {NEW}", "it went back"
    site.gateways.ill = lambda program: ""
    site.wizards["bo"]["port"] = 8655
    site.push()
    assert site.status("bo").port == 8644, "where it answers"
    site.run(retry(frozenset({"ada"})))
    site.run()
    assert (site.status("bo").codebase, site.status("bo").port) == (f"hermes {NEWEST}", 8655)


def test_a_database_that_only_the_failed_version_has_is_taken_away(site: Site) -> None:
    write(site.home("ada") / "state.db", "long ago")
    kanban = site.home("ada") / "kanban.db"
    site.gateways.acts = lambda program: write(kanban, "made") if f"/{NEWEST}-" in program.argv[0] else None
    site.version(NEWEST)
    site.gateways.ill = runs(NEWEST)
    site.run()
    assert said(site.home("ada") / "state.db") == ["long ago"]
    assert not kanban.exists()
    (kept,) = site.state.glob("generations/ada/*/replaced/kanban.db")
    assert said(kept) == ["made"]


def test_databases_stay_when_the_new_version_has_held_once(site: Site) -> None:
    """Rolled back by hand after days: what was said meanwhile stays."""
    grows(site)
    site.version(NEWEST)
    site.settle()
    write(site.home("ada") / "state.db", "days of talk")
    site.run(rollback("ada"))
    assert site.running("ada") == NEW
    assert said(site.home("ada") / "state.db") == ["long ago", NEWEST, "days of talk", NEW]


def test_databases_stay_when_a_later_change_fails_on_the_new_version(site: Site) -> None:
    grows(site)
    site.version(NEWEST)
    site.settle()
    write(site.home("ada") / "state.db", "days of talk")
    site.config("ada", compact=True)
    site.gateways.ill = lambda p: "deaf" if p.name == "ada-body" and site.display("ada") else ""
    site.run()
    assert site.running("ada") == NEWEST
    assert said(site.home("ada") / "state.db") == ["long ago", NEWEST, "days of talk", NEWEST, NEWEST]


def test_databases_stay_when_only_the_soak_failed(site: Site) -> None:
    """It has passed its gate, so people may have talked to it."""
    grows(site)
    test_a_canary_that_falls_in_its_soak_goes_back_as_well(site)
    assert said(site.home("ada") / "state.db") == ["long ago", NEWEST, NEW]


def test_a_version_that_failed_and_one_that_mends_it_start_from_the_same_copy(site: Site) -> None:
    grows(site)
    site.version(NEWEST)
    site.gateways.ill = lambda program: "deaf" if program.name == "ada-body" else ""
    site.run()
    site.version(OLD)
    site.run()
    site.gateways.ill = lambda program: ""
    site.run()
    assert site.running("ada") == NEW
    assert said(site.home("ada") / "state.db")[0] == "long ago"
    assert OLD not in said(site.home("ada") / "state.db")
    assert NEWEST not in said(site.home("ada") / "state.db")


def test_a_killed_move_does_not_copy_what_the_new_version_wrote(site: Site) -> None:
    grows(site)
    old = site.pid("ada")
    site.version(NEWEST)
    with site.bound() as (_, reconciler), pytest.raises(Interrupted):
        reconciler.run(Request("test"), lambda: site.pid("ada") not in (None, old))
    assert said(site.home("ada") / "state.db") == ["long ago", NEWEST]
    site.gateways.crash("ada-body", 0)
    site.gateways.ill = runs(NEWEST)
    site.run()
    assert site.running("ada") == NEW
    assert said(site.home("ada") / "state.db") == ["long ago", NEW]


def test_who_rests_while_its_codebase_moves_leaves_a_copy_too(site: Site) -> None:
    grows(site)
    site.wizards["ada"]["desired"] = "dead"
    site.push("ada rests")
    site.settle()
    site.version(NEWEST)
    site.settle()
    assert said(site.home("ada") / "state.db") == ["long ago"]
    del site.wizards["ada"]["desired"]
    site.push("ada wakes")
    site.gateways.ill = lambda program: (
        "deaf" if program.name == "ada-body" and f"/{NEWEST}-" in program.argv[0] else ""
    )
    report = site.run()
    assert report.stuck == ("ada",)
    assert said(site.home("ada") / "state.db") == ["long ago", NEW]


def test_a_database_that_cannot_be_copied_leaves_the_gateway_running_on_the_old_version(site: Site) -> None:
    (site.home("ada") / "state.db").write_bytes(b"no database at all, but long enough to be looked at")
    pids = site.pids()
    site.version(NEWEST)
    report = site.run()
    (failed,) = report.applied.failures
    assert "a database is damaged" in failed.text
    assert site.pids() == pids
    (site.home("ada") / "state.db").unlink()
    site.settle()
    assert {site.running(name) for name in site.wizards} == {NEWEST}


def test_one_that_is_found_damaged_only_after_the_stop_goes_back_to_the_old_version(site: Site) -> None:
    """As it crashed before: nothing ran that could be left running."""
    (site.home("ada") / "state.db").write_bytes(b"no database at all, but long enough to be looked at")
    site.gateways.crash("ada-body", 0)
    site.version(NEWEST)
    report = site.run()
    assert report.stuck == ("ada",)
    assert "a database is damaged" in site.status("ada").quarantined
    assert (site.running("ada"), bool(site.pid("ada"))) == (NEW, True)


# Loops


def test_a_change_that_comes_back_each_time_stops_after_three_passes(site: Site) -> None:
    soul = site.home("ada") / "SOUL.md"
    wanted = soul.read_text()
    for _ in range(LIMIT):
        soul.write_text("somebody else's\n")
        report = site.run()
        assert report.stuck == ()
        assert soul.read_text() == wanted
    soul.write_text("somebody else's\n")
    report = site.run()
    assert (report.applied.outcomes, report.stuck) == ((), ("wizard/ada/file/home/SOUL.md",))
    assert soul.read_text() == "somebody else's\n"
    (line,) = site.status("ada").differences
    assert "was made 3 passes in a row and came back each time" in line
    assert "`reconciler retry ada`" in line
    site.run(retry(frozenset({"ada"})))
    assert soul.read_text() == wanted
    site.settle()


def test_a_pass_with_nothing_to_do_in_between_starts_the_count_anew(site: Site) -> None:
    soul = site.home("ada") / "SOUL.md"
    for _ in range(LIMIT + 2):
        soul.write_text("somebody else's\n")
        assert site.run().stuck == ()
        site.run()


def test_a_pass_over_another_wizard_keeps_the_count(site: Site) -> None:
    soul = site.home("ada") / "SOUL.md"
    for _ in range(LIMIT):
        soul.write_text("somebody else's\n")
        site.run()
        (site.home("bo") / "SOUL.md").write_text("x")
        site.run(Request("test", Rules(only=frozenset({"bo"}))))
    soul.write_text("somebody else's\n")
    assert site.run().stuck == ("wizard/ada/file/home/SOUL.md",)


def test_a_commit_that_changes_it_is_no_loop(site: Site) -> None:
    test_a_change_that_comes_back_each_time_stops_after_three_passes(site)
    soul = site.home("ada") / "SOUL.md"
    for turn in range(LIMIT + 1):
        soul.write_text("somebody else's\n")
        site.wizards["ada"]["soul"] = {"charter": {"identity": f"ada, the {turn}th"}}
        site.push("another soul")
        site.settle()


@pytest.mark.parametrize("state", ["deaf", "gone"])
def test_a_gateway_that_never_comes_up_again_is_tried_three_times(site: Site, state: str) -> None:
    """It was healthy on this until now, so that there is nothing to go back to."""
    site.settle()
    site.gateways.crash("ada-body", 0)
    site.gateways.ill = lambda program: state if program.name == "ada-body" else ""
    if state == "gone":
        site.gateways.fail_start("ada-body", 0)
    for _ in range(LIMIT):
        assert not site.run().done
    report = site.run()
    assert (report.applied.outcomes, report.stuck) == ((), ("wizard/ada/body",))
    assert "did not last" in report.left.changes[0].obstacle
    assert site.records().quarantines == {}


def test_copies_go_with_the_version_that_they_lead_back_to(site: Site) -> None:
    """A version that no generation, link or process needs is removed, and so are the copies made when it was left."""
    for name in ("bo", "cy"):
        del site.wizards[name]
    site.push("Only ada\n\nAllow-Delete: bo\nAllow-Delete: cy")
    site.settle()
    grows(site)
    for number in range(9):
        site._install(f"1.{number}.0")
        site.version(f"1.{number}.0")
        site.settle()
    path = site.root / ".codebases" / "hermes-agent"
    left = {digest_of(str(one)) for one in path.iterdir()}
    copies = {one.name for one in (site.state / "generations" / "ada").iterdir()}
    assert "hermes-agent/1.0.0" not in {version_name(str(one)) for one in path.iterdir()}
    assert copies
    assert copies <= left
    assert "and 1 copy of databases made when it was left" in str(site.entries())


def test_other_packages_beside_a_version_move_like_any_version(site: Site) -> None:
    """Behind a canary, with the way back; `why` says what has changed, and not only digits."""
    site.settle()
    site._install(NEW, ("aiohttp", "humanize"))
    before = {name: site.gateways.program(f"{name}-body").argv[0] for name in site.wizards}
    site.gateways.ill = lambda program: "does not listen" if program.argv[0] not in before.values() else ""
    site.codebase["source"] = {"pypi": "hermes-agent", "version": NEW, "with": ["humanize", "aiohttp"]}
    site.push("Humanize for everybody")
    report = site.run()
    assert {name: site.gateways.program(f"{name}-body").argv[0] for name in site.wizards} == before
    assert [text for text in site.told.texts if "with: aiohttp -> aiohttp, humanize; canary first" in text]
    waiting = next(change for change in report.left.changes if change.wizard == "bo")
    assert f"ada failed on hermes-agent/{NEW}-" in waiting.obstacle  # not the one that everybody holds on
    site.gateways.ill = lambda program: ""
    site.run(retry(frozenset({"ada"})))
    site.settle()
    after = {site.gateways.program(f"{name}-body").argv[0] for name in site.wizards}
    assert len(after) == 1
    assert not after & set(before.values())
    assert {site.running(name) for name in site.wizards} == {NEW}
