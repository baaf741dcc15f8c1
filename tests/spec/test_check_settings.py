"""Further keys of config.yaml: what is refused, what is welcome."""

from __future__ import annotations

import pytest

from reconciler.agents.hermes import HERMES
from reconciler.agents.program import Place
from reconciler.spec.checks.settings import DEFAULTED, DERIVED
from tests.spec.fleets import golden, load, rest, told
from tests.spec.secret_samples import LONG


@pytest.mark.parametrize("keys", list(DERIVED), ids=".".join)
def test_config_keys_that_the_fleet_gives(keys: tuple[str, ...]) -> None:
    text = "x"
    for key in reversed(keys):
        text = f"{{{key}: {text}}}"
    (problem,) = load(rest(f"config: {text}")).problems
    assert problem.rule == "config/derived"
    assert problem.message == f"{'.'.join(keys)} is set by the fleet itself"


SHAPE = "must be a mapping with keys: the fleet sets other keys in it (write the keys that you want, or leave it out)"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            "{platforms: {api_server: {port: 1}}}",
            "8:35: Hermes ignores platforms.api_server.port (take it out; use port of the wizard)",
        ),
        (
            "{platforms: {api_server: {key: x}}}",
            "8:35: Hermes ignores platforms.api_server.key (take it out; use api_key of the wizard)",
        ),
        ("{platforms: {api_server: null}}", f"8:34: platforms.api_server {SHAPE}"),
        ("{platforms: []}", f"8:21: platforms {SHAPE}"),
        ("{memory: {}}", f"8:18: memory {SHAPE}"),
        ("{model: gpt}", f"8:17: model {SHAPE}"),
        ("{terminal: {cwd: {a: 1}}}", "8:26: terminal.cwd can't be a mapping (give it one value)"),
    ],
)
def test_config_keys_that_would_collide(config: str, expected: str) -> None:
    assert told(rest(f"config: {config}")) == [f"fleet/ezra.yaml:{expected}"]


def test_other_config_keys_are_welcome() -> None:
    config = "{model: {max_tokens: 1}, memory: {memory_enabled: false}, terminal: {cwd: /srv}, mcp: {a: [1]}}"
    assert told(rest(f"config: {config}")) == []


def test_text_that_looks_like_a_secret() -> None:
    assert told(rest("config: {platforms: {discord: {bot_token: hunter2}}, x: {max_tokens: 5, token: ''}}")) == [
        "fleet/ezra.yaml:8:43: warning: platforms.discord.bot_token looks like a secret, and stands in Git as text "
        "(put it under env, as {age: ...}, {env: NAME} or {file: /path}; "
        "write # reconciler: not-a-secret at the end of the line if it is none)"
    ]


def test_text_in_a_list_that_looks_like_secrets() -> None:
    (problem,) = load(rest(f"config: {{x: {{tokens: [a, '{LONG[:20]}']}}}}")).errors
    assert problem.message == "x.tokens.1 looks like a secret, and stands in Git as text"


ENCRYPTED = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSA="


@pytest.mark.parametrize("reference", [f"{{age: {ENCRYPTED}}}", f"[a, {{age: {ENCRYPTED}}}]", "{generate: true}"])
def test_a_secret_that_hermes_would_get_as_it_stands(reference: str) -> None:
    (problem,) = load(rest(f"config: {{x: {{plugin: {reference}}}}}")).problems
    assert problem.rule == "config/secret"
    assert problem.message.startswith("x.plugin")
    assert problem.mend == "put it under env, as a variable"


@pytest.mark.parametrize("name", ["api_key", "bot_token", "password"])
@pytest.mark.parametrize("reference", ["{env: BRAVE_KEY}", "{file: /etc/brave}", "{age: x}"])
def test_a_reference_under_a_name_that_says_secret(name: str, reference: str) -> None:
    (problem,) = load(rest(f"config: {{brave: {{{name}: {reference}}}}}")).problems
    assert (problem.rule, problem.mend) == ("config/secret", "put it under env, as a variable")


@pytest.mark.parametrize("value", ["{age: 30}", "{age: old}", "{env: prod}", "{file: /x}", "{generate: false}"])
def test_what_only_has_the_name_of_a_reference(value: str) -> None:
    assert told(rest(f"config: {{x: {{plugin: {value}}}}}")) == []


def test_every_key_that_hermes_is_given_is_listed() -> None:
    """A key that the agents' room writes and this check does not know could be declared twice."""
    from reconciler.spec.load import load_fleet

    fleet = load_fleet(golden(), "fleet").fleet
    assert fleet is not None
    place = Place("/r/x", "/r/x/home", "/r/x/workspace", "/r/.codebases/h/1")
    written = {
        key
        for wizard in fleet.wizards.values()
        for key in HERMES.config_keys(wizard, fleet.models[wizard.model], place)
    }
    assert written <= {*DERIVED, *DEFAULTED}
