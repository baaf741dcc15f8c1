"""`.env` files: read as python-dotenv reads them, edited in place, written so that it reads back exactly the same."""

from __future__ import annotations

import io
import json
import logging

import pytest
from dotenv import dotenv_values
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.adapters import keyed
from reconciler.adapters.keyed_errors import Unwritable
from reconciler.plan.resource import Format
from reconciler.protocols.files import KeyEdit

GONE = object()
logging.getLogger("dotenv").setLevel(logging.ERROR)


def edit(text: str, *edits: tuple[str, object]) -> str:
    changes = [KeyEdit((name,), None if value is GONE else json.dumps(value)) for name, value in edits]
    return keyed.edited(Format.ENV, text.encode(), changes).decode()


def read(text: str) -> dict[str, str | None]:
    """As the program does; without references to its environment."""
    return dict(dotenv_values(stream=io.StringIO(text), interpolate=True))


CASES = {
    "absent file": ("", [("A", "1")], "A=1\n"),
    "others byte for byte": (
        "# c\n\nexport B = 'x'  # y\nbroken line\n",
        [("A", "1")],
        "# c\n\nexport B = 'x'  # y\nbroken line\nA=1\n",
    ),
    "in place": ("A=1\nB=2\n", [("A", "3")], "A=3\nB=2\n"),
    "export and comment stay": ("export A=1 # why\n", [("A", "2")], "export A=2 # why\n"),
    "empty with a comment": ("A= # why\n", [("A", "2")], "A=2 # why\n"),
    "quoted before": ('A="x # y" # z\nB=1\n', [("A", "q")], "A=q # z\nB=1\n"),
    "several lines before": ("A='x\ny'\nB=1\n", [("A", "q")], "A=q\nB=1\n"),
    "twice": ("A=1\nB=2\nA=3\n", [("A", "4")], "B=2\nA=4\n"),
    "equal value keeps its form": ("A='1'\n", [("A", "1")], "A='1'\n"),
    "name without a value": ("A\nB=1\n", [("A", "2")], "A=2\nB=1\n"),
    "no last newline": ("B=1", [("A", "2")], "B=1\nA=2\n"),
    "remove": ("# a\nA=1\n\nB=2\n", [("A", GONE)], "# a\n\nB=2\n"),
    "remove all": ("A=1\nB=2\n  export A='x\ny' # z\n", [("A", GONE)], "B=2\n"),
    "remove absent": ("B=2\n", [("A", GONE)], "B=2\n"),
    "windows": ("A=1\r\nB=2\r\n", [("A", "3"), ("C", "4")], "A=3\r\nB=2\r\nC=4\r\n"),
    "empty": ("", [("A", "")], "A=\n"),
    "spaces": ("", [("A", "two words")], "A='two words'\n"),
    "quote": ("", [("A", 'it\'s \\ "x"')], 'A="it\'s \\\\ \\"x\\""\n'),
    "lines": ("", [("A", "x\ny")], 'A="x\\ny"\n'),
    "reference": ("", [("A", "${HOME}/x")], "A='${:-$}{HOME}/x'\n"),
    "plain": ("", [("A", "sk-AbC_1./:@%+,=-x")], "A=sk-AbC_1./:@%+,=-x\n"),
    "backslash at the end": ("", [("A", "C:\\x\\")], "A=C:\\x\\\n"),
}


@pytest.mark.parametrize("name", CASES)
def test_edit(name: str) -> None:
    before, edits, after = CASES[name]
    changed = edit(before, *edits)
    assert changed == after
    assert edit(after, *edits) == after
    for key, value in edits:
        assert read(changed).get(key, GONE) == value


@pytest.mark.parametrize(
    ("name", "value", "problem"), [("A B", "x", "no name"), ("A", 1, "text only"), ("A", "a\0b", "NUL")]
)
def test_what_can_not_be_written_is_refused(name: str, value: object, problem: str) -> None:
    with pytest.raises(Unwritable, match=problem):
        edit("", (name, value))


def test_a_quote_that_never_closes_is_not_made_to_swallow_our_line() -> None:
    with pytest.raises(Unwritable):
        edit('B="open\n', ("A", "it's \" mine"))


def test_a_value_that_refers_to_an_earlier_one() -> None:
    assert keyed.leaves(Format.ENV, b"A=x\nB=${A}/y\nC=${NOT_HERE}/z\nD=${NOT_HERE:-d}\n") == {
        ("A",): "x",
        ("B",): "x/y",
        ("C",): "${NOT_HERE}/z",
        ("D",): "d",
    }


hard = st.text(st.sampled_from(list("aA1 =#'\"\\$`{}:-\n\r\t\x0b\x85\u2028é😀!&*;")), max_size=12)
values = hard | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
lines = st.text(st.sampled_from(list("AB=='\"# \\\n\r\texport$n")), max_size=30)


@given(text=lines | st.lists(lines, max_size=4).map("\n".join))
@example("A='x\n")
@example("export # c\nA=1")
@example("A= #x\nB=#x\nA")
def test_reads_as_the_program_does(text: str) -> None:
    ours = keyed.leaves(Format.ENV, text.encode())
    theirs = dotenv_values(stream=io.StringIO(text), interpolate=False)
    assert ours == {(name,): value for name, value in theirs.items() if value is not None}


@given(
    text=st.lists(lines, max_size=4).map("\n".join),
    changes=st.dictionaries(st.sampled_from(["A", "B", "NEW_1"]), st.none() | values, min_size=1),
)
@example("", {"A": "${${A}}"})
@example("A=1\n\nB=2", {"A": "x'\\"})
def test_edits_are_exact_and_touch_nothing_else(text: str, changes: dict[str, str | None]) -> None:
    before = read(text)
    try:
        changed = edit(text, *((name, GONE if value is None else value) for name, value in changes.items()))
    except Unwritable:
        assert "'" in text or '"' in text  # only an unclosed quote may be in the way
        return
    after = read(changed)
    for name, value in changes.items():
        assert after.pop(name, None) == value
        before.pop(name, None)
    assert {k: v for k, v in after.items() if v is not None} == {k: v for k, v in before.items() if v is not None}
