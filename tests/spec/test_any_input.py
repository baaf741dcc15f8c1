"""No input makes loading raise, and every problem has a place: random bytes, and golden files with pieces changed."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.spec.load import load_fleet
from reconciler.spec.yaml import parse
from tests.spec.fleets import golden

GOLDEN = golden()
FILES = sorted(name for name in GOLDEN if name.endswith(".yaml"))
PIECES = [
    b"[", b"]", b"{", b"}", b":", b" ", b"\t", b"\n", b"- ", b"---\n", b"&a ", b"*a", b"!x ", b"!!str ", b"<<: ", b"? ",
    b"'", b'"', b"|", b"#", b"\x00", b"\xff", b"null", b"no", b"0777", b".nan", b"9" * 30, b"kind: Wizard\n",
    b"name: ezra\n", b"port: 1\n", b"env: {PATH: x}\n", b"config: {model: 1}\n", b"father: ezra\n", b"home: ../x\n",
    "\u2028".encode(), "é".encode(), b'"\\x1b"', b"%YAML 1.1\n", b"\r",
]  # fmt: skip


def assert_placed(files: dict[str, bytes]) -> None:
    loaded = load_fleet(files, "fleet")
    for problem in loaded.problems:
        assert problem.at.file in files or problem.at.file == "fleet"
        assert problem.at.line >= 1
        assert problem.at.column >= 1
        assert (
            problem.at.line
            <= files.get(problem.at.file, b"").count(b"\n") + files.get(problem.at.file, b"").count(b"\r") + 2
        )
        assert problem.message
        assert "\n" not in str(problem)
        assert str(problem).isprintable()
        assert problem.rule
    assert (loaded.fleet is None) == bool(loaded.errors)


@given(st.binary(max_size=400))
def test_random_bytes(data: bytes) -> None:
    assert_placed({**GOLDEN, "fleet/x.yaml": data})


@given(st.text(max_size=200))
def test_random_text(text: str) -> None:
    assert_placed({"fleet/x.yaml": text.encode("utf-8", "surrogatepass")})


@given(st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join))
def test_pieces_of_yaml(data: bytes) -> None:
    parse("f", data)
    assert_placed({"fleet/x.yaml": data})


@settings(max_examples=200)
@given(
    st.sampled_from(FILES),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 30), st.sampled_from([*PIECES, b""])), max_size=4),
)
def test_mutated_golden_files(name: str, edits: list[tuple[int, int, bytes]]) -> None:
    data = GOLDEN[name]
    for start, length, piece in edits:
        at = start % (len(data) + 1)
        data = data[:at] + piece + data[at + length :]
    assert_placed({**GOLDEN, name: data})


LEAVES = st.none() | st.booleans() | st.integers(-10, 70000) | st.sampled_from(["ezra", "x", "", "../x", "no"])
KEYS = st.text("ab.-_ ", max_size=3)
VALUES = st.recursive(LEAVES, lambda v: st.lists(v, max_size=3) | st.dictionaries(KEYS, v, max_size=3))
FIELDS = [
    "name", "host", "desired", "role", "father", "port", "codebase", "model", "soul", "home", "api_key", "telegram",
    "env", "config", "robe", "hosts", "ports", "policy", "source", "id", "provider", "base_url", "context",
    "context_length", "schedule", "run", "wizard", "priority", "title", "health", "pull", "nonsense",
]  # fmt: skip


@given(
    st.sampled_from(["Fleet", "Wizard", "Service", "Codebase", "Model", "Cron", "Task", "None"]),
    st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=8),
)
def test_any_value_in_any_field(kind: str, fields: dict[str, object]) -> None:
    assert_placed({**GOLDEN, "fleet/x.yaml": json.dumps({"kind": kind, **fields}).encode()})
