"""Help, usage errors and what starting up costs."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from syrupy.assertion import SnapshotAssertion

from reconciler.cli.app import cli
from reconciler.cli.table import SECTIONS
from tests.cli.conftest import Call

VERBS = [name for verbs in SECTIONS.values() for name in verbs]
HEAVY = (
    *(
        "deepdiff",
        "git",
        "httpx",
        "jsonschema",
        "psutil",
        "pydantic",
        "pyrage",
        "rich",
        "ruamel",
        "sqlite3",
        "supervisor",
        "yaml",
    ),
    *("reconciler.adapters", "reconciler.compose", "reconciler.engine", "reconciler.plan", "reconciler.spec"),
)


@pytest.mark.parametrize(
    "words",
    [[], *([name] for name in VERBS), ["new", "wizard"], *(["secret", name] for name in ("encrypt", "rotate", "key"))],
    ids=" ".join,
)
def test_help(words: list[str], call: Call, snapshot: SnapshotAssertion) -> None:
    ran = call(*words, "--help")
    assert ran.code == 0
    assert ran.err == ""
    assert ran.out == snapshot


@pytest.mark.parametrize("name", VERBS)
def test_the_list_says_what_the_verb_says_of_itself(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    texts = {verb: text for verbs in SECTIONS.values() for verb, text in verbs.items()}
    assert command.get_short_help_str(100) == texts[name]


def test_help_imports_nothing_heavy() -> None:
    program = "import sys; from reconciler.cli import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = ran.stderr.split()
    assert "click" in loaded
    assert [name for name in loaded if name in HEAVY or name.startswith(tuple(f"{heavy}." for heavy in HEAVY))] == []


def test_version(call: Call) -> None:
    ran = call("--version")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("reconciler ")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["aply"], "there is no verb 'aply'; did you mean apply?"),
        (["plan", "--jsn"], "No such option '--jsn'"),
        (["why"], "Missing argument 'WIZARD'"),
        (["history", "-n", "0"], "0 is not in the range"),
        (["restart"], "Missing argument 'WIZARD...'"),
        (["plan", "--markdown", "--json"], "--markdown and --json don't go together"),
        (["plan", "--fleet", "fleet", "--out", "x.plan"], "--out and --fleet don't go together"),
        (["apply", "x.plan", "ada"], "a saved plan is applied alone"),
        (["status", "--watch", "--json"], "--watch and --json don't go together"),
        (["completion", "tcsh"], "'tcsh' is not one of"),
    ],
)
def test_a_wrong_call_is_an_error_and_never_looks_like_pending_changes(words: list[str], says: str, call: Call) -> None:
    ran = call(*words)
    assert ran.code == 1
    assert says in ran.err
    assert "Usage: reconciler" in ran.err


def test_no_verb_shows_the_help_and_is_an_error(call: Call) -> None:
    ran = call()
    assert (ran.code, ran.out) == (1, "")
    assert "Begin:" in ran.err


def test_a_wrong_call_is_told_in_json_too(call: Call) -> None:
    ran = call("plan", "--json", "--nonsense")
    assert ran.code == 1
    assert "--nonsense" in ran.json["error"]["what"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_name_the_program(shell: str, call: Call) -> None:
    ran = call("completion", shell)
    assert ran.code == 0
    assert "_RECONCILER_COMPLETE" in ran.out
    assert "reconciler" in ran.out


def test_completion_knows_the_verbs() -> None:
    environment = {"_RECONCILER_COMPLETE": "bash_complete", "COMP_WORDS": "reconciler pl", "COMP_CWORD": "1"}
    program = "import sys; from reconciler.cli import main; sys.exit(main([]))"
    ran = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "plain,plan"
