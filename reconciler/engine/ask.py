"""Says something to a wizard and waits for its answer: one run of its gateway. Not done here: tasks and queues."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.agents import AGENTS
from reconciler.agents.program import RunState
from reconciler.engine.gate import held_by_another
from reconciler.engine.host import Host
from reconciler.engine.observe import look_at
from reconciler.errors import Interrupted, Retryable, Terminal
from reconciler.plan.resource import Process

POLL_SECONDS = 0.25
ASK_SECONDS = 30.0
SILENT_SECONDS = 90.0
"""A gateway whose loop is busy may be silent for a minute (62 s were seen); after this it is taken for gone."""


def ask(
    host: Host, process: Process, text: str, *, limit: float = 600.0, cancelled: Callable[[], bool] = lambda: False
) -> str:
    """The wizard's answer. `limit` is in seconds; a run that is given up or cancelled is stopped on the gateway.

    Raises Retryable when nothing answers or the wizard is busy, Terminal when the run failed.
    """
    _check_owner(host, process)
    key = host.secrets.reveal(process.api_key)
    run = _start(host, process, key, text)
    deadline = host.clock.monotonic() + limit
    heard = host.clock.monotonic()
    try:
        while host.clock.monotonic() < deadline and not cancelled():
            answer, silent = _poll(host, process, key, run)
            if answer is not None:
                return answer
            heard = heard if silent else host.clock.monotonic()
            if host.clock.monotonic() - heard > SILENT_SECONDS:
                raise Retryable(
                    "it stopped answering: it was stopped, or started anew on another port",
                    where=f"wizard {process.wizard}",
                    mend=f"see `reconciler why {process.wizard}`, and ask again",
                )
            host.clock.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        _stop(host, process, key, run)
        raise
    _stop(host, process, key, run)
    if cancelled():
        raise Interrupted("the question was taken back", where=f"wizard {process.wizard}")
    raise Retryable(f"no answer within {limit:g} s", where=f"wizard {process.wizard}", mend="see `reconciler logs`")


def _url(process: Process, path: str) -> str:
    return f"http://127.0.0.1:{process.port}/v1/runs{path}"


def _start(host: Host, process: Process, key: str, text: str) -> str:
    reply = host.http.request("POST", _url(process, ""), bearer=key, body={"input": text}, seconds=ASK_SECONDS)
    where = f"wizard {process.wizard}"
    if reply.status == 0:
        raise Retryable(f"nothing answers on port {process.port}: {reply.body}", where=where, mend="see `status`")
    if reply.status in (429, 503):
        raise Retryable("it takes no further work at the moment", where=where, mend="ask again in a while")
    if reply.status == 401:
        raise Terminal("it did not accept its key", where=where, mend="`reconciler plan` shows whether it has drifted")
    run = AGENTS[process.program].run_started(reply.body)
    if reply.status != 202 or run is None:
        raise Terminal(f"it answered {reply.status}", where=where, mend=f"see `reconciler logs {process.wizard}`")
    return run


def _check_owner(host: Host, process: Process) -> None:
    """The key is sent to our own process only, never to whoever listens on its port."""
    stranger = held_by_another(process, look_at(host, process), host.ports.listeners([process.port]))
    if stranger:
        raise Retryable(stranger, where=f"wizard {process.wizard}", mend="see `reconciler status`")


def _poll(host: Host, process: Process, key: str, run: str) -> tuple[str | None, bool]:
    """The answer once there is one, and whether nothing answered at all."""
    reply = host.http.request("GET", _url(process, f"/{run}"), bearer=key, seconds=ASK_SECONDS)
    where = f"wizard {process.wizard}"
    if reply.status == 404:
        raise Retryable("it was restarted, and the run is gone", where=where, mend="ask again")
    if reply.status != 200:
        return None, reply.status == 0  # it may be busy on its loop for a while
    reading = AGENTS[process.program].run(reply.body)
    match reading.state:
        case RunState.COMPLETED:
            return reading.text, False
        case RunState.FAILED:
            why = host.secrets.redact(reading.text) or "no reason given"
            raise Terminal(f"the run failed: {why}", where=where, mend=f"see `reconciler logs {process.wizard}`")
        case RunState.WAITING:
            _stop(host, process, key, run)
            raise Terminal("it waits for an approval that nobody can give here", where=where, mend="ask otherwise")
        case RunState.WORKING:
            return None, False


def _stop(host: Host, process: Process, key: str, run: str) -> None:
    host.http.request("POST", _url(process, f"/{run}/stop"), bearer=key, body={}, seconds=ASK_SECONDS)
