"""How Hermes' replies, exit codes and keys read. Bodies are as the gateway sends them; anything else is survived."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.agents import AGENTS
from reconciler.agents.hermes import HERMES
from reconciler.agents.last_words import last_words
from reconciler.agents.program import HealthReading, RunState
from reconciler.spec.kinds import Codebase

HEALTH = {
    "status": "ok",
    "pid": 4711,
    "version": "0.19.0",
    "platforms": {"api_server": {"state": "connected"}},
    "readiness": {"checks": {"background_queues": {"active_api_runs": 2}}},
}


def test_health() -> None:
    assert HERMES.health(json.dumps(HEALTH)) == HealthReading(True, 4711, "0.19.0", 2, "")


def test_health_of_a_version_that_does_not_tell_whether_it_is_busy() -> None:
    old = {key: value for key, value in HEALTH.items() if key != "readiness"}
    assert HERMES.health(json.dumps(old)).busy is None


def test_health_of_a_gateway_that_nobody_can_reach() -> None:
    reading = HERMES.health(json.dumps({**HEALTH, "platforms": {"api_server": {"state": "retrying"}}}))
    assert (reading.ok, reading.problem) == (False, "api_server is retrying")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["status", "pid", "platforms", "api_server", "state", "data", "id", "readiness", "checks", "run_id"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.one_of(json_values.map(json.dumps), st.text(max_size=20)))
def test_any_body_is_survived(body: str) -> None:
    reading = HERMES.health(body)
    assert reading.pid is None or type(reading.pid) is int
    assert reading.busy is None or type(reading.busy) is int
    HERMES.identity(body)
    HERMES.run_started(body)
    HERMES.run(body)


def test_deep_nesting_is_survived() -> None:
    body = "[" * 100_000
    assert HERMES.health(body).ok is False
    assert HERMES.identity(body) is None


def test_true_is_no_number() -> None:
    reading = HERMES.health(json.dumps({**HEALTH, "pid": True, "readiness": {"checks": True}}))
    assert (reading.pid, reading.busy) == (None, None)


@pytest.mark.parametrize(
    ("body", "identity"),
    [
        ('{"object": "list", "data": [{"id": "ezra"}]}', "ezra"),
        ('{"data": []}', None),
        ('{"data": [{"id": 5}]}', None),
        ("<html>", None),
    ],
)
def test_identity(body: str, identity: str | None) -> None:
    assert HERMES.identity(body) == identity


@pytest.mark.parametrize(
    ("reply", "state", "text"),
    [
        ({"status": "completed", "output": "done"}, RunState.COMPLETED, "done"),
        ({"status": "completed", "output": ""}, RunState.COMPLETED, ""),
        ({"status": "failed", "error": "no model"}, RunState.FAILED, "no model"),
        ({"status": "failed", "error": {"message": "no model"}}, RunState.FAILED, '{"message": "no model"}'),
        ({"status": "cancelled"}, RunState.FAILED, ""),
        ({"status": "waiting_for_approval"}, RunState.WAITING, ""),
        ({"status": "queued"}, RunState.WORKING, ""),
        ({"status": "running"}, RunState.WORKING, ""),
        ({"status": "stopping"}, RunState.WORKING, ""),
    ],
)
def test_runs(reply: dict[str, object], state: RunState, text: str) -> None:
    reading = HERMES.run(json.dumps(reply))
    assert (reading.state, reading.text) == (state, text)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0, "ended cleanly (exit code 0)"),
        (1, "ended with an error, or because another gateway runs on this home (exit code 1)"),
        (75, "asked to be restarted (exit code 75)"),
        (78, "refused to start on its configuration (exit code 78)"),
        (-9, "killed by signal 9"),
        (3, "ended with exit code 3"),
    ],
)
def test_exit_codes(code: int, text: str) -> None:
    assert HERMES.exit(code) == text


AT = 1_790_000_000.0


def server(code: str | None, at: float = AT) -> str:
    """gateway_state.json as 0.19.0 writes it."""
    updated = datetime.fromtimestamp(at, UTC).isoformat()
    one = {"state": "fatal", "error_code": code, "error_message": "...", "updated_at": updated}
    return json.dumps({"pid": 7, "gateway_state": "startup_failed", "platforms": {"api_server": one}})


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        (server("api_server_port_in_use"), True),
        (server("api_server_port_in_use", AT - 60), False),  # an earlier run said so, and it stays in the file
        (server("api_server_no_key"), False),
        (server(None), False),
        (json.dumps({"gateway_state": "startup_failed", "platforms": {}}), False),
        (server("api_server_port_in_use").replace("updated_at", "at"), False),
        ("", False),
        ("[" * 100_000, False),
    ],
)
def test_a_taken_port_is_told_by_the_state_file(text: str, taken: bool) -> None:
    assert HERMES.port_taken(text, AT) is taken


BANNER = """\
┌─────────────────────────────┐
│  ⚕ Hermes Gateway Starting  │
└─────────────────────────────┘
"""


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (f"WARNING a: b\nERROR gateway.run: wecom: open policy\n{BANNER}\n", "ERROR gateway.run: wecom: open policy"),
        ("\x1b[31mERROR\x1b[0m x: red\nINFO bye\n", "ERROR x: red"),
        (
            "ERROR a: b\nTraceback (most recent call last):\n  File x\n    ERROR = 1\nValueError: y\n",
            "ValueError: y",
        ),
        ("Traceback (most recent call last):\n  File x\nKeyError: 1\nERROR a: gave up\n", "ERROR a: gave up"),
        ("usage: hermes\nhermes: error: no such option\n----\n\n", "hermes: error: no such option"),
        (f"could not start: no such file\n{BANNER}", "could not start: no such file"),
        (BANNER, "⚕ Hermes Gateway Starting"),
        ("---\n   \n", ""),
        ("", ""),
    ],
)
def test_the_last_words_are_the_line_that_tells_why(output: str, words: str) -> None:
    assert last_words(output) == words


@pytest.mark.parametrize(
    ("file", "path", "at_start"),
    [
        (".env", ("ANY",), True),
        ("config.yaml", ("model", "default"), False),
        ("config.yaml", ("memory", "memory_enabled"), False),
        ("config.yaml", ("platforms", "api_server", "extra", "port"), True),
        ("config.yaml", ("unheard", "of"), True),
    ],
)
def test_what_is_read_only_at_start(file: str, path: tuple[str, ...], at_start: bool) -> None:
    assert HERMES.read_at_start(file, path) is at_start


def test_every_program_has_a_room() -> None:
    assert set(get_args(Codebase.model_fields["program"].annotation)) == AGENTS.keys()


@pytest.mark.parametrize(
    ("argv", "gateway"),
    [
        ("/srv/c/bin/python /srv/c/bin/hermes gateway run", True),
        ("/srv/c/bin/python3.11 -I -u /srv/c/bin/hermes gateway run --replace", True),
        ("/srv/c/bin/hermes gateway run", True),
        ("hermes gateway", True),
        ("python hermes gateway -v", True),
        ("python -m hermes_cli.main -p work gateway run", True),
        ("python /srv/hermes_cli/main.py gateway run -p gateway", True),
        ("python -m gateway.run", True),
        ("python /srv/gateway/run.py", True),
        ("/srv/c/bin/hermes gateway restart", True),
        ("/srv/c/bin/hermes gateway status", False),
        ("/srv/c/bin/hermes gateway stop", False),
        ("/srv/c/bin/hermes chat", False),
        ("/srv/c/bin/hermes", False),
        ("/srv/c/bin/hermes -p gateway chat", False),
        ("/srv/c/bin/hermes chat gateway run", False),
        ("python -m tui_gateway run", False),
        ("sh -c hermes gateway run", False),
        ("timeout 60 hermes gateway run", False),
        ("tail -f hermes gateway run", False),
        ("nothermes gateway run", False),
        ("python", False),
        ("python -m", False),
        ("", False),
    ],
)
def test_which_processes_are_gateways(argv: str, gateway: bool) -> None:
    assert HERMES.gateway(argv.split()) is gateway
