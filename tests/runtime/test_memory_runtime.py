"""The controls of the runtime in memory."""

from __future__ import annotations

import pytest

from reconciler.adapters.memory import Memory
from reconciler.errors import Retryable
from reconciler.plan.fact import ProcessFact, ProcessState
from reconciler.protocols.runtime import Program, Stopped


def program(name: str) -> Program:
    env = (("RECONCILER_INPUTS", "digest"), ("RECONCILER_PROGRAM", name))
    return Program(name, ("/bin/true",), env, "/", "/dev/null", "INT", 30, (78,))


@pytest.fixture
def memory() -> Memory:
    made = Memory()
    made.start(program("a"))
    return made


def seen(memory: Memory) -> ProcessFact:
    return memory.observe(["a"])["a"]


def test_a_crash_starts_another_process(memory: Memory) -> None:
    before = seen(memory)
    memory.crash("a", -11)
    assert seen(memory).state is ProcessState.RUNNING
    assert seen(memory).pid != before.pid
    assert memory.unplanned() == ("a: killed by SIGSEGV, started again",)


def test_a_start_that_fails_quietly_or_loudly(memory: Memory) -> None:
    memory.stop("a", 1)
    memory.fail_start("a", 78)
    memory.start(program("a"))
    assert seen(memory) == ProcessFact(ProcessState.EXITED, exit_code=78)
    memory.fail_start("a", 1)
    memory.start(program("a"))
    assert (seen(memory).state, seen(memory).exit_code) == (ProcessState.BACKOFF, 1)
    memory.stop("a", 1)
    memory.fail_start("a", None)
    memory.start(program("a"))
    assert seen(memory).state is ProcessState.RUNNING


def test_a_refused_start_changes_nothing(memory: Memory) -> None:
    memory.stop("a", 1)
    memory.refuse_start("a", "no memory left")
    with pytest.raises(Retryable, match="no memory left"):
        memory.start(program("a"))
    assert seen(memory).state is ProcessState.STOPPED


def test_an_orphan_keeps_its_identity(memory: Memory) -> None:
    before = seen(memory)
    memory.orphan("a")
    assert seen(memory).state is ProcessState.ORPHAN
    assert (seen(memory).pid, seen(memory).started) == (before.pid, before.started)


def test_a_deaf_program_is_forced_each_time(memory: Memory) -> None:
    memory.ignore_stop("a")
    assert memory.stop("a", 1) == Stopped(-9, forced=True)
    memory.start(program("a"))
    assert memory.stop("a", 1) == Stopped(-9, forced=True)


def test_calls_are_recorded_and_programs_shown(memory: Memory) -> None:
    memory.stop("a", 1)
    memory.forget("a")
    assert memory.calls == [("start", "a"), ("stop", "a"), ("forget", "a")]
    with pytest.raises(KeyError):
        memory.program("a")


def test_what_does_not_run_can_not_crash(memory: Memory) -> None:
    with pytest.raises(ValueError, match="does not run"):
        memory.crash("b", 1)


def test_the_same_fact_is_handed_out_while_nothing_changes(memory: Memory) -> None:
    assert seen(memory) is seen(memory)
