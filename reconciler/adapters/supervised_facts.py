"""What each program is doing, from two witnesses: the kernel for what lives, supervisord for how the others ended.

Not done here: changing anything.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

from reconciler.adapters.by_hand import by_hand, lasting
from reconciler.adapters.processes import Gateway, Identity, Live, Marked, Processes, identify
from reconciler.adapters.supervisor_daemon import Daemon
from reconciler.adapters.supervisor_files import read_program
from reconciler.adapters.supervisor_layout import Layout
from reconciler.adapters.supervisor_rpc import Info, Rpc, State
from reconciler.plan.fact import ProcessFact, ProcessState
from reconciler.protocols.runtime import INPUTS_VARIABLE

COLLECT_SECONDS = 3.0
"""supervisord collects an ended child within a second, and at once after it was asked something."""
_STOPPED = ProcessFact(ProcessState.STOPPED)


class FactReader:
    """Steady state costs one walk over /proc and one short call, whatever the number of programs."""

    def __init__(self, layout: Layout, rpc: Rpc, daemon: Daemon, processes: Processes) -> None:
        self._layout = layout
        self._rpc = rpc
        self._daemon = daemon
        self._processes = processes

    def read(self, names: Sequence[str], homes: Mapping[str, str]) -> Mapping[str, ProcessFact]:
        """Raises Retryable when a live supervisord does not answer: what the kernel shows is then half the truth."""
        daemon = self._daemon.running()
        if daemon is not None:
            self._rpc.call("supervisor.getState")
        live = self._processes.look()
        mains = _mains(live)
        facts = {name: _alive(mains[name], daemon) for name in names if name in mains}
        for name, gateways in by_hand(live, {name: homes[name] for name in names if name in homes}).items():
            fact = facts.get(name)
            if strays := lasting(gateways) if fact else gateways:
                facts[name] = _by_hand(strays, fact)
        rest = [name for name in names if name not in facts]
        registered = set(self._layout.registered()) if rest else set()
        facts |= dict.fromkeys(rest, _STOPPED)
        ended = [name for name in rest if name in registered]
        if daemon is not None:
            facts.update(self._ended(ended))
        return facts

    def _ended(self, names: Iterable[str]) -> Mapping[str, ProcessFact]:
        """Programs without a process of their marks, as supervisord tells; those that it has not noticed are asked for
        again."""
        facts: dict[str, ProcessFact] = {}
        open_names = list(names)
        deadline = time.monotonic() + COLLECT_SECONDS
        while open_names:
            infos = self._rpc.infos(open_names)
            settled = time.monotonic() > deadline
            for name in open_names:
                fact = self._told(name, infos.get(name), settled)
                if fact is not None:
                    facts[name] = fact
            open_names = [name for name in open_names if name not in facts]
            if open_names:
                time.sleep(0.02)
        return facts

    def _told(self, name: str, info: Info | None, settled: bool) -> ProcessFact | None:
        if info is None:
            return _STOPPED
        code = info.exit_code if info.exit_code is not None and info.exit_code >= 0 else None
        match info.state:
            case State.STOPPED:
                return ProcessFact(ProcessState.STOPPED, exit_code=code)
            case State.EXITED if info.restarts:
                return ProcessFact(ProcessState.BACKOFF, exit_code=code, note="ended and is about to be started again")
            case State.EXITED:
                return ProcessFact(ProcessState.EXITED, exit_code=code)
            case State.BACKOFF | State.FATAL | State.UNKNOWN:
                return ProcessFact(ProcessState.BACKOFF, note=info.trouble or "supervisord lost it")
            case State.STARTING | State.RUNNING | State.STOPPING:
                return self._live(name, info.pid, settled)
            case _ as never:
                assert_never(never)

    def _live(self, name: str, pid: int | None, settled: bool) -> ProcessFact | None:
        """supervisord names a process that the walk did not show: just started, about to become the program, or ended
        and not yet collected (None: ask again)."""
        identity = identify(pid) if pid else None
        if identity is None:
            return ProcessFact(ProcessState.BACKOFF, note="ended; supervisord has not noticed yet") if settled else None
        mark = self._processes.read(identity, 0)
        if mark is not None:
            return _fact(ProcessState.RUNNING, mark)
        program = read_program(self._layout, name)
        inputs = dict(program.env).get(INPUTS_VARIABLE) if program else None
        wait = self._wait(name, identity.pid)
        state = ProcessState.BACKOFF if wait else ProcessState.STARTING
        note = f"ended too often; waits {wait} s before it is started again" if wait else ""
        return ProcessFact(state, identity.pid, identity.started, inputs, note=note)

    def _wait(self, name: str, pid: int) -> int:
        """Seconds that launch.py makes this process wait; see there for the file."""
        try:
            last = self._layout.starts(name).read_text().split("\n")[-2].split()
            return int(last[2]) if last[0] == str(pid) else 0
        except (OSError, IndexError, ValueError):
            return 0


def _mains(live: Live) -> Mapping[str, list[Marked]]:
    mains: dict[str, list[Marked]] = {}
    for mark in live.marked:
        if mark.is_main:
            mains.setdefault(mark.program, []).append(mark)
    return mains


def _by_hand(gateways: Sequence[Gateway], ours: ProcessFact | None) -> ProcessFact:
    """`ours`: the one of that program that carries our marks."""
    pids = [gateway.identity.pid for gateway in gateways[1:]] + ([ours.pid] if ours and ours.pid else [])
    note = "was started by hand" + (f", beside pid {', '.join(map(str, pids))}" if pids else "")
    who = gateways[0].identity
    return ProcessFact(ProcessState.ORPHAN, who.pid, who.started, note=note, by_hand=True, beside=tuple(pids))


def _alive(mains: Sequence[Marked], daemon: Identity | None) -> ProcessFact:
    """An orphan comes first: it is what has to be dealt with."""
    for main in mains:
        if daemon is None or main.parent != daemon.pid:
            beside = "; another runs under its supervisor" if len(mains) > 1 else ""
            return _fact(ProcessState.ORPHAN, main, f"lives outside its supervisor{beside}")
    return _fact(ProcessState.RUNNING, mains[0])


def _fact(state: ProcessState, mark: Marked, note: str = "") -> ProcessFact:
    return ProcessFact(state, mark.identity.pid, mark.identity.started, mark.inputs, note=note)
