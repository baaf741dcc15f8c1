"""YAML 1.2 values, positions, and everything that is refused while it streams in."""

from __future__ import annotations

import subprocess
import sys

import pytest

from reconciler.spec.build import MAX_ALIASES, MAX_DEPTH, MAX_PROBLEMS
from reconciler.spec.position import Position
from reconciler.spec.text import MAX_BYTES
from reconciler.spec.yaml import parse


def value(text: str) -> object:
    parsed = parse("f", f"k: {text}\n".encode())
    assert not [p for p in parsed.problems if p.severity.value == "error"], parsed.problems
    root = parsed.documents[0].value
    assert isinstance(root, dict)
    return root["k"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("FALSE", False),
        ("8643", 8643),
        ("-1", -1),
        ("+1", 1),
        ("0", 0),
        ("0o17", 15),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        # What YAML 1.1 reads as something else.
        ("no", "no"),
        ("Yes", "Yes"),
        ("on", "on"),
        ("OFF", "OFF"),
        ("y", "y"),
        ("12:30", "12:30"),
        ("190:20:30", "190:20:30"),
        ("1_000", "1_000"),
        ("0b101", "0b101"),
        ("2026-03-31", "2026-03-31"),
        ("2026-03-31 20:02:01 +00:00", "2026-03-31 20:02:01 +00:00"),
        ("=", "="),
        # Text, because it says so.
        ("'8643'", "8643"),
        ('"true"', "true"),
        ("!!str 8643", "8643"),
        ("! 1", "1"),
        ("0.19.0", "0.19.0"),
        ("-", [None]),
        ("[1, {a: b}]", [1, {"a": "b"}]),
        ("|\n  a\n  b\n", "a\nb\n"),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, expected: object) -> None:
    read = value(f"\n  {text}" if text == "-" else text)
    assert read == expected
    assert type(read) is type(expected)


def test_keys_are_text_as_written() -> None:
    parsed = parse("f", b"8645: a\ntrue: b\nno: c\nnull: d\n1.0: e\n")
    assert parsed.documents[0].value == {"8645": "a", "true": "b", "no": "c", "null": "d", "1.0": "e"}
    assert parsed.problems == ()


def test_positions_of_keys_and_values() -> None:
    document = parse("f.yaml", "a: ä\nb:\n  - x\n  - {c:   1}\n".encode()).documents[0]
    assert document.at("a") == Position("f.yaml", 1, 4)
    assert document.key("b") == Position("f.yaml", 2, 1)
    assert document.at("b", 1) == Position("f.yaml", 4, 5)
    assert document.key("b", 1, "c") == Position("f.yaml", 4, 6)
    assert document.at("b", 1, "c") == Position("f.yaml", 4, 11)
    assert document.at("b", 7, "c") == document.at("b")
    assert document.has("b", 1, "c")
    assert not document.has("b", 2)


def test_columns_count_characters_and_lines_count_every_kind_of_end() -> None:
    document = parse("f", "ключ: {a: 1}\r\nb: 2\r\n".encode()).documents[0]
    assert document.at("ключ", "a") == Position("f", 1, 11)
    assert document.key("b") == Position("f", 2, 1)


def test_several_documents_and_a_byte_order_mark() -> None:
    parsed = parse("f", b"\xef\xbb\xbfa: 1\n---\nb: 2\n...\n---\nc: 3\n")
    assert [d.value for d in parsed.documents] == [{"a": 1}, {"b": 2}, {"c": 3}]
    assert parsed.documents[0].key("a") == Position("f", 1, 1)
    assert parsed.problems == ()


def test_aliases_repeat_values_and_their_positions() -> None:
    parsed = parse("f", b"a: &x {b: 1}\nc: *x\n---\nd: 1\n")
    document = parsed.documents[0]
    assert document.value == {"a": {"b": 1}, "c": {"b": 1}}
    assert document.at("c", "b") == Position("f", 1, 11)


BOMB = b"a: &a [x,x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 10)) for i in range(8)
)
NESTED_ALIASES = b"a: &a " + b"[" * 40 + b"]" * 40 + b"\nb: " + b"[" * 30 + b"*a" + b"]" * 30


@pytest.mark.parametrize(
    ("data", "expected", "rule"),
    [
        (b"a: [1, 2\n", "f:2:1: this is not YAML: did not find expected ',' or ']'", "yaml/syntax"),
        (b"a: b: c\n", "f:1:5: this is not YAML: mapping values are not allowed in this context", "yaml/syntax"),
        (b"a: 'x\n", "f:2:1: this is not YAML: found unexpected end of stream", "yaml/syntax"),
        (b"a: @x\n", "f:1:4: @ can't begin a value (quote the value)", "yaml/syntax"),
        (b"a:\n\tb: 1\n", "f:2:1: a tab where YAML wants spaces (indent with spaces)", "yaml/tab"),
        (b"a: b\n\tc: d\n", "f:2:1: a tab where YAML wants spaces", "yaml/tab"),
        (b"a: |\n\tb\n", "f:2:1: a tab where YAML wants spaces", "yaml/tab"),
        (b"a: 1\nb: \xe9\n", "f:2:4: byte 0xe9 is not UTF-8 (save the file as UTF-8)", "file/encoding"),
        ("a: 1\n".encode("utf-16"), "f:1:1: byte 0xff is not UTF-8", "file/encoding"),
        (b"a: 1\nb: x\x00\n", "f:2:5: control character U+0000 (remove it)", "file/character"),
        ("a: x\u2028b\n".encode(), "f:1:5: control character U+2028", "file/character"),
        (b'a: "x\\0"\n', "f:1:4: text with the control character U+0000", "yaml/character"),
        (b'a: "x\\r"\n', "f:1:4: text with the control character U+000D", "yaml/character"),
        (b"#" * (MAX_BYTES + 1), "f:1:1: the file has 1,048,577 bytes, and 1,048,576 is the limit", "file/size"),
        (b"", "f:1:1: the file declares nothing (declare something in it, or delete it)", "yaml/empty-file"),
        (b"# a comment\n", "f:1:1: the file declares nothing", "yaml/empty-file"),
        (b"a: 1\nb: 2\na: 3\n", "f:3:1: `a` is given twice; the first is at line 1, column 1", "yaml/duplicate-key"),
        (b"x: {a: 1, a: 2}\n", "f:1:11: `a` is given twice; the first is at line 1, column 5", "yaml/duplicate-key"),
        (b"1: a\n'1': b\n", "f:2:1: `1` is given twice; the first is at line 1, column 1", "yaml/duplicate-key"),
        (b"b: &b {x: 1}\na: {<<: *b}\n", "f:2:5: the merge key << is not part of YAML 1.2", "yaml/merge-key"),
        (b"a: {{ x }}\n", "f:1:5: a key that is not plain text", "yaml/key"),
        (b"? [a]\n: b\n", "f:1:3: a key that is not plain text", "yaml/key"),
        (b"?\n: a\n", "f:1:2: an empty key (name the field)", "yaml/key"),
        (b'"a\\0": b\n', "f:1:1: a key with control characters", "yaml/key"),
        (b"a: !!python/name:os.system x\n", "f:1:4: the tag `!!python/name:os.system` is not supported", "yaml/tag"),
        (b"a: !vault x\n", "f:1:4: the tag `!vault` is not supported (leave it out)", "yaml/tag"),
        (b"a: !!set {b}\n", "f:1:4: the tag `!!set` is not supported", "yaml/tag"),
        (b"a: 0777\n", "f:1:4: 0777 is one number to one reader and another to the next", "yaml/number"),
        (b"a: .inf\n", "f:1:4: .inf is not a number that can be written everywhere", "yaml/number"),
        (b"a: 1e999\n", "f:1:4: a number that is too large", "yaml/number"),
        (b"a: " + b"9" * 5000, "f:1:4: a whole number that is too large", "yaml/number"),
        (b"a: 0x" + b"f" * 5000, "f:1:4: a whole number that is too large", "yaml/number"),
        (b"a: 0o" + b"7" * 5000, "f:1:4: a whole number that is too large", "yaml/number"),
        (b"a: no\n", "f:1:4: warning: no without quotes is text, not false", "yaml/looks-boolean"),
        (b"---\n---\na: 1\n", "f:2:1: warning: an empty document between separators", "yaml/empty-document"),
        (b"a: *b\n", "f:1:4: no anchor &b before this alias", "yaml/alias"),
        (b"a: &a 1\n---\nb: *a\n", "f:3:4: no anchor &a before this alias", "yaml/alias"),
        (b"a: &a [*a]\n", "f:1:8: alias *a stands inside its own anchor", "yaml/alias"),
        (b"a: &a 1\nb: [" + b"*a," * 101 + b"]", "f:2:305: more than 100 aliases in one document", "yaml/aliases"),
        (BOMB, "f:5:29: the file holds more than 100,000 values", "yaml/values"),
        (b"[" + b"1," * 100_001 + b"]", "f:1:200002: the file holds more than 100,000 values", "yaml/values"),
        (NESTED_ALIASES, "f:2:34: this alias nests deeper than 64 levels", "yaml/depth"),
        (b"[" * 65, "f:1:65: nesting is deeper than 64 levels (flatten it)", "yaml/depth"),
        (b"- " * 65, "f:1:129: nesting is deeper than 64 levels", "yaml/depth"),
    ],
)
def test_refused(data: bytes, expected: str, rule: str) -> None:
    problems = parse("f", data).problems
    assert [p.rule for p in problems] == [rule]
    assert str(problems[0]).startswith(expected)


def test_bounds_are_inclusive() -> None:
    assert parse("f", b"[" * MAX_DEPTH + b"]" * MAX_DEPTH).problems == ()
    assert parse("f", b"a: &a 1\nb: [" + b"*a," * MAX_ALIASES + b"]").problems == ()


@pytest.mark.parametrize("character", ["[", "{", "- ", "? ", "a: ", "- [", "&a [", "!x [", "*", "%"])
def test_fifty_thousand_openings_never_end_the_process(character: str) -> None:
    data = f"{character!r}.encode() * 50000"
    code = f"from reconciler.spec.yaml import parse; print(parse('f', {data}).problems[0].rule)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("yaml/")


def test_everything_before_a_syntax_error_is_kept() -> None:
    parsed = parse("f", b"a: 1\n---\nb: [\n")
    assert [d.value for d in parsed.documents] == [{"a": 1}]
    assert not parsed.whole
    assert parse("f", b"a: 1\n").whole


def test_five_hundred_problems_are_enough() -> None:
    parsed = parse("f", b"a: 1\n" * 5000)
    assert len(parsed.problems) == MAX_PROBLEMS + 1
    assert parsed.problems[-1].rule == "file/problems"
    assert not parsed.whole
