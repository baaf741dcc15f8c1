# ruff: noqa: E501 - tables
"""What people and programs have put into YAML files to the harm of who read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


def spread(items: Sequence[T]) -> st.SearchStrategy[T]:
    """Any of these, all as often: `sampled_from` goes back to the first ones again and again."""
    return st.integers(0, 2**32 - 1).map(lambda number: items[number * 2_654_435_761 % 2**32 % len(items)])


TRAPS = (
    "no", "Yes", "on", "OFF", "y", "~", "null", "True", "=", "<<", "12:30", "190:20:30", "1_000", "0777", "0o17", "0b101",
    ".inf", "-.inf", ".NaN", "1e999", "1e-999", "-0", "-0.0", "8643.0", "2026-03-31", "2026-03-31 20:02:01 +00:00",
    "9" * 20, "9" * 5000, "-" + "9" * 25, "0x" + "f" * 16, "0x" + "f" * 6000, "0o" + "7" * 7000, "1." + "0" * 5000 + "1",
    "0x", "0o", "+", "-", ".", "+.e", "1e", "1e+", "!!python/name:os.system x", "!!binary aGVsbG8=", "!!set {a, b}",
    "!!omap [a: 1]", "!!timestamp 2026-01-01", "!!int x", "!!float '1'", "!vault x", "!", "!<>", "!!str", "!!null x",
    "&a [*a]", "*nothing", "&a 1", "&a &b 1", "{? [a] : b}", "{? {a: 1} : b}", "{'': 1}", '"\\0"', '"\\x1b[31m"', '"\\ud800"',
    '"\\uFEFF"', '"\\r\\n"', '"\\u202e"', "|\n  a\n  b", ">-\n  a", "|9\n  a", "''", '""', "'", '"', "[", "]", "{", "}", "[]",
    "{}", "[[[[[[]]]]]]", "[" * 60 + "]" * 60, "{a: " * 60 + "}" * 60, "{a: " * 400, "[" * 2000, "- - - - a", "@x", "`x`",
    "%x", "# nothing", "a: b: c", "x" * 3000, "é", "\u202e", "𝕏", "\u0130", "ß", "ﬀ", "e\u0301", "\u00a0", "../../etc/passwd",
    "/", "..", ".", "~root", "$HOME", "${X:-${Y}}", "$(id)", "%(x)s", "{{ x }}", "a\\nb", "a'b", 'a"b', "-rf", "--", "*", "?",
    "{generate: true}", "{generate: false}", "{env: X, file: /x}", "{file: /x}", "{env: '1'}", "{age: x}", "ezra",
    "{allegro: 1, ezra: 2}", "[ezra, ezra]", "hermes-vps", "http://[::1", "http://[::1]:99999/", "http://x:y@z/", "git://x",
    "file:///x", "ssh://-oProxyCommand=x/y", "https://\u0661/", "http://a:b/", "-1", "0", "1", "65535", "65536", "8643", "8645",
)  # fmt: skip
"""Stands for a value, as it is written."""

PIECES = (
    b"[", b"]", b"{", b"}", b":", b": ", b" ", b"\t", b"\n", b"\r", b"\r\n", b"- ", b"---\n", b"...\n", b"&a ", b"*a", b"!x ",
    b"!!str ", b"<<: ", b"? ", b"'", b'"', b"|", b">", b"#", b" #", b"\x00", b"\x1b", b"\x7f", b"\xff", b"\xc3", b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80", b"\xc0\xaf", b"null", b"no", b"0777", b".nan", b"9" * 30, b"0x" + b"f" * 5000, b"kind: Wizard\n",
    b"kind: Fleet\n", b"name: ezra\n", b"port: 1\n", b"env: {PATH: x}\n", b"config: {model: 1}\n", b"father: ezra\n",
    b"formerly: [ezra]\n", b"home: ../x\n", b"%YAML 1.1\n", b"%TAG ! x\n", b"%YAML 9.9\n---\n", b"@", b"`", b"%", b",",
    "\u2028".encode(), "\u0085".encode(), "\ufeff".encode(), "é".encode(), b'"\\x1b"', b"\\", b"$", b"~", b"=", b"  ",
)  # fmt: skip
"""Stands anywhere in a file."""


def _bomb(width: int, levels: int) -> bytes:
    lines = [b"a: &a [" + b",".join([b"x"] * width) + b"]"]
    for n in range(levels):
        lines.append(b"%c: &%c [%s]" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * width)))
    return b"\n".join(lines) + b"\n"


WHOLE = (
    _bomb(9, 8), _bomb(3, 20), _bomb(99, 1), b"[" * 50_000, b"{" * 50_000, b"- " * 50_000, b"? " * 20_000, b"a: " * 20_000,
    b"&a [" * 10_000, b"!x [" * 10_000, b"*" * 50_000, b"'" * 50_000, b"#" * 200_000, b"\n" * 200_000, b" " * 200_000,
    b"\t" * 50_000, b"a: 1\n" * 20_000, b"---\n" * 20_000, b"kind: Wizard\n---\n" * 2000, b"- a\n" * 99_000, b"x" * 900_000,
    b"x" * 1_048_577, b"a: |\n" + b"  y\n" * 100_000, b"a: >\n" + b"  y\n\n" * 50_000, b"{" + b"a: 1, " * 50_000 + b"}",
    b"kind: Wizard\nname: w\nconfig: {" + b",".join(b"k%d: {a: [1]}" % n for n in range(9000)) + b"}\n",
    b"kind: Wizard\nname: w\nenv: {" + b",".join(b"K%d: v" % n for n in range(20_000)) + b"}\n",
    b"kind: Fleet\nname: x\nhosts: {" + b",".join(b"h%d: {}" % n for n in range(2000)) + b"}\n",
    b"---\n".join(b"kind: Task\nname: TASK-%d\nwizard: ezra\ntitle: t\n" % n for n in range(1, 1500)),
    (b"# AKIA" + b"A" * 16 + b" # reconciler: not-a-secret\n") * 20_000, (b"# AKIA" + b"A" * 16 + b"\n") * 40_000,
    b"sk-" * 300_000, b"://" * 300_000, b"eyJ" * 300_000, b"1" * 1_000_000, b"M." * 500_000, b"-----BEGIN A A A " * 60_000,
    b"://aaaa:" * 120_000, b"glpat-" * 170_000, b"- " + b"a-" * 400_000, b"\xd9\xa0" * 500_000,
    b"a=aaaaaaaa " * 95_000, b"# api_key: aaaaaaaa\n" * 50_000, b"key:    " * 130_000, b"k\\\"': " * 160_000,
    b"---\n".join(b"kind: Wizard\nname: w%d\nfather: w%d\n" % (n, n + 1) for n in range(800)),
)  # fmt: skip
"""Whole files that make a careless reader fall over or never come back."""

BYTES = (
    b"", b"\n", b"\x00" * 100, b"\xff\xfe", b"\xef\xbb\xbf", b"\x80" * 50, b"\x1f\x8b\x08\x00", b"SQLite format 3\x00",
    b"\x7fELF", b"<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> x\n", b"<html></html>", b"{}", b"[]", b"null", b"1", b"x",
    b'{"kind": "Wizard"}', b"kind: Wizard", b"kind: [Wizard]", b"kind: null", b"kind: Nothing\nname: x\n", b"- kind: Wizard\n",
)  # fmt: skip
"""Whole files of other kinds."""
