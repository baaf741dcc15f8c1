"""The comment on a pull request: what people read, that it fits, and that nothing in it can do anything."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from reconciler.plan.change import Action, Cause, Disposition, Operation, Plan, Reason, Refusal, Step
from reconciler.plan.value import known
from reconciler.render.comment import (
    LIMIT,
    STALE,
    Pace,
    Proposed,
    Stamp,
    conflict_comment,
    invalid_comment,
    mark,
    plan_comment,
    read_body,
    read_stamp,
    stale_comment,
    status_words,
    trouble_comment,
    whole,
)
from reconciler.spec.position import Position, Problem, Severity
from tests.render import plans

HEAD, BASE = "5f12fd218608a1b8c825bb2300b6784b42f55ee0", "4e34a47afca7abaeb912f376b319b601e23bdb99"
ABOUT = Proposed("hermes-vps", "main", HEAD, BASE)
FORK = replace(ABOUT, notices=("It comes from a fork", "It changes the policy: max_restarts 5 -> 50"))
PACE = Pace()
EVIL = "``` </summary></details> @sovereign <img src=x onerror=alert(1)> ![](http://evil/) [x](http://evil/) #1 `@you`"


def uncommitted(plan: Plan) -> Plan:
    return replace(plan, commit="uncommitted")


@pytest.mark.parametrize("name", ["first", "empty", "port_change", "drifted", "secret", "waiting", "refused"])
def test_plans(name: str, snapshot: SnapshotAssertion) -> None:
    assert plan_comment(FORK if name == "refused" else ABOUT, uncommitted(plans.ALL[name]), PACE) == snapshot


def test_a_codebase_that_moves_behind_a_canary(snapshot: SnapshotAssertion) -> None:
    changes = [
        plans.change(plans.body(name, port), Action.RESTART, (Reason(Cause.NEEDS, "codebase 0.18.2 -> 0.19.0"),))
        for name, port in (("allegro", 8644), ("ezra", 8643))
    ]
    steps = (Step("1", Operation.SOAK, changes[0].key, "allegro"),)
    assert plan_comment(ABOUT, replace(uncommitted(plans.plan(*changes)), steps=steps), PACE) == snapshot


def test_why_there_is_no_plan(snapshot: SnapshotAssertion) -> None:
    problems = (
        Problem(Position("fleet/a.yaml", 3, 7), "port 8643 is ezra's", "take 8650", Severity.WARNING),
        Problem(Position("fleet/b.yaml", 12, 1), "unknown key `modle`", "did you mean model?"),
    )
    assert invalid_comment(ABOUT, problems) == snapshot
    assert conflict_comment(FORK, ("fleet/a.yaml", "fleet/`x`.yaml")) == snapshot
    assert (
        trouble_comment(ABOUT, "It could not be planned now.", ("the remote is away", "  to mend it: wait")) == snapshot
    )


def test_words_for_a_status() -> None:
    assert [status_words(plans.ALL[name]) for name in ("empty", "port_change", "waiting", "refused")] == [
        "nothing to change",
        "1 to change, 1 to restart",
        "nothing to change; 2 held, 1 blocked",
        "1 to store in the attic, 1 to stop",
    ]


def test_what_a_comment_was_made_for_can_be_read_again() -> None:
    stamp = Stamp(HEAD, BASE, "0123456789abcdef")
    text = whole("hermes-vps", stamp, "### Plan\n\nbody")
    assert text.startswith(mark("hermes-vps") + "\n")
    assert read_stamp(text) == read_stamp(text.replace("\n", "\r\n")) == stamp
    assert read_body(text) == read_body(text.replace("\n", "\r\n")) == "### Plan\n\nbody"
    assert read_stamp("### Plan\n\nbody") is None


def test_a_stale_comment_says_what_moved_once() -> None:
    text = whole("hermes-vps", Stamp(HEAD, BASE, "0123456789abcdef"), "### Plan\n\nbody")
    stale = stale_comment("hermes-vps", text, "main moved from 1a2b3c4 to 5d6e7f8")
    banner = "> **Out of date:** main moved from 1a2b3c4 to 5d6e7f8. What follows was planned before that."
    assert read_body(stale) == f"{banner}\n\n### Plan\n\nbody"
    assert read_stamp(stale) == Stamp(HEAD, BASE, STALE)
    assert stale_comment("hermes-vps", stale, "main moved from 1a2b3c4 to 5d6e7f8") == stale
    again = stale_comment("hermes-vps", stale, "the host changed")
    assert again.count("Out of date") == 1
    assert "the host changed" in again


def test_a_huge_plan_is_cut_and_says_what_is_missing() -> None:
    changes = [
        plans.change(
            plans.config(f"wizard-{n}", 8000 + n),
            Action.UPDATE,
            plans.CHANGED,
            *(plans.field(("key", f"key_{k}"), known("é" * 30), known("ü" * 30)) for k in range(20)),
        )
        for n in range(400)
    ]
    text = plan_comment(ABOUT, uncommitted(plans.plan(*changes)), PACE)
    assert LIMIT // 2 < len(text.encode()) < LIMIT - 500
    assert "This was cut to fit into a comment" in text
    assert re.search(r"Cut or left out: `wizard-\d+`, .* and \d+ more\.", text)
    assert text.count("<details>") == text.count("</details>")
    stamp = Stamp(HEAD, BASE, "0123456789abcdef")
    assert len(stale_comment("hermes-vps", whole("hermes-vps", stamp, text), "é" * 2000).encode()) < LIMIT


def test_many_notices_leave_room_for_the_plan() -> None:
    about = replace(ABOUT, notices=tuple(f"Its commits lift a limit: {'x' * 5000} {n}" for n in range(500)))
    text = plan_comment(about, uncommitted(plans.PORT_CHANGE), PACE)
    assert "and 488 more like these" in text
    assert "1 to change, 1 to restart" in text


def outside_code(text: str) -> str:
    """What a renderer would read as Markdown or HTML: the text without fences and code spans."""
    kept, fence = [], ""
    for line in text.splitlines():
        ticks = re.match(r"`{3,}", line)
        if fence:
            fence = "" if line == fence else fence
        elif ticks:
            fence = ticks[0]
        else:
            kept.append(re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", line))
    assert not fence
    return "\n".join(kept)


def hostile(words: str) -> list[str]:
    stranger = plans.config("ezra", 8643)
    change = plans.change(
        stranger,
        Action.UPDATE,
        (Reason(Cause.CHANGED, words),),
        plans.field(("key", words), known(words), known([words])),
        plans.field(("key", "text"), known(f"a\n{words}\n"), known(f"{words}\nb\n")),
        obstacle=words,
    )
    restart = plans.change(
        plans.body("ezra", 8643),
        Action.RESTART,
        (Reason(Cause.NEEDS, words),),
        plans.field(("config.yaml", words), known(words), known(words + "x")),
    )
    held = replace(change, key="wizard/bob/file", wizard="bob", disposition=Disposition.HELD)
    plan = replace(
        uncommitted(plans.plan(change, restart, held, refusals=(Refusal(words, words),), warnings=(words,))),
        quarantined=(("ezra", words),),
        unenforced=(words,),
        undeclared=((words, (words,)),),
    )
    about = replace(ABOUT, branch=words, notices=(words,))
    problem = Problem(Position(words, 1, 1), words, words)
    return [
        plan_comment(about, plan, PACE),
        invalid_comment(about, (problem,)),
        conflict_comment(about, (words,)),
        trouble_comment(about, "It is refused.", (words,)),
        stale_comment("hermes-vps", whole("hermes-vps", Stamp(HEAD, BASE, "0"), "body"), words),
    ]


@given(st.one_of(st.just(EVIL), st.text(alphabet="`~<>!-[]()#@*_|\\\n\r ax&\u2028\u202e", max_size=40)))
def test_nothing_breaks_out_of_code(words: str) -> None:
    """Whatever it holds, outside of code there are no words of the pull request that mean anything."""
    for text in hostile(words):
        left = outside_code(text)
        for known_html in ("<details>", "</details>", "<code>", "</code>", "<summary>", "</summary>"):
            left = left.replace(known_html, "")
        left = re.sub(r"<!-- (reconciler/plan|made for) [^>]*-->", "", left)
        left = re.sub(r"&(lt|gt|amp|quot|#x27);", "", left)
        assert not re.search(r"[@<]|!\[|\]\(|https?:|(?<=\s)#\d", left), left
