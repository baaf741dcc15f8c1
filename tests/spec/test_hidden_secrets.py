"""Secrets that show only once YAML is read: behind escapes, line ends and folds, in values and in keys."""

from __future__ import annotations

import pytest

from reconciler.spec.plain_secrets import MOST, RULE, plain_secrets
from reconciler.spec.position import Position, Problem, Severity
from reconciler.spec.read import read_file
from tests.spec.fleets import load, wizard
from tests.spec.secret_samples import LONG, SAMPLES

# Of these, what is left as it is written is told too: a value beside its name.
NAMED = ("a variable", "Azure")
PLAIN = {name: sample for name, sample in SAMPLES.items() if not {"/", " "} & {*sample} and name not in NAMED}


def found(*lines: str) -> list[Problem]:
    problems = load({"ezra.yaml": wizard("ezra", 8643, *lines)}).problems
    return [problem for problem in problems if problem.rule == RULE]


def escaped(secret: str, index: int) -> str:
    return f"{secret[:index]}\\x{ord(secret[index]):02x}{secret[index + 1 :]}"


@pytest.mark.parametrize("secret", PLAIN.values(), ids=PLAIN)
@pytest.mark.parametrize(
    "line", ['role: "{}"', 'env: {{A_TOKEN: "{}"}}', 'config: {{x: {{api_key: "{}"}}}}', '"{}": 1']
)
def test_an_escape_hides_nothing(secret: str, line: str) -> None:
    text = line.format(escaped(secret, 2))
    (problem,) = found(text)
    assert problem.severity is Severity.ERROR
    assert (problem.at.line, problem.at.column) == (8, text.index('"') + 1)
    assert secret not in str(problem)


KEY = "sk-ant-" + "api03-" + LONG[:80]
FORMS = [
    'role: "sk-ant\\u002dapi03-' + LONG[:80] + '"',
    'role: "sk-ant-api03-\\\n  ' + LONG[:80] + '"',
    'role: "\\\n  sk-ant-\\\n  api03-' + LONG[:80] + '"',
    'role: "-----BEGIN\\x20OPENSSH PRIVATE KEY-----"',
    "role: >-\n  Authorization: Bearer\n  " + LONG[:40],
    "role: use the header Bearer\n  " + LONG[:40] + " for it",
    "config: {x: 'it''s', y: \"\\x67hp_" + LONG[:36] + '"}',
    'config:\n  "a\\x62": [1, 2, {b: "\\x67hp_' + LONG[:36] + '"}]',
]


@pytest.mark.parametrize("lines", FORMS)
def test_every_way_to_write_a_text_in_pieces(lines: str) -> None:
    (problem,) = found(lines)
    assert "behind escapes or folded lines" in problem.message


def test_what_the_raw_text_tells_is_not_told_again() -> None:
    """Both looks find it in the same value; the first knows its column."""
    (problem,) = found(f'role: "caf\\u00e9 {KEY}"')
    assert problem.at == Position("fleet/ezra.yaml", 8, 18)
    assert "behind" not in problem.message
    (problem,) = found(f'role: "{KEY}\\\n  {LONG[:20]}"')
    assert problem.at.column == 8


def test_one_that_is_hidden_beside_one_that_is_not() -> None:
    first, second = found(f'role: "{KEY} and {escaped(KEY, 1)}"')
    assert (first.at.column, second.at.column) == (7, 8)
    other, same = found("role: " + KEY, f'config: {{x: "{escaped(KEY, 1)}"}}')
    assert (other.at.line, same.at.line) == (8, 9)


def test_an_excuse_stands_at_either_end() -> None:
    hidden = 'role: "sk-ant-api03-\\\n  ' + LONG[:80] + '"'
    assert found(hidden + " # reconciler: not-a-secret") == []
    assert found("# reconciler: not-a-secret", hidden) == []
    assert len(found("# reconciler: not-a-secret", "father2: a", hidden)) == 1


def test_an_excuse_for_the_same_text_elsewhere_is_none_for_it() -> None:
    (problem,) = found(f"role: {KEY} # reconciler: not-a-secret", f'config: {{x: "{escaped(KEY, 1)}"}}')
    assert problem.at.line == 9


def test_places_behind_letters_of_any_script() -> None:
    (problem,) = found("# ключ 🔑", f'role: "{escaped(KEY, 1)}"')
    assert problem.at == Position("fleet/ezra.yaml", 9, 7)


def test_what_is_refused_is_looked_at_too() -> None:
    again = read_file("f", f'a: 1\na: "{escaped(KEY, 1)}"\n'.encode()).problems
    broken = read_file("f", f'a: "{escaped(KEY, 1)}"\n]\n'.encode()).problems
    assert [RULE in {problem.rule for problem in problems} for problems in (again, broken)] == [True, True]


def test_they_count_for_the_bound_of_a_file() -> None:
    lines = "".join(f'- "{escaped(KEY, 1)}"\n' for _ in range(500))
    assert len([p for p in read_file("f", lines.encode()).problems if p.rule == RULE]) == MOST
    assert plain_secrets("f", "a: 1") == []
