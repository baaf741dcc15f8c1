"""What every runtime promises. A new one is a new Stage and this suite."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from reconciler.errors import Retryable
from reconciler.plan.fact import ProcessFact, ProcessState
from reconciler.protocols.runtime import Stopped
from tests.runtime.stage import Act, Stage, until


def seen(stage: Stage, name: str) -> ProcessFact:
    return stage.runtime.observe([name])[name]


def news(stage: Stage, about: str) -> list[str]:
    return [text for text in stage.runtime.unplanned() if about in text]


def ended(fact: ProcessFact) -> bool:
    return fact.state is ProcessState.EXITED


def test_what_was_never_started_is_stopped(stage: Stage) -> None:
    assert stage.runtime.observe(["a", "b"]) == {
        "a": ProcessFact(ProcessState.STOPPED),
        "b": ProcessFact(ProcessState.STOPPED),
    }
    assert stage.runtime.stop("a", 5) == Stopped(None, forced=False)
    stage.runtime.forget("a")
    assert list(stage.runtime.unplanned()) == []


def test_a_started_program_tells_who_it_is_and_what_it_was_started_with(stage: Stage) -> None:
    stage.up(stage.program("a", inputs="digest"))
    fact = seen(stage, "a")
    assert fact.state is ProcessState.RUNNING
    assert fact.inputs == "digest"
    assert fact.pid
    assert fact.started
    assert seen(stage, "a") == fact


def test_starting_what_runs_changes_nothing(stage: Stage) -> None:
    before = stage.up(stage.program("a"))
    stage.runtime.start(stage.program("a"))
    assert seen(stage, "a") == before
    assert stage.runs("a") in (1, None)


def test_a_changed_program_is_never_started_over_a_running_one(stage: Stage) -> None:
    before = stage.up(stage.program("a"))
    with pytest.raises(Retryable, match="stop it first"):
        stage.runtime.start(stage.program("a", inputs="two"))
    assert seen(stage, "a") == before


def test_a_stopped_program_stays_stopped_and_can_be_started_again(stage: Stage) -> None:
    first = stage.up(stage.program("a"))
    assert stage.runtime.stop("a", 30) == Stopped(0, forced=False)
    assert seen(stage, "a").state is ProcessState.STOPPED
    assert stage.runtime.stop("a", 30) == Stopped(None, forced=False)
    second = stage.up(stage.program("a", inputs="two"))
    assert second.inputs == "two"
    assert second.pid != first.pid


def test_what_was_asked_for_is_not_told(stage: Stage) -> None:
    stage.up(stage.program("a"))
    stage.runtime.stop("a", 30)
    stage.up(stage.program("a", inputs="two"))
    stage.up(stage.program("deaf", Act.DEAF))
    stage.runtime.stop("deaf", 1)
    assert list(stage.runtime.unplanned()) == []


@pytest.mark.parametrize("code", [0, 78])
def test_a_quiet_exit_stays_exited(stage: Stage, code: int) -> None:
    stage.runtime.start(stage.program("quiet", Act.EXIT, code))
    assert until(lambda: seen(stage, "quiet"), ended).exit_code == code
    other = stage.up(stage.program("other"))
    stage.crash("other", -9)
    stage.ready("other", other_than=other.pid)  # the supervisor has restarted what it would restart
    assert seen(stage, "quiet") == ProcessFact(ProcessState.EXITED, exit_code=code)
    assert stage.runs("quiet") in (1, None)
    assert news(stage, "quiet") == [f"quiet: ended with exit code {code}, not started again"]
    assert news(stage, "quiet") == []


def test_a_quiet_exit_after_a_while_stays_exited(stage: Stage) -> None:
    stage.up(stage.program("a"))
    stage.crash("a", 78)
    assert until(lambda: seen(stage, "a"), ended).exit_code == 78


def test_which_exits_are_quiet_can_change(stage: Stage) -> None:
    stage.up(stage.program("a"))
    stage.runtime.stop("a", 30)
    stage.up(replace(stage.program("a"), quiet_exits=(5,)))
    stage.crash("a", 5)
    assert until(lambda: seen(stage, "a"), ended).exit_code == 5


@pytest.mark.parametrize(("code", "how"), [(-9, "killed by SIGKILL"), (3, "ended with exit code 3")])
def test_a_crash_is_repaired_and_told_once(stage: Stage, code: int, how: str) -> None:
    first = stage.up(stage.program("a", inputs="digest"))
    stage.crash("a", code)
    second = stage.ready("a", other_than=first.pid)
    assert second.state is ProcessState.RUNNING
    assert second.inputs == "digest"
    assert news(stage, "a:") == [f"a: {how}, started again"]
    assert news(stage, "a:") == []


def test_what_is_told_of_one_program_leaves_the_others_to_be_told(stage: Stage) -> None:
    for name in ("a", "a-b", "b"):
        first = stage.up(stage.program(name))
        stage.crash(name, 3)
        stage.ready(name, other_than=first.pid)
    assert list(stage.runtime.unplanned("a")) == ["a: ended with exit code 3, started again"]
    assert list(stage.runtime.unplanned("a")) == []
    assert sorted(stage.runtime.unplanned()) == [
        f"{name}: ended with exit code 3, started again" for name in ("a-b", "b")
    ]
    assert list(stage.runtime.unplanned()) == []


def test_a_program_that_keeps_ending_is_held_back_and_can_be_stopped(stage: Stage) -> None:
    stage.runtime.start(stage.program("a", Act.EXIT, 3, inputs="digest"))
    held = until(lambda: seen(stage, "a"), lambda fact: "too often" in fact.note)
    assert held.state is ProcessState.BACKOFF
    stage.runtime.stop("a", 30)
    assert seen(stage, "a").state is ProcessState.STOPPED
    assert news(stage, "a: ended with exit code 3, started again")


def test_a_changed_program_is_never_started_over_one_that_waits_to_be_started_again(stage: Stage) -> None:
    """Nor is that its fault: stopped, it waits no more, and the changed one is started."""
    stage.runtime.start(stage.program("a", Act.EXIT, 3))
    until(lambda: seen(stage, "a"), lambda fact: "too often" in fact.note)
    changed = stage.program("a", inputs="two")
    with pytest.raises(Retryable, match="stop it first"):
        stage.runtime.start(changed)
    stage.runtime.stop("a", 30)
    stage.runtime.forget("a")
    assert seen(stage, "a") == ProcessFact(ProcessState.STOPPED)
    assert stage.up(changed).inputs == "two"


def test_an_ignored_stop_is_forced(stage: Stage) -> None:
    stage.up(stage.program("a", Act.DEAF))
    assert stage.runtime.stop("a", 1) == Stopped(-9, forced=True)
    assert seen(stage, "a").state is ProcessState.STOPPED


def test_a_dead_supervisor_leaves_orphans_that_are_never_doubled(stage: Stage) -> None:
    before = stage.up(stage.program("a", inputs="digest"))
    stage.kill_supervisor()
    orphan = seen(stage, "a")
    assert orphan.state is ProcessState.ORPHAN
    assert (orphan.pid, orphan.started, orphan.inputs) == (before.pid, before.started, "digest")
    assert news(stage, "supervisor")
    assert news(stage, "supervisor") == []
    with pytest.raises(Retryable, match=str(before.pid)):
        stage.runtime.start(stage.program("a"))
    stage.up(stage.program("b"))  # a fresh supervisor starts nothing but what it is asked for
    assert seen(stage, "a").state is ProcessState.ORPHAN
    with pytest.raises(Retryable, match=str(before.pid)):
        stage.runtime.start(stage.program("a"))
    assert stage.runs("a") in (1, None)
    assert stage.runtime.stop("a", 30) == Stopped(None, forced=False)
    assert seen(stage, "a").state is ProcessState.STOPPED
    after = stage.up(stage.program("a"))
    assert after.state is ProcessState.RUNNING
    assert after.pid != before.pid


def test_an_orphan_that_ignores_its_stop_is_forced(stage: Stage) -> None:
    stage.up(stage.program("a", Act.DEAF))
    stage.kill_supervisor()
    assert stage.runtime.stop("a", 1).forced
    assert seen(stage, "a").state is ProcessState.STOPPED


def test_an_orphan_that_ends_is_gone(stage: Stage) -> None:
    stage.up(stage.program("a"))
    stage.kill_supervisor()
    stage.crash("a", -9)
    assert seen(stage, "a").state is ProcessState.STOPPED


def test_a_silent_supervisor_is_not_taken_for_stopped_programs(stage: Stage) -> None:
    before = stage.up(stage.program("a"))
    stage.hang()
    with pytest.raises(Retryable, match="could not be observed"):
        stage.runtime.observe(["a", "b"])
    with pytest.raises(Retryable):
        stage.runtime.start(stage.program("b"))
    with pytest.raises(Retryable):
        stage.runtime.stop("a", 1)
    stage.answer()
    assert seen(stage, "a") == before
    assert seen(stage, "b").state is ProcessState.STOPPED


def test_forgetting_needs_a_stopped_program(stage: Stage) -> None:
    before = stage.up(stage.program("a"))
    with pytest.raises(Retryable, match="stop it first"):
        stage.runtime.forget("a")
    assert seen(stage, "a") == before
    stage.runtime.stop("a", 30)
    stage.runtime.forget("a")
    stage.runtime.forget("a")
    assert seen(stage, "a") == ProcessFact(ProcessState.STOPPED)
    assert stage.up(stage.program("a", inputs="two")).inputs == "two"


def test_four_start_at_once(stage: Stage) -> None:
    names = ["a", "b", "c", "d"]
    programs = [stage.program(name) for name in names]
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(stage.runtime.start, programs))
    facts = stage.runtime.observe(names)
    assert {fact.state for fact in facts.values()} == {ProcessState.RUNNING}
    assert len({fact.pid for fact in facts.values()}) == 4


def test_four_stop_at_once(stage: Stage) -> None:
    names = ["a", "b", "c", "d"]
    for name in names:
        stage.up(stage.program(name))
    with ThreadPoolExecutor(max_workers=4) as pool:
        results = list(pool.map(lambda name: stage.runtime.stop(name, 30), names))
    assert results == [Stopped(0, forced=False)] * 4
    assert {fact.state for fact in stage.runtime.observe(names).values()} == {ProcessState.STOPPED}


def test_shutdown_ends_everything_and_is_told_to_nobody(stage: Stage) -> None:
    stage.up(stage.program("a"))
    stage.runtime.start(stage.program("b", Act.EXIT, 78))
    stage.runtime.shutdown()
    assert {fact.state for fact in stage.runtime.observe(["a", "b"]).values()} == {ProcessState.STOPPED}
    assert list(stage.runtime.unplanned()) == []
    stage.runtime.shutdown()
    assert stage.up(stage.program("a")).state is ProcessState.RUNNING
    assert list(stage.runtime.unplanned()) == []
