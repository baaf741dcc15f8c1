"""The runtime in memory, for tests and benchmarks: it keeps every promise of the protocol and starts nothing.

It has no clock: nothing happens between two calls, and `started` is a number that only grows. What happens to real
programs is done to it by the methods under "controls". It passes the contract suite of the real runtimes.
"""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.errors import Retryable
from reconciler.plan.fact import ProcessFact, ProcessState
from reconciler.protocols.runtime import ANYWHERE, INPUTS_VARIABLE, Program, Stopped

_STOPPED = ProcessFact(ProcessState.STOPPED)
_LIVE = (ProcessState.RUNNING, ProcessState.STARTING, ProcessState.BACKOFF, ProcessState.ORPHAN)


@dataclass
class _Behaviour:
    """How a program will act; set by the controls, kept over starts."""

    exit_at_start: int | None = None
    deaf: bool = False
    refusal: str = ""


@dataclass
class Memory:
    """Implements `protocols.runtime.Runtime`. `calls` records what was asked, such as ("start", "ezra-body")."""

    calls: list[tuple[str, str]] = field(default_factory=list)
    _programs: dict[str, Program] = field(default_factory=dict)
    _facts: dict[str, ProcessFact] = field(default_factory=dict)
    _behaviours: dict[str, _Behaviour] = field(default_factory=dict)
    _news: list[str] = field(default_factory=list)
    _silent: bool = False
    _births: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def observe(self, names: Sequence[str], homes: Mapping[str, str] = ANYWHERE) -> Mapping[str, ProcessFact]:  # noqa: ARG002
        self._answer()
        facts = self._facts
        return {name: facts.get(name, _STOPPED) for name in names}

    def start(self, program: Program) -> None:
        name = program.name
        with self._lock:
            self._answer()
            self.calls.append(("start", name))
            fact = self._facts.get(name, _STOPPED)
            if fact.state is ProcessState.ORPHAN:
                what = f"it runs outside its supervisor as pid {fact.pid}, and would be doubled"
                raise Retryable(what, where=name, mend="stop it first")
            if fact.state in _LIVE:
                if self._programs[name] != program:
                    raise Retryable("it runs with another definition", where=name, mend="stop it first")
                return
            behaviour = self._behaviour(name)
            if behaviour.refusal:
                raise Retryable(behaviour.refusal, where=name)
            self._programs[name] = program
            self._born(program)
            if behaviour.exit_at_start is not None:
                self._end(name, behaviour.exit_at_start)

    def stop(self, name: str, seconds: int, home: str = "") -> Stopped:  # noqa: ARG002 - no clock, and no folders
        with self._lock:
            self._answer()
            self.calls.append(("stop", name))
            fact = self._facts.get(name, _STOPPED)
            if fact.state not in _LIVE:
                return Stopped(None, forced=False)
            forced = self._behaviour(name).deaf
            code = None if fact.state is ProcessState.ORPHAN else -signal.SIGKILL if forced else 0
            self._facts[name] = ProcessFact(ProcessState.STOPPED, exit_code=code if code == 0 else None)
            return Stopped(code, forced)

    def forget(self, name: str) -> None:
        with self._lock:
            self._answer()
            self.calls.append(("forget", name))
            if self._facts.get(name, _STOPPED).state in _LIVE:
                raise Retryable("it still runs and can't be forgotten", where=name, mend="stop it first")
            self._programs.pop(name, None)
            self._facts.pop(name, None)

    def unplanned(self, name: str = "") -> Sequence[str]:
        with self._lock:
            told = Counter(text for text in self._news if not name or text.startswith(f"{name}: "))
            self._news = [text for text in self._news if text not in told]
            return tuple(text if count == 1 else f"{text} ({count} times)" for text, count in told.items())

    def shutdown(self) -> None:
        with self._lock:
            self._silent = False
            self._facts.clear()
            self._news.clear()

    # Controls: what a test does to the programs.

    def crash(self, name: str, code: int) -> None:
        """The live process ends by itself with this exit code (negative: signal), and is started again unless the code
        is 0 or one of its quiet exits; an orphan is just gone."""
        with self._lock:
            self._live(name)
            self._end(name, code)

    def orphan(self, name: str) -> None:
        """The live process goes on outside its supervisor."""
        with self._lock:
            note = "lives outside its supervisor"
            self._facts[name] = replace(self._live(name), state=ProcessState.ORPHAN, note=note)

    def by_hand(self, name: str) -> None:
        """Somebody starts a gateway on the home of this program, which does not run."""
        with self._lock:
            if self._facts.get(name, _STOPPED).state in _LIVE:
                raise ValueError(f"{name} runs, and refuses a second one")
            self._births += 1
            pid, started = 100_000 + self._births, float(self._births)
            note = "was started by hand"
            self._facts[name] = ProcessFact(ProcessState.ORPHAN, pid, started, note=note, by_hand=True)

    def kill_supervisor(self) -> None:
        """The supervisor dies: every live process becomes an orphan."""
        with self._lock:
            for name, fact in list(self._facts.items()):
                if fact.state in _LIVE:
                    self.orphan(name)
                else:
                    self._facts[name] = _STOPPED
            self._news.append("supervisord (pid 1) died without stopping its programs")

    def hang(self) -> None:
        """The supervisor no longer answers; all but `unplanned` is Retryable until `answer`."""
        self._silent = True

    def answer(self) -> None:
        self._silent = False

    def fail_start(self, name: str, code: int | None) -> None:
        """Every later process of this program ends at once with this exit code; None: no longer."""
        self._behaviour(name).exit_at_start = code

    def refuse_start(self, name: str, reason: str) -> None:
        """Every later start raises Retryable with this reason; "": no longer."""
        self._behaviour(name).refusal = reason

    def ignore_stop(self, name: str) -> None:
        """The program ignores its stop signal and has to be forced, now and after later starts."""
        self._behaviour(name).deaf = True

    def program(self, name: str) -> Program:
        """What is registered under the name; KeyError when nothing is."""
        return self._programs[name]

    def _answer(self) -> None:
        if self._silent:
            raise Retryable("the supervisor could not be observed: no answer", where="memory")

    def _behaviour(self, name: str) -> _Behaviour:
        return self._behaviours.setdefault(name, _Behaviour())

    def _live(self, name: str) -> ProcessFact:
        fact = self._facts.get(name, _STOPPED)
        if fact.state not in _LIVE:
            raise ValueError(f"{name} does not run")
        return fact

    def _born(self, program: Program) -> None:
        self._births += 1
        inputs = dict(program.env).get(INPUTS_VARIABLE)
        pid, started = 100_000 + self._births, float(self._births)
        self._facts[program.name] = ProcessFact(ProcessState.RUNNING, pid, started, inputs)

    def _end(self, name: str, code: int) -> None:
        program = self._programs[name]
        if self._facts[name].state is ProcessState.ORPHAN:
            self._facts[name] = _STOPPED
            return
        quiet = code == 0 or code in program.quiet_exits
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        self._news.append(f"{name}: {how}, {'not started again' if quiet else 'started again'}")
        if quiet:
            self._facts[name] = ProcessFact(ProcessState.EXITED, exit_code=code)
        elif self._behaviour(name).exit_at_start is None:
            self._born(program)
        else:
            note = "ended too often; waits before it is started again"
            self._facts[name] = ProcessFact(ProcessState.BACKOFF, exit_code=code, note=note)
