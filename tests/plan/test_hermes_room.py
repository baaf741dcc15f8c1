"""How Hermes' replies, exit codes and keys read. Bodies are as the gateway sends them; anything else is survived."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.agents import AGENTS
from reconciler.agents.hermes import HERMES
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
    ("code", "text", "blocked"),
    [
        (0, "ended cleanly", False),
        (1, "ended with an error", False),
        (75, "asked to be restarted", False),
        (78, "could not start", True),
        (-9, "killed by signal 9", False),
        (3, "ended with exit code 3", False),
        (None, "ended", False),
    ],
)
def test_exit_codes(code: int | None, text: str, blocked: bool) -> None:
    reading = HERMES.exit(code)
    assert reading.text.startswith(text)
    assert reading.blocked is blocked


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
