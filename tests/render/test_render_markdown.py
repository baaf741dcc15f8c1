"""The pieces of Markdown."""

from __future__ import annotations

import pytest

from reconciler.render.markdown import cell, code_span, fence, fold, inline
from reconciler.render.plan_markdown import plan_markdown
from tests.render import plans


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, a port (8643) and model.context_length", "plain words, a port (8643) and model.context_length"),
        ("@everyone", "`@everyone`"),
        ("see https://evil.example", "`see https://evil.example`"),
        ("<b>", "`<b>`"),
        ("a `tick`", "`` a `tick` ``"),
        ("**bold**", "`**bold**`"),
        ("1. item", "`1. item`"),
        ("_x_", "`_x_`"),
        ("x_", "`x_`"),
        ("", ""),
    ],
)
def test_text_is_prose_when_it_is_plain_and_code_otherwise(text: str, shown: str) -> None:
    assert inline(text) == shown


def test_a_code_span_has_more_ticks_than_its_text() -> None:
    assert code_span("``` x") == "```` ``` x ````"


def test_a_cell_holds_no_bar() -> None:
    assert cell("a|b\\|c") == "`a\\x7cb\\\\x7cc`"


def test_a_fence_is_longer_than_any_run_of_ticks_in_it() -> None:
    assert fence(["````", "x"], "diff") == "`````diff\n````\nx\n`````"


def test_the_summary_of_a_fold_is_escaped() -> None:
    assert "<code>&lt;/summary&gt;</code>" in fold("</summary>", "body")


def test_interruptions_come_before_the_wizards() -> None:
    text = plan_markdown(plans.PORT_CHANGE)
    first = text.index("- `ezra` restarts: `port 8643 -> 8650, commit 1a2b3c4`. Away for at most 45 s to stop")
    assert first < text.index("<details>")


def test_a_comment_that_is_too_long_says_what_is_missing() -> None:
    text = plan_markdown(plans.DRIFTED, limit=600)
    assert "more lines\n```" in text
    assert text.endswith("`reconciler plan -v` shows everything.")


def test_a_comment_with_no_room_at_all_is_the_count() -> None:
    assert plan_markdown(plans.FIRST, limit=40) == "34 to add, 3 to start"
    assert plan_markdown(plans.FIRST, limit=5) == "34 t…"
