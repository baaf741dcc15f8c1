"""Properties over generated plans and hosts: no digest, no escape, no way out of a fence, never over the limit."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from reconciler.plan.change import Plan
from reconciler.plan.status import HostStatus
from reconciler.render.history import HistoryLine, PassLine, history_text, why_text
from reconciler.render.plan_json import plan_json
from reconciler.render.plan_markdown import plan_markdown
from reconciler.render.plan_text import plan_text
from reconciler.render.problems import problems_json, problems_text
from reconciler.render.status_json import status_json
from reconciler.render.status_markdown import status_markdown
from reconciler.render.status_text import status_text
from reconciler.spec.position import Position, Problem, Severity
from tests.render import strategies
from tests.render.strategies import DIGEST, texts

steady = settings(deadline=None, max_examples=75, suppress_health_check=list(HealthCheck))
ANSI = re.compile(r"\x1b\[(0|1|2|31|32|33|35|1;31)m")
MARKDOWN = MarkdownIt("commonmark").enable("table").enable("strikethrough")
ALLOWED = {
    "paragraph_open", "paragraph_close", "inline", "heading_open", "heading_close", "fence", "html_block",
    "bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close",
    "table_open", "table_close", "thead_open", "thead_close", "tbody_open", "tbody_close",
    "tr_open", "tr_close", "th_open", "th_close", "td_open", "td_close",
}  # fmt: skip
INLINE = {"text", "code_inline", "strong_open", "strong_close", "softbreak"}
HTML = re.compile(r"(<details>\n<summary><code>[^<>]*</code></summary>|</details>)\n?")


def printable_lines(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


def parsed(text: str) -> list[Token]:
    """The blocks of a page; fails when anything is in it that we do not write ourselves."""
    tokens = MARKDOWN.parse(text)
    assert {token.type for token in tokens} <= ALLOWED
    for token in tokens:
        assert {child.type for child in token.children or ()} <= INLINE
        assert token.type != "html_block" or HTML.fullmatch(token.content)
        outside = [child.content for child in token.children or () if child.type == "text"]
        assert not re.search(r"://|www\.|@|[<&#]", "".join(outside))
    return tokens


def folds_are_closed(tokens: list[Token]) -> bool:
    """Each fold opens, holds one fence, and closes: a fence that does not end would swallow its close."""
    shape = "".join(
        "?" if t.type == "fence" else _SHAPE[t.content[:9]] for t in tokens if t.type in ("html_block", "fence")
    )
    return re.fullmatch(r"[?]?(<[?]>)*", shape) is not None


_SHAPE = {"<details>": "<", "</details": ">"}


@steady
@given(strategies.plans)
def test_no_digest_appears_anywhere(plan: Plan) -> None:
    shown = [plan_text(plan), plan_text(plan, verbose=True), plan_markdown(plan), plan_json(plan)]
    assert not any(DIGEST in text for text in shown)


@steady
@given(strategies.plans, st.booleans())
def test_a_plan_reaches_the_terminal_without_escapes(plan: Plan, verbose: bool) -> None:
    assert printable_lines(plan_text(plan, verbose=verbose))
    assert printable_lines(ANSI.sub("", plan_text(plan, verbose=verbose, colour=True)))
    assert printable_lines(plan_json(plan))
    assert plan_text(plan, verbose=verbose) == ANSI.sub("", plan_text(plan, verbose=verbose, colour=True))


@steady
@given(strategies.plans)
def test_a_comment_holds_only_our_own_markdown(plan: Plan) -> None:
    text = plan_markdown(plan)
    tokens = parsed(text)
    assert printable_lines(text)
    assert sum(token.type == "heading_open" for token in tokens) == 1
    assert folds_are_closed(tokens)


@steady
@given(strategies.plans, st.integers(0, 3_000))
def test_a_comment_never_exceeds_its_limit_and_stays_whole(plan: Plan, limit: int) -> None:
    text = plan_markdown(plan, limit=limit)
    assert len(text) <= limit
    assert folds_are_closed(parsed(text))


@steady
@given(strategies.hosts, st.integers(60, 200), st.booleans())
def test_a_status_is_safe_in_every_form(status: HostStatus, width: int, verbose: bool) -> None:
    assert printable_lines(status_text(status, width=width, verbose=verbose))
    assert printable_lines(ANSI.sub("", status_text(status, width=width, verbose=verbose, colour=True)))
    assert printable_lines(status_json(status, volatile=True))
    page = status_markdown(status)
    assert printable_lines(page)
    tokens = parsed(page)
    rows = sum(token.type == "tr_open" for token in tokens)
    assert rows == (1 + len(status.wizards) if status.wizards else 0)
    assert sum(token.type in ("td_open", "th_open") for token in tokens) == 8 * rows


history_lines = st.builds(
    HistoryLine,
    pass_id=st.integers(1, 3),
    at=texts,
    wizard=st.none() | texts,
    key=texts,
    operation=texts | st.just("seen"),
    action=st.sampled_from(["create", "restart", ""]) | texts,
    commit=texts,
    reason=texts,
    fields=st.lists(st.tuples(texts, texts, texts), max_size=2).map(tuple),
    result=st.sampled_from(["done", "failed", ""]) | texts,
    detail=texts,
)
pass_lines = st.builds(PassLine, st.integers(1, 3), texts, texts, texts, texts, texts, texts)


@steady
@given(st.lists(pass_lines, max_size=3), st.lists(history_lines, max_size=6), texts)
def test_history_is_safe(passes: list[PassLine], lines: list[HistoryLine], name: str) -> None:
    for text in (history_text(passes, lines, colour=True), why_text(name, lines, colour=True)):
        assert printable_lines(ANSI.sub("", text))


problems = st.builds(
    Problem,
    st.builds(Position, texts, st.integers(1, 99), st.integers(1, 99)),
    texts,
    texts,
    st.sampled_from(Severity),
    texts,
)


@steady
@given(st.lists(problems, max_size=4))
def test_problems_are_safe(found: list[Problem]) -> None:
    assert printable_lines(ANSI.sub("", problems_text(found, colour=True)))
    assert printable_lines(problems_json(found))
    assert len(problems_text(found).splitlines()) == (len(found) + 1 if found else 0)
