"""Secrets and variables: each rule with one thing wrong, and the exact words."""

from __future__ import annotations

import pytest

from tests.spec.fleets import PARTS, TWO_HOSTS, Case, Changes, load, rest, told, wizard

INSTEAD = (
    "(put {age: ...} there, which `reconciler secret encrypt` prints, or {env: NAME} or {file: /path}; "
    "write # reconciler: not-a-secret at the end of the line if it is none)"
)
CASES: list[Case] = [
    (
        "one bot twice",
        {
            "ezra.yaml": wizard("ezra", 8643, "telegram: {token: {env: T}}"),
            "b.yaml": wizard("bo", 8644, "telegram: {token: {env: T}}"),
        },
        [
            "ezra.yaml:8:19: wizard ezra has the Telegram token of wizard bo at fleet/b.yaml:8:19 "
            "(give each wizard a bot of its own)"
        ],
    ),
    (
        "one place of a bot on two hosts",
        {
            "fleet.yaml": TWO_HOSTS,
            "ezra.yaml": wizard("ezra", 8643, "telegram: {token: {file: /t}}", "host: vps"),
            "b.yaml": wizard("bo", 8643, "telegram: {token: {file: /t}}", "host: lab"),
        },
        [
            "ezra.yaml:8:19: warning: wizard ezra finds its Telegram token where wizard bo at fleet/b.yaml:8:19 does, "
            "on another host (make sure that the two hosts hold different tokens)"
        ],
    ),
    (
        "two bots are fine",
        {
            "ezra.yaml": wizard("ezra", 8643, "telegram: {token: {env: T}}"),
            "b.yaml": wizard("bo", 8644, "telegram: {token: {env: U}}"),
        },
        [],
    ),
    (
        "a generated bot",
        rest("telegram: {token: {generate: true}}"),
        [
            "ezra.yaml:8:19: a bot token can't be generated "
            "(take the token that BotFather gave you: {env: NAME}, {file: /path} or {age: ...})"
        ],
    ),
    (
        "a value of two lines",
        rest('env: {A: "x\\ny"}'),
        ["ezra.yaml:8:10: the value of A has more than one line, which a .env file can't hold (write it in one line)"],
    ),
    (
        "a secret in Git",
        rest("env: {OPENAI_API_KEY: sk-hunter2}"),
        [f"ezra.yaml:8:23: OPENAI_API_KEY looks like a secret, and stands in Git as text {INSTEAD}"],
    ),
    (
        "what may be a secret in Git",
        rest("env: {OPENAI_API_KEY: hunter2}"),
        [f"ezra.yaml:8:23: warning: OPENAI_API_KEY looks like a secret, and stands in Git as text {INSTEAD}"],
    ),
    (
        "a password in Git is one however weak it is",
        rest("env: {IMAP_PASSWORD: summer}"),
        [f"ezra.yaml:8:22: IMAP_PASSWORD looks like a secret, and stands in Git as text {INSTEAD}"],
    ),
    (
        "credentials in an address",
        {"parts.yaml": PARTS.replace("provider: anthropic", "provider: custom\nbase_url: https://a:b@x.example/v1")},
        [
            "parts.yaml:9:11: base_url holds a user name or password "
            "(put the key under env, as {env: NAME} or {age: ...})"
        ],
    ),
    (
        "variables of a model are checked too",
        {"parts.yaml": PARTS.replace("provider: anthropic", "provider: anthropic\nenv: {HERMES_HOME: /x}")},
        [
            "parts.yaml:9:7: HERMES_HOME can't be set under env: it would break the isolation of the wizard "
            "(use home of the wizard)"
        ],
    ),
]


@pytest.mark.parametrize(("changes", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_rule(changes: Changes, expected: list[str]) -> None:
    assert told(changes) == [f"fleet/{line}" for line in expected]


SERVER = [
    "API_SERVER_KEY",
    "API_SERVER_PORT",
    "API_SERVER_ENABLED",
    "HERMES_HOME",
    "HERMES_MANAGED_DIR",
    "HERMES_MANAGED",
]
SYSTEM = ["HERMES_MANAGED", "PATH", "HOME", "LD_PRELOAD", "PYTHONPATH", "VIRTUAL_ENV", "RECONCILER_INPUTS", "BASH_ENV"]


@pytest.mark.parametrize("name", [*SERVER, *SYSTEM, "TELEGRAM_BOT_TOKEN"])
@pytest.mark.parametrize("value", ["x", "{generate: true}"])
def test_variables_that_break_isolation(name: str, value: str) -> None:
    (problem,) = load({"ezra.yaml": wizard("ezra", 8643, "env:", f"  {name}: {value}")}).problems
    assert problem.rule == "env/forbidden"
    assert str(problem).startswith(f"fleet/ezra.yaml:9:3: {name} can't be set under env")
    assert problem.mend


@pytest.mark.parametrize("name", ["SEARXNG_URL", "OPENROUTER_MODEL", "PATHS", "HOMEPAGE", "TZ", "path"])
def test_other_variables_are_welcome(name: str) -> None:
    assert told(rest(f"env: {{{name}: x}}")) == []


@pytest.mark.parametrize(
    "line", ["env: {{X: {{env: {}}}}}", "api_key: {{env: {}}}", "telegram: {{token: {{env: {}}}}}"]
)
def test_a_secret_in_place_of_the_name_of_a_variable(line: str) -> None:
    secret = "NqVwYS81VP7Hb1DX8pPd5khxE3pyIgKp"
    (problem,) = load(rest(line.format(secret))).problems
    assert problem.message == "this name of a variable looks like a secret itself, and stands in Git as text"
    assert secret not in str(problem)
    assert told(rest(line.format(secret) + " # reconciler: not-a-secret")) == []
    for name in ("OPENAI_API_KEY_2", "A1B2C3D4E5F6_TOKEN", "openaiApiKeyOfTheHouse", "my_key_2"):
        assert told(rest(line.format(name))) == []
