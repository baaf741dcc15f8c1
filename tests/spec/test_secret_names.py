"""Names that sound secret: those that say it, and those under which only random text counts."""

from __future__ import annotations

import pytest

from reconciler.spec.plain_secrets import RULE
from reconciler.spec.position import Problem, Severity
from reconciler.spec.secret_names import key_judged, variable_judged
from tests.spec.fleets import load, rest
from tests.spec.secret_samples import LONG

VALUE = LONG[:31]
VARIABLES = ["GEMINI_API_KEYS", "OPENAI_KEY_1", "OPENAI_API_KEY2", "SMTP_PW", "EMAIL_PWD", "X_AUTH", "SLACK_TOKENS"]
KEYS = [
    "api_keys",
    "apiKeys",
    "bearer",
    "X-Auth",
    "X-Api-Key",
    "Authorization",
    "auth_2",
    "smtp_pw",
    "GITEA_PAT",
    "cookie",
]


@pytest.mark.parametrize("name", VARIABLES)
def test_a_variable(name: str) -> None:
    assert variable_judged(name, VALUE) is Severity.ERROR
    assert variable_judged(name, f"{VALUE},{VALUE}, {VALUE}") is Severity.ERROR


@pytest.mark.parametrize("name", KEYS)
def test_a_key(name: str) -> None:
    assert key_judged(name, VALUE) is Severity.ERROR


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_TOKENS", "8192"),
        ("STOP_TOKENS", "<|endoftext|>,<|im_end|>"),
        ("PWD", VALUE),
        ("OLDPWD", VALUE),
        ("AUTH", "oauth2-device-flow"),
        ("AGE_PUBLIC_KEY", "age1" + "q" * 58),
        ("DEPLOY_KEY", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIq7Zx9Lm2Vb4Nc6 ezra@house"),
        ("MONKEY", VALUE),
        ("AUTHOR", VALUE),
    ],
)
def test_a_variable_that_says_nothing_secret(name: str, value: str) -> None:
    assert variable_judged(name, value) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("key", "ctrl+shift+p"), ("sort_key", "created_at_descending_2024"), ("public_key", VALUE), ("publicKeys", VALUE)],
)
def test_a_key_that_says_nothing_secret(name: str, value: str) -> None:
    assert key_judged(name, value) is None


@pytest.mark.parametrize(
    "value", ["YOUR_API_TOKEN_GOES_HERE_1", "your-key-1a2b3c4d5e", "wJalrXUtnFEMIK7MDENGEXAMPLEKEY"]
)
def test_a_placeholder_is_no_more_than_a_warning(value: str) -> None:
    assert variable_judged("A_TOKEN", value) is Severity.WARNING
    assert variable_judged("A_PASSWORD", value) is Severity.WARNING


def told(config: str) -> list[Problem]:
    return [problem for problem in load(rest(f"config: {config}")).problems if problem.rule == RULE]


@pytest.mark.parametrize(
    "config",
    [
        f"{{mcp: {{args: [run, --api-key, {VALUE}]}}}}",
        f'{{mcp: {{args: ["--token={VALUE}"]}}}}',
        f'{{mcp: {{args: [-e, "GITEA_PAT={VALUE}"]}}}}',
        f'{{mcp: {{args: [--header, "X-Auth: {VALUE}"]}}}}',
        f"{{mcp: {{auth: {{bearer: {VALUE}}}}}}}",
        f"{{mcp: {{headers: {{X-Auth: {VALUE}}}}}}}",
        f"{{mcp: {{env: {{GITEA_PAT: {VALUE}}}}}}}",
        f'{{mcp: {{url: "https://mcp.example/sse?key={VALUE}"}}}}',
    ],
)
def test_servers_of_tools_get_their_secrets_in_many_ways(config: str) -> None:
    (problem,) = told(config)
    assert problem.severity is Severity.ERROR
    assert VALUE not in str(problem)


def test_weak_text_after_an_option_that_says_it() -> None:
    (problem,) = told("{mcp: {args: [--api-key, hunter2, --verbose]}}")
    assert (problem.severity, problem.at.column) == (Severity.WARNING, 34)


@pytest.mark.parametrize(
    "args",
    [
        '[--api-key, "${API_KEY}", "--token=${TOKEN}"]',
        "[--max-tokens, '8192', --key, /etc/ssl/private/house.pem]",
        "[--token, --verbose]",
        "['https://mcp.example:8443/sse', 'a:b', 'level=debug']",
    ],
)
def test_arguments_that_hold_none(args: str) -> None:
    assert told(f"{{mcp: {{args: {args}}}}}") == []
