"""Models, codebases and soul files: each rule with one thing wrong, and the exact words."""

from __future__ import annotations

import pytest

from tests.spec.fleets import PARTS, Case, Changes, told, wizard

ASKS = "and Hermes asks for 64,000"


def model(identifier: str, *more: str) -> Changes:
    """The model of the small fleet: `id` at line 7, `more` from line 9."""
    text = PARTS.replace("claude-opus-4.6", identifier).replace("anthropic", "\n".join(["custom", *more]))
    return {"parts.yaml": text}


def soul(file: str, **files: str | bytes) -> Changes:
    return {
        "ezra.yaml": wizard().replace("charter: {identity: a wizard}", f"file: {file}"),
        **{f"{name}.md": data for name, data in files.items()},
    }


CASES: list[Case] = [
    (
        "a small model",
        model("qwen2.5:1.5b"),
        [
            f"parts.yaml:7:5: model qwen2.5:1.5b takes 32,768 tokens, {ASKS}: every run would fail "
            "(choose another model, or override it with context_length: 65536 and ollama_num_ctx: 65536)"
        ],
    ),
    (
        "half an override",
        model("qwen2.5:1.5b", "context_length: 65536"),
        [
            f"parts.yaml:7:5: model qwen2.5:1.5b takes 32,768 tokens, {ASKS}: every run would fail "
            "(choose another model, or override it with ollama_num_ctx: 65536)"
        ],
    ),
    (
        "a whole override",
        model("library/qwen2.5:7b", "context_length: 65536", "ollama_num_ctx: 65536"),
        [
            f"parts.yaml:7:5: warning: model library/qwen2.5:7b takes 32,768 tokens, {ASKS}: the override only "
            "changes the number (what goes beyond is lost; choose another model for long work)"
        ],
    ),
    (
        "a declared context",
        model("mine", "context: 63999"),
        [
            f"parts.yaml:9:10: model mine takes 63,999 tokens, {ASKS}: every run would fail "
            "(choose another model, or override it with context_length: 65536)"
        ],
    ),
    ("a declared context that is enough", model("mine", "context: 64000"), []),
    ("a declared context beats the table", model("qwen2.5:1.5b", "context: 131072"), []),
    ("a family that is not known", model("qwen2.5vl:7b"), []),
    (
        "told too little",
        model("mine", "context_length: 32768"),
        [
            "parts.yaml:9:17: context_length 32,768 is under 64,000: every run of Hermes would fail "
            "(write context_length: 65536 or more)"
        ],
    ),
    (
        "no aiohttp",
        {"parts.yaml": PARTS.replace(", with: [aiohttp]", ", with: [aiohttp-cors]")},
        [
            "parts.yaml:3:9: warning: codebase hermes-agent has no aiohttp beside it: the API server would never "
            "listen (add with: [aiohttp])"
        ],
    ),
    ("aiohttp at a version", {"parts.yaml": PARTS.replace("[aiohttp]", "['aiohttp>=3.9']")}, []),
    (
        "a missing soul",
        soul("erza.md", ezra="x"),
        ["ezra.yaml:7:9: there is no soul file `erza.md` in the fleet folder (did you mean ezra.md?)"],
    ),
    (
        "a soul elsewhere",
        soul("souls/../../x.md"),
        [
            "ezra.yaml:7:9: the soul file must stay inside the fleet folder "
            "(name it relative to that folder, such as souls/ezra.md)"
        ],
    ),
    (
        "an absolute soul",
        soul("/etc/passwd"),
        [
            "ezra.yaml:7:9: the soul file must stay inside the fleet folder "
            "(name it relative to that folder, such as souls/ezra.md)"
        ],
    ),
    (
        "a soul that is not UTF-8",
        soul("e.md", e=b"# Ezra\n\xff\n"),
        ["e.md:2:1: byte 0xff is not UTF-8 (save the file as UTF-8)"],
    ),
    (
        "an empty soul",
        soul("e.md", e=" \n"),
        ["ezra.yaml:7:9: the soul file `e.md` is empty (write the charter into it)"],
    ),
]


@pytest.mark.parametrize(("changes", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_rule(changes: Changes, expected: list[str]) -> None:
    assert told(changes) == [f"fleet/{line}" for line in expected]
