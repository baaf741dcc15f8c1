"""Secrets beside their name: in comments, in text that a program reads, in files that are no fleet files."""

from __future__ import annotations

import pytest

from reconciler.spec.load import load_fleet
from reconciler.spec.plain_secrets import RULE, plain_secrets
from reconciler.spec.position import Position, Problem, Severity
from reconciler.spec.read import Memo, read_file
from tests.spec.fleets import load, rest, wizard
from tests.spec.secret_samples import LONG, SAMPLES

K = LONG[:31]


def found(line: str) -> list[Problem]:
    return [problem for problem in load(rest(line)).problems if problem.rule == RULE]


@pytest.mark.parametrize(
    "line",
    [
        f"# api_key: {K}",
        f"# env: {{MISTRAL_API_KEY: {K}}}",
        "#   password: hunter2abcX9",
        f"role: a # token: {K}",
        f"# OPENAI_API_KEY_PROD={K}",
        f"# 'api_key' : '{K}'",
        f'env: {{EXTRA: \'{{"api_key": "{K}"}}\'}}',
        f'env: {{EXTRA: "{{\\"api_key\\": \\"{K}\\"}}"}}',
        f"config: {{mcp: {{cmd: \"curl -H 'X-Api-Key: {K}' https://x\"}}}}",
        f"config:\n  a: |\n    secret: {K}",
        f"role: 'the password: {K}, and more'",
    ],
)
def test_it_is_an_error_that_is_told_once(line: str) -> None:
    (problem,) = found(line)
    assert problem.severity is Severity.ERROR
    assert "a secret under its name stands here" in problem.message
    assert K not in str(problem)


def test_its_place_is_that_of_the_secret() -> None:
    (problem,) = found(f"# api_key: {K}")
    assert problem.at == Position("fleet/ezra.yaml", 8, 12)


@pytest.mark.parametrize(
    "line",
    [
        "# password: see the vault of the house, or ask Ezra",
        "# token: created 2026-09-06, v1.2.3-beta4",
        "# the key: claude-opus-4-20250514",
        "# max_tokens: 131072, token_limit: 4096, tokenizer: qwen2.5-coder-32b-instruct",
        "# password: YOUR_PASSWORD_1a2b3c4d5e6f7g8h",
        "# token: ${TOKEN_0a1b2c3d4e5f6a7b8c9d}",
        "# token: env:GITEA_TOKEN",
        "# public_key: " + K,
        "# idempotency_key: 5f0c1b1e-7a41-4b8e-9b7e-6a1f1e2d3c4b",
        "# auth: 5f0c1b1e-7a41-4b8e-9b7e-6a1f1e2d3c4b",
        "# secret_file: /run/8d7f9a0b1c2d3e4f/secret",
        f"# monkey: {K}",
    ],
)
def test_prose_and_settings_are_left_alone(line: str) -> None:
    assert found(line) == []


def test_what_yaml_gives_a_name_is_told_by_its_name() -> None:
    for line in (f"env: {{A_TOKEN: {K}}}", f"config: {{api_key: '{K}'}}"):
        (problem,) = found(line)
        assert "looks like a secret" in problem.message


def test_in_a_document_with_other_errors_nothing_is_missed() -> None:
    (problem,) = found(f"config: {{api_key: {K}}}\nfarther: allegro")
    assert problem.severity is Severity.ERROR
    (problem,) = [p for p in read_file("f", f"a: 1\n]\napi_key: {K}\n".encode()).problems if p.rule == RULE]
    assert problem.at.line == 3


def test_it_is_excused_as_every_other() -> None:
    assert found(f"# api_key: {K} # reconciler: not-a-secret") == []


def test_souls_are_searched_too() -> None:
    files = {
        "ezra.yaml": wizard().replace("charter: {identity: a wizard}", "file: ezra.md"),
        "ezra.md": f"# Ezra\n\nHis token: {K}\n",
    }
    (problem,) = load(files).problems
    assert problem.at == Position("fleet/ezra.md", 3, 12)


@pytest.mark.parametrize(
    "text", ["a: " * 300_000, "key:" * 250_000, "key: aaaaaaaa" * 80_000, '"' * 10**6, "A" * 10**6]
)
def test_no_text_is_slow(text: str) -> None:
    assert len(plain_secrets("x.yaml", text)) <= 100


@pytest.mark.parametrize("name", [".env", "notes.txt", "ezra.yaml.bak", "souls/old.md", "deep/er/data.json"])
@pytest.mark.parametrize("text", [f"API_TOKEN={K}", f"{{'password': '{K}'}}", SAMPLES["GitHub"], f"a\ntoken: {K}"])
def test_other_files_below_the_folder_are_searched_too(name: str, text: str) -> None:
    (problem,) = load({name: text.encode() + b"\n\xff"}).problems
    assert (problem.at.file, problem.rule) == (f"fleet/{name}", RULE)
    assert problem.mend.startswith("take it out: ")
    assert load({name: f"{text} # reconciler: not-a-secret"}).problems == ()


def test_binary_files_and_files_elsewhere_are_not() -> None:
    text = f"API_TOKEN={K}"
    assert load({"data.db": f"\0{text}", "utf-16.txt": text.encode("utf-16")}).problems == ()
    problems = load_fleet({"notes.txt": text.encode(), "fleet2/notes.txt": text.encode()}, "fleet").problems
    assert RULE not in {problem.rule for problem in problems}


def test_files_that_did_not_change_are_not_searched_again() -> None:
    memo, files = Memo(), {"fleet/notes.txt": f"API_TOKEN={K}".encode()}
    load_fleet(files, "fleet", memo)
    first = dict(memo.known)
    load_fleet(files, "fleet", memo)
    assert all(memo.known[key] is read for key, read in first.items())
