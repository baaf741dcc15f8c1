"""What a plan's text must say whatever its wording is."""

from __future__ import annotations

from dataclasses import replace

from reconciler.plan.change import Action, Cause
from reconciler.plan.value import known
from reconciler.render.plan_json import plan_document
from reconciler.render.plan_text import plan_text
from tests.render import plans
from tests.render.plans import CHANGED, change, config, field, plan, soul


def test_a_first_plan_of_three_wizards_fits_a_screen_of_24_lines_and_100_columns() -> None:
    lines = [line for line in plan_text(plans.FIRST).splitlines() if not line.startswith("warning:")]
    assert len(lines) <= 24
    assert max(len(line) for line in lines) <= 100


def test_what_is_collapsed_is_counted_and_the_flag_is_named() -> None:
    assert "6 directories, 4 files, 1 link  (new in Git; -v shows each)" in plan_text(plans.FIRST)
    assert "home/config.yaml" in plan_text(plans.FIRST, verbose=True)


def test_the_restart_line_names_fields_and_commit() -> None:
    line = "  ! restart wizard/ezra/body (port 8643 -> 8650, commit 1a2b3c4)\n"
    assert line in plan_text(plans.PORT_CHANGE)


def test_a_restart_because_of_the_host_names_no_commit() -> None:
    drift = change(
        plans.body("ezra", 8643), Action.RESTART, (plans.Reason(Cause.DRIFT, "was started with other values"),)
    )
    assert "(was started with other values)\n" in plan_text(plan(drift))


def test_an_empty_plan_says_so() -> None:
    assert plan_text(plans.EMPTY).endswith("No changes. 3 wizards on hermes-vps match commit 1a2b3c4.\n")


def test_a_plan_of_uncommitted_files_says_so() -> None:
    assert "match uncommitted files." in plan_text(replace(plans.EMPTY, commit=""))


def test_a_refusal_stands_at_the_top_and_at_the_bottom() -> None:
    text = plan_text(plans.REFUSED)
    assert text.startswith("Refused: ")
    assert "--allow-deletions 1" in text.splitlines()[-1]


def test_every_plan_says_what_is_never_touched() -> None:
    for one in plans.ALL.values():
        assert "Never touched: memories, skills, sessions, databases, logs.\n" in plan_text(one)


def test_a_difference_beyond_the_limit_stays_in_sight() -> None:
    before, after = "a" * 200 + "x", "a" * 200 + "y"
    changed = change(config("ezra", 1), Action.UPDATE, CHANGED, field(("key", "k"), known(before), known(after)))
    text = plan_text(plan(changed))
    assert "k: …aaaaaaaaaaaaaaaax -> …aaaaaaaaaaaaaaaay\n" in text


def test_a_missing_last_line_end_is_a_difference_that_shows() -> None:
    changed = change(soul("ezra"), Action.UPDATE, CHANGED, field(("text",), known("a\nb"), known("a\nb\n")))
    text = plan_text(plan(changed))
    assert "- b (no newline at the end)\n" in text
    assert "+ b\n" in text


def test_a_space_at_the_end_of_a_line_is_a_difference_that_shows() -> None:
    changed = change(soul("ezra"), Action.UPDATE, CHANGED, field(("text",), known("a\nb\n"), known("a \nb\n")))
    text = plan_text(plan(changed))
    assert "- a\n" in text
    assert "+ a\\x20\n" in text


def test_verbose_shows_values_whole() -> None:
    changed = change(config("ezra", 1), Action.UPDATE, CHANGED, field(("key", "k"), None, known("a" * 500)))
    assert "a" * 81 not in plan_text(plan(changed))
    assert "a" * 500 in plan_text(plan(changed), verbose=True)


def test_null_and_absent_differ() -> None:
    fields = (field(("key", "a"), known(None), known("x\ny")), field(("key", "b"), None, known(None)))
    text = plan_text(plan(change(config("ezra", 1), Action.UPDATE, CHANGED, *fields)))
    assert 'a: null -> "x\\ny"\n' in text
    assert "+ b: null\n" in text


def test_a_long_list_is_shown_item_by_item() -> None:
    before = [f"tool-{number}" for number in range(30)]
    changed = change(
        config("ezra", 1), Action.UPDATE, CHANGED, field(("key", "l"), known(before), known([*before[:-1], "new"]))
    )
    text = plan_text(plan(changed))
    assert "- tool-29\n" in text
    assert "+ new\n" in text
    assert "tool-3\n" not in text


def test_a_long_text_is_cut_with_a_count_and_whole_when_verbose() -> None:
    after = "".join(f"line {number}\n" for number in range(300))
    one = plan(change(soul("ezra"), Action.UPDATE, CHANGED, field(("text",), known("old\n"), known(after))))
    assert "line 299" not in plan_text(one)
    assert "more lines (-v shows all)" in plan_text(one)
    assert "line 299" in plan_text(one, verbose=True)


def test_huge_texts_are_not_compared() -> None:
    one = plan(change(soul("ezra"), Action.UPDATE, CHANGED, field(("text",), known("a\n" * 20_000), known("b\n" * 10))))
    assert "(20,000 lines -> 10 lines, too long to compare here)" in plan_text(one)


def test_many_fields_are_cut_with_a_count() -> None:
    fields = tuple(field(("key", f"k{number}"), known(1), known(2)) for number in range(25))
    one = plan(change(config("ezra", 1), Action.UPDATE, CHANGED, *fields))
    assert "… 5 more fields (-v shows all)" in plan_text(one)
    assert "k24: 1 -> 2" in plan_text(one, verbose=True)


def test_a_value_that_becomes_a_secret_is_masked_on_both_sides() -> None:
    env, key = plans.env("ezra"), ("key", "ANTHROPIC_API_KEY")
    one = plan(change(env, Action.UPDATE, CHANGED, field(key, known("sk-in-the-open"), plans.NEW_SECRET)))
    assert "sk-in-the-open" not in plan_text(one, verbose=True) + str(plan_document(one))
    assert "ANTHROPIC_API_KEY: (secret, changed)" in plan_text(one)


def test_the_document_counts_what_would_be_done_and_what_waits() -> None:
    summary = plan_document(plans.WAITING)["summary"]
    assert isinstance(summary, dict)
    assert {name: number for name, number in summary.items() if number} == {"held": 2, "blocked": 1}


def test_the_document_tells_absent_from_null_and_secret() -> None:
    fields = (field(("key", "a"), None, known(None)), field(("key", "b"), plans.OLD_SECRET, plans.OLD_SECRET))
    document = plan_document(plan(change(config("ezra", 1), Action.UPDATE, CHANGED, *fields)))
    changes = document["changes"]
    assert isinstance(changes, list)
    assert isinstance(changes[0], dict)
    shown = changes[0]["fields"]
    assert isinstance(shown, list)
    assert [(f["before"], f["after"]) for f in shown if isinstance(f, dict)] == [
        (None, {"value": None}),
        ({"secret": True, "changed": False}, {"secret": True, "changed": False}),
    ]
