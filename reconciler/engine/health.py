"""Health of running wizards, gathered at its own pace; a pass reads the last readings with their age.

`/health` answering is not alive, and silence is not dead: the loop's heartbeat decides when they disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from reconciler.agents import AGENTS
from reconciler.engine.gate import held_by_another
from reconciler.engine.host import Host
from reconciler.errors import ReconcilerError
from reconciler.plan.expand import Desired
from reconciler.plan.fact import Fact, Listener, ProcessFact, ProcessState
from reconciler.plan.held import Records, Start
from reconciler.plan.resource import Process
from reconciler.plan.unproven import same

PROBE_SECONDS = 3.0
DEAD_SECONDS = 180.0
_THREADS = 8


@dataclass(frozen=True, slots=True)
class Health:
    """One reading. Times are seconds since the epoch. `problem` is "" when the gateway answered as it should."""

    at: float
    pid: int | None
    problem: str
    heartbeat: float | None

    @property
    def alive(self) -> bool:
        """Whether anything speaks for it: an answer, or a heartbeat younger than 180 s."""
        return not self.problem or (self.heartbeat is not None and self.at - self.heartbeat < DEAD_SECONDS)


def bodies(desired: Desired, records: Records) -> list[Process]:
    """The processes of this host as they were last started, which is where they answer; else as they are wanted."""
    held = {key: entry.resource for key, entry in records.held.items() if isinstance(entry.resource, Process)}
    wanted = {r.key: r for r in desired.resources if isinstance(r, Process)}
    return list({**wanted, **held}.values())


class Prober:
    def __init__(self, host: Host) -> None:
        self._host = host
        self.readings: dict[str, Health] = {}
        self._at: float | None = None

    def refresh(self, processes: Iterable[Process], facts: Mapping[str, Fact]) -> None:
        """Asks every running process, several at once; one that does not answer costs at most PROBE_SECONDS."""
        live = [(p, fact) for p in processes if isinstance(fact := facts.get(p.key), ProcessFact) and fact.pid]
        keys = {p.key for p, _ in live}
        self.readings = {key: reading for key, reading in self.readings.items() if key in keys}
        self._at = self._host.clock.monotonic()
        if live:
            listeners = self._host.ports.listeners({p.port for p, _ in live})
            with ThreadPoolExecutor(_THREADS, "probe") as pool:
                probes = pool.map(lambda pair: self._probe(pair[0], pair[1], listeners), live)
                for (process, _), reading in zip(live, probes, strict=True):
                    self.readings[process.key] = reading

    def problems(self) -> dict[str, str]:
        """What each gateway said when it was last asked."""
        return {key: reading.problem for key, reading in self.readings.items()}

    def due(self) -> bool:
        """Whether the readings are older than a probe's pace, or there are none yet."""
        return self._at is None or self._host.clock.monotonic() - self._at >= self._host.limits.probe

    def silent(self, facts: Mapping[str, Fact]) -> frozenset[str]:
        """Processes that run and are dead all the same: old enough, no answer, and no heartbeat for 180 s."""
        now = self._host.clock.now()
        return frozenset(
            key
            for key, reading in self.readings.items()
            if not reading.alive
            and isinstance(fact := facts.get(key), ProcessFact)
            and fact.pid == reading.pid
            and fact.started is not None
            and now - fact.started > DEAD_SECONDS
        )

    def unsteady(self, facts: Mapping[str, Fact], starts: Mapping[str, Start]) -> frozenset[str]:
        """Processes that say nothing for what they run on, as in fact.Observed."""
        now, soak = self._host.clock.now(), self._host.limits.soak
        return frozenset(
            key
            for key, fact in facts.items()
            if isinstance(fact, ProcessFact)
            and (
                fact.state is not ProcessState.RUNNING
                or fact.started is None
                or now - fact.started < soak
                or not ((start := starts.get(key)) is None or same(start, fact))
                or ((seen := self.readings.get(key)) is not None and seen.pid == fact.pid and bool(seen.problem))
            )
        )

    def _probe(self, process: Process, fact: ProcessFact, listeners: Mapping[int, Listener]) -> Health:
        agent = AGENTS[process.program]
        problem = held_by_another(process, fact, listeners) or self._ask(process, fact)
        try:
            text = self._host.files.tail(f"{process.home}/{agent.heartbeat_file}", 1)
        except ReconcilerError:
            text = ""
        return Health(self._host.clock.now(), fact.pid, problem, agent.heartbeat(text))

    def _ask(self, process: Process, fact: ProcessFact) -> str:
        url = f"http://127.0.0.1:{process.port}/health/detailed"
        try:
            key = self._host.secrets.reveal(process.api_key)
        except ReconcilerError as error:
            return str(error)
        reply = self._host.http.request("GET", url, bearer=key, seconds=PROBE_SECONDS)
        if reply.status != 200:
            return f"/health answered {reply.status}" if reply.status else "/health is silent"
        reading = AGENTS[process.program].health(reply.body)
        if reading.pid != fact.pid:
            return f"port {process.port} is answered by pid {reading.pid}, not by ours"
        return "" if reading.ok else reading.problem or "/health is not ok"
