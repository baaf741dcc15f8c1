"""Where the contract suite plays: one runtime, programs for it, and the accidents that happen to them."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Protocol, TypeVar

from reconciler.adapters.memory import Memory
from reconciler.adapters.processes import Identity, await_end, identify, send
from reconciler.adapters.supervisord import Supervisord
from reconciler.plan.fact import ProcessFact, ProcessState
from reconciler.protocols.runtime import INPUTS_VARIABLE, PROGRAM_VARIABLE, Program, Runtime

PATIENCE_SECONDS = 60.0
"""How long anything may take on a busy machine before a test gives up."""


T = TypeVar("T")


class Act(Enum):
    RUN = "run"
    EXIT = "exit"
    DEAF = "deaf"
    PARENT = "parent"


def until(read: Callable[[], T], holds: Callable[[T], bool]) -> T:
    """The first value that holds; fails with the last one."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds(value := read()):
        assert time.monotonic() < deadline, f"never came true; last: {value}"
        time.sleep(0.02)
    return value


class Stage(Protocol):
    runtime: Runtime

    def program(self, name: str, act: Act = Act.RUN, code: int = 0, inputs: str = "one") -> Program: ...

    def up(self, program: Program) -> ProcessFact:
        """Starts it and waits until it is ready for signals."""
        ...

    def ready(self, name: str, *, other_than: int | None = None) -> ProcessFact: ...

    def crash(self, name: str, code: int) -> None: ...

    def kill_supervisor(self) -> None: ...

    def hang(self) -> None: ...

    def answer(self) -> None: ...

    def runs(self, name: str) -> int | None:
        """How many processes of it there were; None where nobody counts."""
        ...

    def close(self) -> None: ...


class MemoryStage:
    def __init__(self) -> None:
        self.memory = Memory()
        self.runtime: Runtime = self.memory

    def program(self, name: str, act: Act = Act.RUN, code: int = 0, inputs: str = "one") -> Program:
        self.memory.fail_start(name, code if act is Act.EXIT else None)
        if act is Act.DEAF:
            self.memory.ignore_stop(name)
        return _program(name, ("/bin/true", act.value, str(code)), Path("/"), inputs)

    def up(self, program: Program) -> ProcessFact:
        self.runtime.start(program)
        return self.ready(program.name)

    def ready(self, name: str, *, other_than: int | None = None) -> ProcessFact:
        fact = self.runtime.observe([name])[name]
        assert fact.state in (ProcessState.RUNNING, ProcessState.ORPHAN)
        assert fact.pid != other_than
        return fact

    def crash(self, name: str, code: int) -> None:
        self.memory.crash(name, code)

    def kill_supervisor(self) -> None:
        self.memory.kill_supervisor()

    def hang(self) -> None:
        self.memory.hang()

    def answer(self) -> None:
        self.memory.answer()

    def runs(self, name: str) -> int | None:
        return None

    def close(self) -> None:
        self.runtime.shutdown()


class SupervisordStage:
    def __init__(self, folder: Path, state: Path | None = None) -> None:
        self.folder = folder
        self.state = state or folder / "state"
        self.supervisord = Supervisord(self.state)
        self.runtime: Runtime = self.supervisord

    def program(self, name: str, act: Act = Act.RUN, code: int = 0, inputs: str = "one") -> Program:
        child = str(Path(__file__).with_name("child.py"))
        argv = (sys.executable, "-I", "-S", child, name, act.value, str(code))
        return _program(name, argv, self.folder, inputs)

    def up(self, program: Program) -> ProcessFact:
        self.runtime.start(program)
        return self.ready(program.name)

    def ready(self, name: str, *, other_than: int | None = None) -> ProcessFact:
        def settled(fact: ProcessFact) -> bool:
            marker = self.folder / f"{name}.ready"
            alive = fact.state in (ProcessState.RUNNING, ProcessState.ORPHAN) and fact.pid != other_than
            return alive and marker.exists() and marker.read_text() == str(fact.pid)

        return until(lambda: self.runtime.observe([name])[name], settled)

    def crash(self, name: str, code: int) -> None:
        pid = self.runtime.observe([name])[name].pid
        assert pid is not None
        (self.folder / f"{name}.code").write_text(str(code))
        identity = identify(pid)
        assert identity is not None
        send(identity, signal.Signals(-code) if code < 0 else signal.SIGUSR1)
        assert await_end(identity, PATIENCE_SECONDS)

    def daemon(self) -> Identity:
        identity = identify(int((self.state / "supervisor" / "supervisord.pid").read_text()))
        assert identity is not None
        return identity

    def kill_supervisor(self) -> None:
        daemon = self.daemon()
        send(daemon, signal.SIGKILL)
        assert await_end(daemon, PATIENCE_SECONDS)

    def hang(self) -> None:
        """The same runtime as a caller that doesn't wait as long as an operator should."""
        self.runtime = Supervisord(self.state, answer_seconds=0.3)
        send(self.daemon(), signal.SIGSTOP)

    def answer(self) -> None:
        send(self.daemon(), signal.SIGCONT)
        self.runtime = self.supervisord

    def runs(self, name: str) -> int | None:
        return len((self.folder / f"{name}.runs").read_text())

    def close(self) -> None:
        self.supervisord.shutdown()
        for entry in os.listdir("/proc"):  # whatever a failed test left
            if entry.isdigit():
                _kill_marked(int(entry), self.state)


def _kill_marked(pid: int, state: Path) -> None:
    identity = identify(pid)
    try:
        env = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return
    if identity and f"RECONCILER_OWNER={state.resolve()}".encode() in env.split(b"\0"):
        send(identity, signal.SIGKILL)


def _program(name: str, argv: tuple[str, ...], folder: Path, inputs: str) -> Program:
    return Program(
        name=name,
        argv=argv,
        env=((INPUTS_VARIABLE, inputs), (PROGRAM_VARIABLE, name)),
        cwd=str(folder),
        log=str(folder / f"{name}.log"),
        stop_signal="INT",
        stop_seconds=30,
        quiet_exits=(78,),
    )
