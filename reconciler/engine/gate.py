"""The gate: a started wizard must hold as OUR process, on its port, answering with its identity.

Ours means: the pid and start time that the runtime tells, started with the inputs that we gave it. The model endpoint
is no part of it. A taken port is somebody else's fault, but only evidence tells: the program's own word, or a stranger
who listens there. Not done here: what happens after a failed gate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reconciler.agents import AGENTS
from reconciler.agents.last_words import last_words
from reconciler.engine.host import Host
from reconciler.engine.observe import look_at, program_name
from reconciler.errors import Interrupted, ReconcilerError
from reconciler.plan.fact import Listener, ProcessFact, ProcessState
from reconciler.plan.resource import Process
from reconciler.plan.unproven import SAME_START

PROBE_SECONDS = 5.0
POLL_SECONDS = 0.25
_LOG_LINES = 200
_ENDED = frozenset({ProcessState.EXITED, ProcessState.BACKOFF, ProcessState.STOPPED})


@dataclass(frozen=True, slots=True)
class Verdict:
    """`blocked`: something outside is in the way, and the wizard's own files are not at fault; `by_hand`: another
    gateway on its home."""

    passed: bool
    text: str
    blocked: bool = False
    by_hand: bool = False


def held_by_another(process: Process, fact: ProcessFact, listeners: Mapping[int, Listener]) -> str:
    """Why the process's port must not be spoken to, or "" when our own process listens there.

    Every request carries the wizard's key, so the owner of the port is looked up before anything is sent.
    """
    if process.port not in listeners:
        return f"nothing listens on port {process.port}"
    stranger = _stranger(process, fact, listeners)
    return f"{stranger}, not by ours" if stranger else ""


def _stranger(process: Process, fact: ProcessFact, listeners: Mapping[int, Listener]) -> str:
    """Who else holds the process's port, or ""."""
    listener = listeners.get(process.port)
    if listener is None or (listener.pid is not None and listener.pid == fact.pid):
        return ""
    who = f"pid {listener.pid} ({listener.command})" if listener.pid else "a process that the kernel does not name"
    return f"port {process.port} is held by {who}"


class Gate:
    def __init__(self, host: Host, cancelled: Callable[[], bool]) -> None:
        self._host = host
        self._cancelled = cancelled

    def hold(self, process: Process, inputs: str, seconds: float) -> Verdict:
        """Waits until the process has answered rightly and then held for `seconds`.

        Raises Interrupted when somebody asks to stop meanwhile; the process is then left as it is.
        """
        clock, limits = self._host.clock, self._host.limits
        deadline = clock.monotonic() + limits.gate_limit
        since: float | None = None
        last: tuple[int | None, float | None] = (None, None)
        problem = "did not answer"
        while True:
            fact = self._fact(process)
            if fact.by_hand:
                what = f"a gateway was started by hand on its home meanwhile, as pid {fact.pid}"
                return Verdict(False, what, blocked=True, by_hand=True)
            ended = self._ended(process, fact)
            if ended:
                return ended
            if since is not None and (fact.pid, fact.started) != last:
                how = self._unplanned(process) or "it was started again"
                return Verdict(False, f"died while it was watched: {how} (now pid {fact.pid})")
            if since is None:
                problem = self.problem(process, fact, inputs)
                if not problem:
                    since, last = clock.monotonic(), (fact.pid, fact.started)
            elif clock.monotonic() - since >= seconds:
                problem = self.problem(process, fact, inputs)
                if not problem:
                    return Verdict(True, f"held {seconds:g} s as pid {fact.pid}")
                since = None  # a busy host may answer late: hold again, until the limit
            if since is None and clock.monotonic() >= deadline:
                return Verdict(False, f"{problem} within {limits.gate_limit:g} s", bool(self._stranger(process)))
            if self._cancelled():
                raise Interrupted("its gate was not awaited to the end", where=process.key)
            clock.sleep(POLL_SECONDS)

    def problem(self, process: Process, fact: ProcessFact, inputs: str) -> str:
        """What is wrong with the live process, or "" when it answers as it should."""
        if fact.inputs != inputs:
            return f"pid {fact.pid} was not started with the values of this plan"
        stranger = held_by_another(process, fact, self._host.ports.listeners([process.port]))
        if stranger:
            return stranger
        agent = AGENTS[process.program]
        url = f"http://127.0.0.1:{process.port}"
        key = self._host.secrets.reveal(process.api_key)
        health = self._host.http.request("GET", f"{url}/health/detailed", bearer=key, seconds=PROBE_SECONDS)
        if health.status != 200:
            return f"port {process.port} answered {health.status or 'nothing'}"
        reading = agent.health(health.body)
        if reading.pid != fact.pid:
            return f"port {process.port} is answered by pid {reading.pid}, not by ours ({fact.pid})"
        if not reading.ok:
            return f"is not healthy: {reading.problem or 'status is not ok'}"
        models = self._host.http.request("GET", f"{url}/v1/models", bearer=key, seconds=PROBE_SECONDS)
        identity = agent.identity(models.body)
        return "" if identity == process.identity else f"port {process.port} answers as {identity!r}"

    def _fact(self, process: Process) -> ProcessFact:
        return look_at(self._host, process)

    def _ended(self, process: Process, fact: ProcessFact) -> Verdict | None:
        if fact.state not in _ENDED:
            return None
        told = self._unplanned(process)
        how = AGENTS[process.program].exit(fact.exit_code) if fact.exit_code is not None else told or "ended"
        taken = self._port_taken(process, fact)
        words = taken or self._last_words(process)
        return Verdict(False, f"{how}{': ' + words if words else ''}", bool(taken))

    def _port_taken(self, process: Process, fact: ProcessFact) -> str:
        """That its port is taken, or "": by its own word since it was started, or as the kernel shows while nothing of
        ours is about to start again."""
        agent = AGENTS[process.program]
        stranger = self._stranger(process) if fact.state is not ProcessState.BACKOFF else ""
        start = self._host.ledger.records().starts.get(process.key)
        state = self._tail(f"{process.home}/{agent.state_file}")
        if start is not None and agent.port_taken(state, start.started - SAME_START):
            return stranger or f"port {process.port} was taken when it started"
        return stranger

    def _stranger(self, process: Process) -> str:
        """Who else holds its port now, or "". Listeners first: one of ours that has just begun to listen lives then."""
        listeners = self._host.ports.listeners([process.port])
        return _stranger(process, self._fact(process), listeners)

    def _unplanned(self, process: Process) -> str:
        """How it ended, as its supervisor saw it. Told here, it is no news of the next pass."""
        name = program_name(process.key)
        try:
            told = self._host.runtime.unplanned(name)
        except ReconcilerError:
            return ""
        return told[-1].removeprefix(f"{name}: ") if told else ""

    def _last_words(self, process: Process) -> str:
        """What it said of its end since it was started, with secrets taken out."""
        start = self._host.ledger.records().starts.get(process.key)
        words = last_words(self._tail(process.log, start.log if start else 0))
        return self._host.secrets.redact(words)[:200]

    def _tail(self, path: str, since: int = 0) -> str:
        try:
            return self._host.files.tail(path, _LOG_LINES, since)
        except ReconcilerError:
            return ""
