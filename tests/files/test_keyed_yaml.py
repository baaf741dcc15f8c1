"""Edits of single keys in YAML that people and programs wrote, before and after."""

from __future__ import annotations

import json

import pytest

from reconciler.adapters import keyed
from reconciler.adapters.keyed_errors import Unreadable, Unwritable
from reconciler.plan.resource import Format
from reconciler.protocols.files import KeyEdit

GONE = object()


def edit(text: str, *edits: tuple[str, object]) -> str:
    """Edits are ("a.b", value) pairs; GONE removes."""
    changes = [KeyEdit(tuple(path.split(".")), None if value is GONE else json.dumps(value)) for path, value in edits]
    return keyed.edited(Format.YAML, text.encode(), changes).decode()


CASES = {
    "absent file": ("", [("a.b", 1)], "a:\n  b: 1\n"),
    "only comments": ("# mine\n", [("a", 1)], "# mine\na: 1\n"),
    "document start": ("---\n# mine\n", [("a", 1)], "---\n# mine\na: 1\n"),
    "document end": ("---\n# mine\n...\n", [("a", 1)], "---\n# mine\na: 1\n...\n"),
    "null document": ("null\n", [("a", 1)], "\na: 1\n"),
    "empty braces": ("{}\n", [("a.b", 1)], "a:\n  b: 1\n"),
    "no last newline": ("a: 1", [("b", 2)], "a: 1\nb: 2\n"),
    "comment behind stays": ("a: 1  # why\n", [("a", 2)], "a: 2  # why\n"),
    "quotes of others stay": ("a: 'x'\nb: \"y\"\n", [("a", "z")], 'a: z\nb: "y"\n'),
    "equal value keeps its form": ("a: 'x'   # q\n", [("a", "x")], "a: 'x'   # q\n"),
    "empty value": ("a:\nb: 2\n", [("a", 1)], "a: 1\nb: 2\n"),
    "empty value becomes a section": ("a:  # why\nb: 2\n", [("a.x", 1)], "a:  # why\n  x: 1\nb: 2\n"),
    "scalar in the way": ("a: 5  # five\nb: 2\n", [("a.x", 1)], "a:  # five\n  x: 1\nb: 2\n"),
    "list in the way": ("a:\n- 1\n- 2\nb: 2\n", [("a.x", 1)], "a:\n  x: 1\nb: 2\n"),
    "section becomes a scalar": ("a:  # why\n  x: 1\n# b\nb: 2\n", [("a", 1)], "a: 1  # why\n# b\nb: 2\n"),
    "indentation of the file": (
        "m:\n    x: 1\nl:\n- 1\n",
        [("m.n.o", [1, 2])],
        "m:\n    x: 1\n    n:\n        o:\n        - 1\n        - 2\nl:\n- 1\n",
    ),
    "new key before the next comment": ("m:\n  x: 1\n\n# n\nn: 3\n", [("m.y", 2)], "m:\n  x: 1\n  y: 2\n\n# n\nn: 3\n"),
    "literal text": ("a: |\n  x\n  y\n\n# b\nb: 1\n", [("a", "z")], "a: z\n\n# b\nb: 1\n"),
    "literal text with a comment": ("a: |  # why\n  # no comment\nb: 1\n", [("a", 2)], "a: 2  # why\nb: 1\n"),
    "behind literal text": ("m:\n  a: |+\n    x\n\nn: 1\n", [("m.b", 2)], "m:\n  a: |+\n    x\n\n  b: 2\nn: 1\n"),
    "long lines stay": (f"a: {'word ' * 60}end\nb: 1\n", [("b", 2)], f"a: {'word ' * 60}end\nb: 2\n"),
    "folded lines stay": ("a: one\n  two\n  three\nb: 1\n", [("b", 2)], "a: one\n  two\n  three\nb: 2\n"),
    "flow": ("m: {a: 1, b: [1, 2]}  # f\n", [("m.a", 2), ("m.c", {"d": 1})], "m: {a: 2, b: [1, 2], c: {d: 1}}  # f\n"),
    "flow list keeps its form": ("a: [1, 2]\n", [("a", [3])], "a: [3]\n"),
    "empty flow grows": ("m: {}\nn: 1\n", [("m.a.b", 1)], "m:\n  a:\n    b: 1\nn: 1\n"),
    "windows": (
        "\ufeffa: 1\r\nb:\r\n  c: 2 # x\r\n",
        [("b.c", 3), ("b.d", 4)],
        "\ufeffa: 1\r\nb:\r\n  c: 3 # x\r\n  d: 4\r\n",
    ),
    "alias gets its own copy": ("a: &x\n  k: 1\nb: *x\nc: 1\n", [("b.k", 2)], "a: &x\n  k: 1\nb:\n  k: 2\nc: 1\n"),
    "merged section": (
        "a: &x {k: 1, l: 2}\nb:\n  <<: *x\n",
        [("b.k", 3)],
        "a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  k: 3\n",
    ),
    "repeated key, the last counts": ("a: 1\na: 2\n", [("a", 3)], "a: 1\na: 3\n"),
    "remove": ("a: 1\n# about b\nb: 2  # two\n# about c\nc: 3\n", [("b", GONE)], "a: 1\n# about b\n# about c\nc: 3\n"),
    "remove the last of a section": ("m:\n  x: 1\n# n\nn: 1\n", [("m.x", GONE)], "# n\nn: 1\n"),
    "remove through empty sections": ("a:\n  b:\n    c: 1\nz: 1\n", [("a.b.c", GONE)], "z: 1\n"),
    "section with a comment stays": ("m:  # mine\n  x: 1\nn: 1\n", [("m.x", GONE)], "m: {}  # mine\nn: 1\n"),
    "hash in a string is no comment": ("m:\n  x: 'a # b'\nn: 1\n", [("m.x", GONE)], "n: 1\n"),
    "remove the only key": ("# top\na: 1\n", [("a", GONE)], "# top\n"),
    "remove literal text": ("a: |\n  x\n  y\nb: 1\n", [("a", GONE)], "b: 1\n"),
    "remove in flow": ("m: {a: 1, b: 2, c: 3}\n", [("m.b", GONE), ("m.c", GONE)], "m: {a: 1}\n"),
    "remove the only one in flow": ("m: {a: 1,}\nn: 1\n", [("m.a", GONE)], "n: 1\n"),
    "remove repeated": ("a: 1\nb: 2\na: 3\n", [("a", GONE)], "b: 2\n"),
    "remove what became somebody's section": ("a:\n  x: 1\n", [("a", GONE)], "a:\n  x: 1\n"),
    "remove an alias": ("a: &x 1\nb: *x\n", [("b", GONE)], "a: &x 1\n"),
    "remove inside an alias": ("a: &x {k: 1, l: 2}\nb: *x\n", [("b.k", GONE)], "a: &x {k: 1, l: 2}\nb:\n  l: 2\n"),
    "remove an alias of somebody's section": ("a: &x {k: 1}\nb: *x\n", [("b", GONE)], "a: &x {k: 1}\nb: *x\n"),
    "remove absent": ("a: 1\n", [("b.c", GONE), ("a.x", GONE)], "a: 1\n"),
    "removed and set in one section": ("m: # s\n  x: 1\nn: 1\n", [("m.x", GONE), ("m.y", 2)], "m: # s\n  y: 2\nn: 1\n"),
    "words of YAML 1.1": (
        "",
        [("a", "no"), ("b", "12:30"), ("c", "0777"), ("d", "1_000"), ("e", "2024-01-01"), ("f", "on")],
        "a: 'no'\nb: '12:30'\nc: '0777'\nd: '1_000'\ne: '2024-01-01'\nf: 'on'\n",
    ),
    "plain where it may be": (
        "",
        [("a", "claude-opus-4.6"), ("b", "http://127.0.0.1:1/v1"), ("c", "qwen2.5:1.5b")],
        "a: claude-opus-4.6\nb: http://127.0.0.1:1/v1\nc: qwen2.5:1.5b\n",
    ),
    "a date becomes its text": ("a: 2024-01-01\n", [("a", "2024-01-01")], "a: '2024-01-01'\n"),
    "a number becomes its text": ("a: 1\n", [("a", "1")], "a: '1'\n"),
    "others' odd scalars stay": (
        "a: 0777\nb: 2001-12-14t21:59:43.10-05:00\nc: ~\nd:   x\nz: 1\n",
        [("z", 2)],
        "a: 0777\nb: 2001-12-14t21:59:43.10-05:00\nc: ~\nd:   x\nz: 2\n",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_edit(name: str) -> None:
    before, edits, after = CASES[name]
    assert edit(before, *edits) == after
    assert edit(after, *edits) == after


REFUSED = {
    "a list at the top": ("- 1\n", "does not hold keys"),
    "text at the top": ("hello\n", "does not hold keys"),
    "a shared section": ("a: &x\n  k: 1\nb: *x\n", "another key"),
    "an anchor that is used": ("a:\n  k: &x 1\nb: *x\n", "read back"),
    "an explicit key": ("a:\n  ? k\n  : 1\n", "form that is not edited"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_unsafe_is_refused(name: str) -> None:
    text, problem = REFUSED[name]
    with pytest.raises((Unwritable, Unreadable), match=problem):
        edit(text, ("a.k", 2))


def test_a_merged_key_can_not_be_removed() -> None:
    with pytest.raises(Unwritable, match="comes from somewhere else"):
        edit("a: &x {k: 1}\nb:\n  <<: *x\n  m: 1\n", ("b.k", GONE))


BROKEN = {
    "tab": ("a:\n\tb: 1\n", 2, 1, "cannot start any token"),
    "brackets": ("[" * 500, 1, 65, "64 levels"),
    "deep mapping": ("".join(f"{' ' * n}a:\n" for n in range(80)), 65, 65, "64 levels"),
    "alias bomb": (
        "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)),
        1,
        1,
        "too large",
    ),
    "merge bomb": (
        "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n}\n  <<: [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)),
        1,
        1,
        "too large",
    ),
    "loop": ("a: &a [*a]\n", 1, 8, "itself"),
    "unknown tag": ("a: !python/object:os.system x\n", 1, 4, "could not determine a constructor"),
    "impossible date": ("a: 2024-13-45\n", 1, 1, "can't be read"),
    "two documents": ("a: 1\n---\nb: 1\n", 2, 1, "another document"),
    "control character": ("a: 1\nb: \x07\n", 2, 4, "not allowed"),
    "open quote": ("a: 'x\n", 2, 1, "end of stream"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_can_not_be_read_says_where(name: str) -> None:
    text, line, column, problem = BROKEN[name]
    with pytest.raises(Unreadable, match=problem) as caught:
        keyed.leaves(Format.YAML, text.encode())
    assert (caught.value.line, caught.value.column) == (line, column)
    assert caught.value.mend


def test_any_number_of_brackets_is_told() -> None:
    """Some versions of libyaml count themselves, and read ahead."""
    with pytest.raises(Unreadable, match="64 levels") as caught:
        keyed.leaves(Format.YAML, b"[" * 50_000)
    assert (caught.value.line, caught.value.column > 64) == (1, True)


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(Unreadable, match="UTF-8") as caught:
        keyed.leaves(Format.YAML, "a: ü\nbb: ".encode() + b"\xff\n")
    assert (caught.value.line, caught.value.column) == (2, 5)
    with pytest.raises(Unreadable, match="4 MiB"):
        keyed.leaves(Format.YAML, b"a" * (4 * 1024 * 1024 + 1))


def test_leaves() -> None:
    text = "a: {b: 1, c: {}}\nd: [1, {e: 2}]\nf: 2024-01-01\n2: x\non: y\ng: !!binary aGk=\nh: !!set {x}\na2:\n"
    assert keyed.leaves(Format.YAML, text.encode()) == {
        ("a", "b"): 1,
        ("a", "c"): {},
        ("d",): [1, {"e": 2}],
        ("f",): {"!date": "2024-01-01"},
        ("!int 2",): "x",
        ("!bool true",): "y",
        ("g",): {"!bytes": "6869"},
        ("h",): {"!set": ["x"]},
        ("a2",): None,
    }
