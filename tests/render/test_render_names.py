"""Names and values as people read them."""

from __future__ import annotations

import pytest

from reconciler.plan.change import Action
from reconciler.plan.value import Known, known
from reconciler.render.names import commit_name, decode, field_name, pair_text, resource_name, value_text
from reconciler.render.safe import columns, fit, plain, shorten
from reconciler.render.wording import change_title
from tests.render import plans


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("qwen2.5:1.5b", "qwen2.5:1.5b"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("two words", "two words"),
        ("8643", '"8643"'),
        (8643, "8643"),
        ("true", '"true"'),
        (True, "true"),
        ("no", '"no"'),
        (None, "null"),
        ("null", '"null"'),
        ("", '""'),
        ("12:30", '"12:30"'),
        ("1e5", '"1e5"'),
        ("0x1F", '"0x1F"'),
        ("2026-04-01", '"2026-04-01"'),
        (".inf", '".inf"'),
        ("127.0.0.1", "127.0.0.1"),
        ("0.19.0", "0.19.0"),
        ("0o17", '"0o17"'),
        ("deadbeef", "deadbeef"),
        ("a: b", '"a: b"'),
        ("a -> b", '"a -> b"'),
        (" x", '" x"'),
        ("- x", '"- x"'),
        ("(secret, changed)", '"(secret, changed)"'),
        ("a\x1b[2J", '"a\\u001b[2J"'),
        ("a\u202eb", '"a\\u202eb"'),
        ("two\nlines", '"two\\nlines"'),
        ("Zoë", "Zoë"),
        (["a", "b, c"], '[a, "b, c"]'),
        ([], "[]"),
        ({"b": 1, "a": [True]}, "{a: [true], b: 1}"),
        ({}, "{}"),
        (1.5, "1.5"),
    ],
)
def test_values_are_bare_unless_they_could_be_read_as_something_else(value: object, text: str) -> None:
    assert value_text(decode(known(value))) == text


def test_long_values_end_in_an_ellipsis() -> None:
    assert value_text("a" * 100) == "a" * 79 + "…"


def test_text_that_is_not_json_stands_for_itself() -> None:
    assert value_text(decode(Known("[" * 100_000)), limit=4) == '"[[…'


def test_a_pair_keeps_the_difference_in_sight() -> None:
    before, after = pair_text("b" * 300 + "1" + "c" * 300, "b" * 300 + "2")
    assert before.startswith("…" + "b" * 16 + "1")
    assert after == "…" + "b" * 16 + "2"
    assert len(before) == 80


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (("key", "platforms", "api_server"), "platforms.api_server"),
        (("key", "a.b", "c d"), '"a.b"."c d"'),
        (("mode",), "mode"),
        (("key",), "key"),
        (("key", "x\x1b"), '"x\\u001b"'),
    ],
)
def test_field_names(path: tuple[str, ...], name: str) -> None:
    assert field_name(path) == name


def test_resource_names() -> None:
    found = [resource_name(resource) for resource in (plans.CODEBASE, *plans.resources("ezra", 8643))]
    assert found == [
        "codebase hermes-agent 0.19.0 with aiohttp",
        "directory /root/wizards/ezra",
        "directory home",
        "directory work",
        "directory completed",
        "directory logs",
        "directory workspace",
        "file home/SOUL.md",
        "file home/config.yaml",
        "file home/.env",
        "link hermes-agent",
        "file start-gateway.sh",
    ]
    assert resource_name(plans.body("ezra", 8643)) == "body (hermes 0.19.0 on port 8643)"


def test_a_restart_counts_the_inputs_that_do_not_fit() -> None:
    fields = [plans.field(("environment", f"V{number}"), known(1), known(2)) for number in range(5)]
    restart = plans.change(plans.body("ezra", 1), Action.RESTART, plans.CHANGED, *fields)
    expected = "restart wizard/ezra/body (V0 1 -> 2, V1 1 -> 2, V2 1 -> 2, 2 more (-v shows each), commit 1a2b3c4)"
    assert change_title(restart, plans.COMMIT) == expected


def test_inputs_of_one_name_are_told_apart() -> None:
    paths = (("environment", "KEY"), (".env", "KEY"))
    restart = plans.change(
        plans.body("ezra", 1),
        Action.RESTART,
        plans.CHANGED,
        *(plans.field(path, known("a"), known("b")) for path in paths),
    )
    assert "(environment KEY a -> b, .env KEY a -> b, commit" in change_title(restart, plans.COMMIT)


def test_commits() -> None:
    assert commit_name(plans.COMMIT) == "commit 1a2b3c4"
    assert commit_name("") == "uncommitted files"
    assert commit_name("fleet/ as it is\x1b") == "fleet/ as it is\\x1b"


def test_plain_text_is_left_alone_and_anything_else_is_written_out() -> None:
    assert plain("Zoë 魔法 🧙") == "Zoë 魔法 🧙"
    assert plain("a\x00\x1b\x9b\x7f\t\r\n\u2028\ud800") == "a\\x00\\x1b\\x9b\\x7f\\t\\r\\n\\u2028\\ud800"
    assert plain(plain("\x1b[0m")) == "\\x1b[0m"


def test_widths_count_columns() -> None:
    assert columns("魔法") == 4
    assert columns("e\u0301") == 1
    assert fit("魔法使い", 5) == "魔法…"
    assert fit("魔法使い", 4) == "魔… "
    assert fit("hermes-agent 0.19.0", 8, keep_end=True) == "… 0.19.0"
    assert shorten("abc", 0) == ""
