"""What keeps programs running: supervisord, systemd, or memory in tests.

A program is named by its resource key's safe form (`ezra-body`). Identity of a process is pid AND start time:
a pid alone may have been reused. Observing changes nothing, and never starts the supervisor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from reconciler.plan.fact import ProcessFact

INPUTS_VARIABLE = "RECONCILER_INPUTS"
"""Environment variable by which a live process tells the digest it was started with."""
PROGRAM_VARIABLE = "RECONCILER_PROGRAM"
"""Environment variable that names the program; with HERMES_HOME it tells our processes from strangers."""
STATE_VARIABLE = "RECONCILER_OWNER"
"""Environment variable that names the state folder of the runtime, so that two reconcilers on one host never take each
other's processes for orphans. The runtime adds it."""
MAIN_VARIABLE = "RECONCILER_MAIN"
"""Environment variable that holds pid and start time of the program's main process: what the program starts inherits
the text, but is not the process it names. The runtime adds it where the supervisor does not tell."""


ANYWHERE: Mapping[str, str] = MappingProxyType({})
"""No homes: nothing is said about gateways that were started by hand."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. `env` is complete and already holds INPUTS_VARIABLE and PROGRAM_VARIABLE; the runtime adds
    STATE_VARIABLE and MAIN_VARIABLE and nothing else. `log` receives stdout and stderr. `stop_signal` is a name such as
    "INT". `quiet_exits` are exit codes after which the supervisor must not start it again, as it doesn't after 0."""

    name: str
    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    cwd: str
    log: str
    stop_signal: str
    stop_seconds: int
    quiet_exits: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Stopped:
    """How a stop went: the exit code (negative: signal) where known, and whether it had to be killed."""

    exit_code: int | None
    forced: bool


class Runtime(Protocol):
    """Errors: Retryable when the supervisor does not answer; Terminal when a program can't be registered."""

    def observe(self, names: Sequence[str], homes: Mapping[str, str] = ANYWHERE) -> Mapping[str, ProcessFact]:
        """One entry for each name: STOPPED when it is not known or not running. A live process that carries
        PROGRAM_VARIABLE=name outside the supervisor is an ORPHAN with its pid. So is a gateway that somebody started by
        hand on the program's home (`homes`: name -> absolute folder), by this host's user; one beside the supervised
        process counts once it has lasted, because programs refuse a second one themselves. What can't be looked into,
        and what is no gateway, is nobody's. One call for all names."""
        ...

    def start(self, program: Program) -> None:
        """Registers the program (replacing an older registration) and starts it; returns when the process has been
        started, not when it is healthy. Starting what already runs with the same program is a no-op; Retryable where
        it runs, or waits to be started again, with another one, or outside the supervisor. Starts the supervisor when
        there is none."""
        ...

    def stop(self, name: str, seconds: int, home: str = "") -> Stopped:
        """Sends the stop signal and waits for the death of the process, supervised or orphan, and of gateways that were
        started by hand on `home`; kills it after `seconds`.
        A program that does not run is a no-op; one that waits to be started again waits no more. Keeps the
        registration."""
        ...

    def forget(self, name: str) -> None:
        """Drops the registration of a stopped program; unknown names are a no-op."""
        ...

    def unplanned(self, name: str = "") -> Sequence[str]:
        """Sentences about exits and starts that nobody asked for since the last call ("ezra-body: killed by SIGKILL,
        started again"); each is told once. With a name only those of that program: the others stay to be told."""
        ...

    def shutdown(self) -> None:
        """Stops every program and the supervisor. Only demos and tests do this."""
        ...
