"""History as people read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.adapters.sqlite import SqliteLedger
from reconciler.adapters.sqlite.readable import fields, path_text, value_text
from reconciler.plan.change import Cause, FieldChange
from reconciler.plan.value import Hidden, Known, Value, known
from reconciler.protocols.ledger import Update
from tests.ledger.examples import COMMIT, SteppingClock, change, config, step

VALUES: list[tuple[Value | None, str]] = [
    (None, "(absent)"),
    (Hidden("ab" * 32), "(secret)"),
    (Hidden(""), "(secret)"),
    (known("qwen2.5:1.5b"), "qwen2.5:1.5b"),
    (known(""), '""'),
    (known(" "), '" "'),
    (known(8643), "8643"),
    (known(True), "true"),
    (known(None), "null"),
    (known(["a", 1]), '["a",1]'),
    (known({"b": 1}), '{"b":1}'),
    (known("one\ntwo\n"), "2 lines"),
    (known("one\ntwo"), "2 lines"),
    (known("one\n"), "1 line"),
    (known("x" * 500), "x" * 79 + "…"),
    (known("red\x1b[31m"), "red\\x1b[31m"),
    (Known("not JSON"), "not JSON"),
]


@pytest.mark.parametrize(("value", "text"), VALUES)
def test_values(value: Value | None, text: str) -> None:
    assert value_text(value) == text


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("key", "model", "default"), "model.default"),
        (("key",), "key"),
        (("mode",), "mode"),
        (("key", "a.b", "c\\d"), "a\\.b.c\\\\d"),
        (("config.yaml", "port"), "config.yaml port"),
    ],
)
def test_paths(path: tuple[str, ...], text: str) -> None:
    assert path_text(path) == text


def field(before: Value | None, after: Value | None) -> FieldChange:
    return FieldChange(("key", "soul"), before, after, Cause.CHANGED)


def test_a_change_that_looks_the_same_says_that_it_is_one() -> None:
    told = fields(change(config("ezra"), field(known("a\nb"), known("a\nc")), field(known("a"), known("b"))))
    assert told == (("soul", "2 lines", "2 lines, changed"), ("soul", "a", "b"))


def test_what_becomes_a_secret_is_not_told() -> None:
    told = fields(change(config("ezra"), field(known("hunter2"), Hidden("ab")), field(None, Hidden("ab"))))
    assert told == (("soul", "(secret)", "(secret)"), ("soul", "(absent)", "(secret)"))


def test_an_entry_tells_fields_and_reason(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "ledger.db", SteppingClock())
    wanted = change(config("ezra"), field(known("a"), known("b")))
    number = ledger.begin(COMMIT, "push")
    ledger.intend(number, COMMIT, step(config("ezra")), wanted, Update())
    (entry,) = ledger.entries("ezra", 1)
    ledger.close()
    assert entry.fields == (("soul", "a", "b"),)
    assert entry.reason == "Git declares another value"
    assert (entry.operation, entry.action, entry.commit) == ("edit", "update", COMMIT)
    assert (entry.pass_id, entry.result, entry.ended) == (number, None, None)
