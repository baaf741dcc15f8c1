"""Secrets in plain text: found by their form wherever they stand, told with their place, never repeated."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.spec.plain_secrets import RULE, plain_secrets
from reconciler.spec.position import Position, Problem, Severity
from reconciler.spec.secret_names import variable_judged
from reconciler.spec.shape_table import SHAPES
from reconciler.spec.shapes import find_shapes
from tests.spec.fleets import FLEET, PARTS, Changes, load, rest, told, wizard
from tests.spec.secret_samples import LONG, SAMPLES

every_form = pytest.mark.parametrize("secret", SAMPLES.values(), ids=SAMPLES)


def found(changes: Changes) -> list[Problem]:
    return [problem for problem in load(changes).problems if problem.rule == RULE]


@every_form
@pytest.mark.parametrize("line", ["role: '{}'", "role: a # {}", "soul2: {}", "config: {{a: [1, '{}']}}", "# {}"])
def test_a_secret_is_an_error_with_its_place_wherever_it_stands(secret: str, line: str) -> None:
    (problem,) = found(rest(line.format(secret)))
    # The place of an address is that of what is secret in it.
    start = line.format(secret).index(secret) + 1
    assert problem.severity is Severity.ERROR
    assert (problem.at.file, problem.at.line) == ("fleet/ezra.yaml", 8)
    assert start <= problem.at.column < start + len(secret)
    assert problem.mend


@every_form
def test_no_message_repeats_it(secret: str) -> None:
    for line in ("role: '{}'", "env: {{A_TOKEN: '{}'}}", "api_key: '{}'", "{}: 1", "config: {{'{}': 1}}"):
        problems = load(rest(line.format(secret))).problems
        assert RULE in {problem.rule for problem in problems}
        assert not [problem for problem in problems if secret in str(problem) and problem.rule == RULE]


@every_form
def test_a_form_under_a_name_that_sounds_secret_is_told_once(secret: str) -> None:
    if ": " in secret:
        pytest.skip("not on one line")
    (problem,) = found(rest(f"env: {{SOME_TOKEN: '{secret}'}}"))
    assert "stands here in plain text" in problem.message


@every_form
def test_soul_files_are_looked_at_too(secret: str) -> None:
    files = {
        "ezra.yaml": wizard().replace("charter: {identity: a wizard}", "file: ezra.md"),
        "ezra.md": f"# Ezra\n\nUses {secret} for it.\n",
    }
    loaded = load(files)
    (problem,) = loaded.problems
    assert loaded.fleet is None
    assert (problem.at.file, problem.at.line) == ("fleet/ezra.md", 3)
    assert "<!-- reconciler: not-a-secret -->" in problem.mend
    assert secret not in str(problem)
    excused = files["ezra.md"].replace("it.\n", "it. <!-- reconciler: not-a-secret -->\n")
    assert load({**files, "ezra.md": excused}).problems == ()


def test_each_row_of_the_table_is_met_by_a_sample() -> None:
    """A row that no sample meets could be broken and nobody would see it."""
    import re

    for shape in SHAPES:
        assert any(re.search(shape.pattern, sample) for sample in SAMPLES.values()), shape
        assert shape.source


HARMLESS = [
    "sk-learn-is-not-a-key-at-all",
    "age1" + "q" * 58,
    "http://127.0.0.1:11434/v1",
    "ssh://git@gitea.example:22/house/fleet.git",
    "https://user@gitea.example/fleet.git",
    "https://${USER}:${PASSWORD}@gitea.example",
    "postgres://<user>:<password>@host/db",
    "-----BEGIN PUBLIC KEY-----",
    "-----BEGIN CERTIFICATE-----",
    "sha256:" + "0a1b" * 16,
    "2026-09-06T12:30:00Z",
    "eyJhbGciOi",
    "the AKIA prefix, ghp_ and xoxb- are shown by their beginnings alone",
    "npm_config_registry",
    "8643:8643",
    "123456:short",
    "https://mail.example/inbox?token=YOUR_TOKEN_GOES_HERE&page=2",
    "Authorization: Bearer ${API_SERVER_KEY}",
    "the bearer of this letter is called Frodo",
    "claude-opus-4.6 qwen2.5:1.5b",
    "sk-learn-contrib-2024-models",
    "sk-llama3-8b-q4-k-m-instruct-v2",
    ".sk-fading-circle-12, .sk-cube-grid-delay-1000ms",
    "https://user:password@example.com",
    "redis://:password@redis:6379, redis://:$REDIS_PASSWORD@redis:6379",
    "Authorization: Bearer YOUR_API_TOKEN_GOES_HERE_1",
    "Authorization: Basic authentication, and Basic understanding+of/base64",
    "AKIA" + "IOSFODNN7EXAMPLE",
    "https://mail.example/inbox?token=your-token-here-123",
    "https://mail.example/inbox?sort_key=created_at_descending_2024",
    "123456:" + "ABC-DEF1234ghIkl-zyx57W2v1u123ew11",
    "ghp_" + "x" * 36,
    "--max-tokens 8192 --token-file /etc/reconciler/gitea-token-2024",
    "OPENAI_API_KEY=${OPENAI_API_KEY} GITEA_TOKEN=your-gitea-token-of-40-digits",
    "fc-cache-2024-build-11 csk-learn-contrib-models-2024 BSA-compliance-report-of-2024-final",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_a_little_like_one_is_left_alone(text: str) -> None:
    assert list(find_shapes(text)) == []
    assert found(rest(f"role: '{text}'")) == []


EXCUSED = [
    "role: '{}' # reconciler: not-a-secret",
    "role: '{}'  #   reconciler: not-a-secret, it is the one of the manual",
    "# reconciler: not-a-secret\nrole: '{}'",
    "role: | # reconciler: not-a-secret\n  {}",
    "role: >- # reconciler: not-a-secret\n  {}",
    "env: {{A_PASSWORD: '{}'}} # reconciler: not-a-secret",
]
NOT_EXCUSED = [
    "role: '{}' # not-a-secret",
    "role: '{}'\n# reconciler: not-a-secret",
    "role: a # reconciler: not-a-secret\nfather2: '{}'",
    "role: reconciler not-a-secret {}",
]


@pytest.mark.parametrize("line", EXCUSED)
def test_an_author_can_say_that_it_is_none(line: str) -> None:
    assert found(rest(line.format(SAMPLES["OpenAI"]))) == []


@pytest.mark.parametrize("line", NOT_EXCUSED)
def test_the_excuse_is_exact(line: str) -> None:
    assert len(found(rest(line.format(SAMPLES["OpenAI"])))) == 1


def test_an_excuse_is_for_names_as_well_and_for_nothing_else() -> None:
    assert found(rest("env: {A_PASSWORD: summer} # reconciler: not-a-secret")) == []
    (problem,) = load(rest("env: {HERMES_HOME: /x} # reconciler: not-a-secret")).problems
    assert problem.rule == "env/forbidden"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("OPENAI_API_KEY", LONG[:20], Severity.ERROR),
        ("OPENAI_APIKEY", LONG[:20], Severity.ERROR),
        ("GITEA_PAT", LONG[:20], Severity.ERROR),
        ("DB_PASS", "summer", Severity.ERROR),
        ("COMPASS", "north", None),
        ("MNEMONIC", "abandon ability able about above absent", Severity.ERROR),
        ("WALLET_SEED_PHRASE", "abandon ability able about above absent", Severity.ERROR),
        ("THE_PATH", LONG[:20], None),
        ("A_SECRET", "correct-horse-7-battery", Severity.ERROR),
        ("A_TOKEN", "0a1b2c3d4e5f", Severity.ERROR),
        ("A_PASSWORD", "summer", Severity.ERROR),
        ("A_PASSPHRASE", "four words and more", Severity.ERROR),
        ("A_KEY", "hunter2", Severity.WARNING),
        ("SORT_KEY", "created_at", Severity.WARNING),
        ("TLS_KEY", "/etc/ssl/private/house.pem", Severity.WARNING),
        ("LOCAL_API_KEY", "ollama", None),
        ("LOCAL_API_KEY", "none", None),
        ("A_TOKEN", "${ELSEWHERE}", None),
        ("A_PASSWORD", "", None),
        ("KEYBOARD", LONG, None),
        ("MAX_TOKENS", "8192", None),
    ],
)
def test_text_under_a_name_that_sounds_secret(name: str, value: str, expected: Severity | None) -> None:
    assert variable_judged(name, value) is expected


def test_variables_of_a_model_too() -> None:
    more = f"provider: anthropic\nenv: {{ANTHROPIC_API_KEY: {LONG}}}"
    (problem,) = found({"parts.yaml": PARTS.replace("provider: anthropic", more)})
    assert (problem.at, problem.severity) == (Position("fleet/parts.yaml", 9, 26), Severity.ERROR)


def test_a_fleet_with_a_secret_is_no_fleet() -> None:
    assert load(rest(f"role: {SAMPLES['GitHub']}")).fleet is None
    assert load(rest("role: a")).fleet is not None


def test_problems_are_bounded() -> None:
    text = "\n".join(f"- {SAMPLES['AWS']}" for _ in range(500))
    assert len(plain_secrets("x.yaml", text)) == 100


PIECES = ["eyJ", "sk-", "-", ".", "://", ":", "@", "a", "1", "xoxb-", "M", "AIza", "-----BEGIN", "RSA"]
PIECES += ["nvapi-", " ", "--api-", "token", "KEY=", "?key=", "BSA", "bot1", "Basic ", "QTpi", "ya29.", "Aaa"]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=4), st.sampled_from(PIECES))
def test_no_text_is_slow(pattern: list[str], end: str) -> None:
    """A pattern that went back and forth would run into the time limit of the test, far beyond any machine's load."""
    text = ("".join(pattern) * 60_000)[:100_000] + end
    assert len(plain_secrets("x.yaml", text)) <= 100


def test_the_golden_words_of_an_error() -> None:
    assert told(rest(f"role: {SAMPLES['Telegram']}")) == [
        "fleet/ezra.yaml:8:7: a Telegram bot token stands here in plain text; once it was pushed, revoke it "
        "(take it out; a secret goes under env of a wizard or model, as {age: ...}, {env: NAME} or {file: /path}; "
        "write # reconciler: not-a-secret at the end of the line if it is none)"
    ]


def test_forms_that_overlap_are_told_once_and_in_order() -> None:
    token = "123456789:" + "sk-" + "a1" * 16
    found = list(find_shapes(f"{token} AKIA{'B' * 16} ://u:{'p' * 5}@x"))
    assert [what for _, what in found] == ["a Telegram bot token", "an AWS access key", "a password in an address"]
    assert [index for index, _ in found] == sorted(index for index, _ in found)


@every_form
def test_each_form_begins_as_its_pattern_says(secret: str) -> None:
    """Looking for beginnings first leaves nothing out."""
    by_pattern = [found.start() for shape in SHAPES for found in re.finditer(shape.pattern, f"x {secret}")]
    assert min(by_pattern) == min(index for index, _ in find_shapes(f"x {secret}"))


def test_a_large_file_of_excused_secrets_is_gone_through_once() -> None:
    text = f"# {'AKIA'}{'A' * 16} # reconciler: not-a-secret\n" * 15_000 + f"# {'AKIA'}{'A' * 16}\n"
    (problem,) = plain_secrets("f", text)
    assert problem.at == Position("f", 15_001, 3)


@pytest.mark.parametrize(
    ("line", "takes_reference"),
    [
        ("env: {{A: '{}'}}", True),
        ("env:\n  A: >-\n    {}", True),
        ("api_key: '{}'", True),
        ("config: {{a: {{b: '{}'}}}}", False),
        ("env: {{A: b}} # {}", False),
        ("# env: {{A: '{}'}}", False),
        ("role: '{}'", False),
        ("env: {{A: b}}\nrole: '{}'", False),
    ],
)
def test_the_mend_can_be_followed_where_it_is_told(line: str, takes_reference: bool) -> None:
    (problem,) = found(rest(line.format(SAMPLES["GitHub"])))
    assert problem.mend.startswith(
        "put {age: ...} there" if takes_reference else "take it out; a secret goes under env"
    )


def test_a_private_key_where_the_public_one_of_a_host_goes() -> None:
    hosts = FLEET.replace("vps: {}", f"vps: {{age: {SAMPLES['age']}}}")
    (problem,) = found({"fleet.yaml": hosts})
    assert problem.mend.startswith("take it out; ")
