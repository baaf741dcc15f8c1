"""Names that sound secret: those that say it, and those under which only random text counts."""

from __future__ import annotations

import pytest

from reconciler.spec.plain_secrets import RULE
from reconciler.spec.position import Problem, Severity
from reconciler.spec.secret_names import key_judged, variable_judged
from tests.spec.fleets import load, rest
from tests.spec.secret_samples import LONG

VALUE = LONG[:31]
UUID = "5f0c1b1e-7a41-4b8e-9b7e-6a1f1e2d3c4b"
VARIABLES = ["OPENAI_API_KEY_PROD", "API_TOKEN_PROD", "TOKEN_GITEA", "SUPERSECRET", "MISTRALAPIKEY", "DBPASSWORDS"]
VARIABLES += ["GEMINI_API_KEYS", "OPENAI_KEY_1", "OPENAI_API_KEY2", "SMTP_PW", "EMAIL_PWD", "X_AUTH", "SLACK_TOKENS"]
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
    "access_token_value",
    "tokenGitea",
    "supersecret",
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
        ("LANGFUSE_PUBLIC_KEY", f"pk-lf-{UUID}"),
        ("VAPID_PUBLIC_KEY", VALUE),
        ("AUTHOR", VALUE),
    ],
)
def test_a_variable_that_says_nothing_secret(name: str, value: str) -> None:
    assert variable_judged(name, value) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("idempotency_key", UUID),
        ("token", "env:GITEA_TOKEN"),
        ("secret", "projects/1/secrets/x/versions/3"),
        ("secret", "vault:secret/data/mcp#token"),
        ("password", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:mail-AbCdEf"),
        ("token_url", "https://auth.example/realms/8d7f9a0b1c2d3e4f/token"),
        ("secret_name", "mcp-9f8a7b6c5d4e3f2a"),
        ("max_tokens", 131072),
        ("token", 8192),
        ("password", 12),
        ("api_key", True),
    ],
)
def test_a_key_that_stands_for_one_or_is_none(name: str, value: str | int) -> None:
    assert key_judged(name, value) is None


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


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("password", 83746293, Severity.ERROR),
        ("smtp_password", 8374, Severity.ERROR),
        ("pass", "hunter2hunter2", Severity.ERROR),
        ("first_pass", "words", None),
        ("token", 910284736482, Severity.ERROR),
        ("api_key", 83746293, Severity.WARNING),
        ("api_keys", UUID, Severity.WARNING),
    ],
)
def test_a_number_under_a_name_that_says_it(name: str, value: str | int, expected: Severity) -> None:
    assert key_judged(name, value) is expected


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


@pytest.mark.parametrize(
    "config",
    [
        f"{{api_keys: {{mistral: {VALUE}}}}}",
        f"{{secrets: {{mistral: {VALUE}}}}}",
        f"{{token: {{value: {VALUE}}}}}",
        f"{{secrets: {{a: {{b: [x, {VALUE}]}}}}}}",
        "{smtp: {password: 83746293}}",
        f"{{mcp: {{access_token_value: {VALUE}}}}}",
    ],
)
def test_a_name_that_tells_it_of_all_below(config: str) -> None:
    (problem,) = told(config)
    assert problem.severity is Severity.ERROR


@pytest.mark.parametrize(
    "config",
    [
        "{tokens: {max: 4000, limit: '131072', count: true}}",
        "{auth: {provider: github, url: 'https://auth.example/8d7f9a0b1c2d3e4f', client_id: 0x1}}",
        f"{{auth: {{client_id: {VALUE}, model: claude-opus-4-20250514}}}}",
        "{keys: {up: ctrl+shift+p, file: /var/lib/8d7f9a0b1c2d3e4f/key}}",
        "{tokens: {bos: '<|begin_of_text|>', pad: '<|finetune_right_pad_id|>'}}",
        "{secrets: {mistral: 'vault:secret/data/mistral-api-key'}}",
    ],
)
def test_limits_settings_and_places_below_such_a_name(config: str) -> None:
    assert told(config) == []
