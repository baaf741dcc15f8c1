"""The one comment that a host keeps on a pull request: its plan, or why there is none, and what it was made for.

The first line is the host's mark, the second says for machines what the comment was made for. Everything that comes
from the pull request or the host is shown as code or as plain words, so that it can neither end a fence nor call
anybody. Not done here: posting, deciding.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from reconciler.plan.change import Action, Change, Operation, Plan
from reconciler.plan.resource import Process
from reconciler.render.markdown import code_span, inline
from reconciler.render.names import counted, short_commit
from reconciler.render.notes import never_touched, notes, refusal_title
from reconciler.render.outline import Group, group_lines, groups, waiting_groups
from reconciler.render.page import Page
from reconciler.render.paint import diff_line
from reconciler.render.plan_markdown import STOPPING, group_title, interruptions
from reconciler.render.problems import in_order, problem_counts
from reconciler.render.safe import plain, shorten
from reconciler.render.wording import action_counts, counts_text, summary_line, waiting_text
from reconciler.spec.position import Problem, Severity

LIMIT = 65_000
"""Bytes. A forge on MySQL keeps a comment in 65,535 of them."""
STALE = "stale"
_HEAD_ROOM = 1_000
"""Bytes for mark, stamp and the banner of a stale comment."""
_OPEN_LINES = 30
"""So many lines of changes are shown unfolded."""
_LINE = 400
_NAMED = 8
_NOTICES = 12
_THIS = "this pull request"
_STAMP = re.compile(r"<!-- made for head=([0-9a-f]*) base=([0-9a-f]*) plan=([0-9a-z]+) -->")
_BANNER = "> **Out of date:** "
_CUT = "This was cut to fit into a comment; `reconciler plan --fleet DIR` on the host shows everything."


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a comment was made for: two commits, and a digest of the plan (`STALE` once something of it moved)."""

    head: str
    base: str
    plan: str


@dataclass(frozen=True, slots=True)
class Proposed:
    """What a pull request would be merged into. `notices` are what a reviewer must know before all else, as text."""

    host: str
    branch: str
    head: str
    base: str
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds that a started wizard must hold, and that a canary must hold besides."""

    hold: float = 10.0
    soak: float = 30.0


def mark(host: str) -> str:
    """The first line of the host's comment."""
    return f"<!-- reconciler/plan {host} -->"


def whole(host: str, stamp: Stamp, body: str) -> str:
    """The comment as it is posted."""
    return f"{mark(host)}\n<!-- made for head={stamp.head} base={stamp.base} plan={stamp.plan} -->\n\n{body}\n"


def read_stamp(text: str) -> Stamp | None:
    """What an earlier comment was made for; None when it does not say."""
    lines = text.splitlines()
    found = _STAMP.fullmatch(lines[1].strip()) if len(lines) > 1 else None
    return Stamp(*found.groups()) if found else None


def read_body(text: str) -> str:
    """The comment without mark and stamp."""
    return "\n".join(text.splitlines()[2:]).strip()


def stale_comment(host: str, text: str, why: str) -> str:
    """The comment with a banner on top that says what moved."""
    stamp, body = read_stamp(text) or Stamp("", "", STALE), read_body(text)
    if body.startswith(_BANNER):
        body = body.partition("\n")[2].lstrip()
    banner = f"{_BANNER}{inline(shorten(plain(why), _LINE))}. What follows was planned before that."
    return whole(host, replace(stamp, plan=STALE), f"{banner}\n\n{body}")


def status_words(plan: Plan) -> str:
    """`2 to add, 1 to restart`, for a commit status."""
    counts = counts_text(action_counts(plan)) or "nothing to change"
    waiting = waiting_text(plan)
    return f"{counts}; {waiting}" if waiting else counts


def plan_comment(about: Proposed, plan: Plan, pace: Pace, limit: int = LIMIT) -> str:
    """What merging would do to the host: what it interrupts first, then by wizard."""
    plan = replace(plan, commit=_THIS)
    room = limit
    while True:
        text = _plan_page(about, plan, pace, room)
        size = len(text.encode())
        if size <= limit - _HEAD_ROOM:
            return text
        room = min(room - 1_000, room * (limit - _HEAD_ROOM) // size)


def invalid_comment(about: Proposed, problems: Sequence[Problem], limit: int = LIMIT) -> str:
    """Why the merge result is no valid fleet: every error with its place and mend."""
    ordered = sorted(in_order(problems), key=lambda problem: problem.severity is Severity.WARNING)
    page = _page(about, limit // 2)
    page.add(f"**{problem_counts(problems)}: the fleet would not be valid, and nothing of it would be applied.**")
    page.add_fence([shorten(plain(str(problem)), _LINE) for problem in ordered], "text")
    return page.text()


def conflict_comment(about: Proposed, paths: Sequence[str], limit: int = LIMIT) -> str:
    page = _page(about, limit // 2)
    page.add(f"**It can't be merged: {counted(len(paths), 'file')} in conflict.** Nothing was planned.")
    page.add_fence([shorten(plain(path), _LINE) for path in paths], "text")
    return page.text()


def trouble_comment(about: Proposed, title: str, lines: Sequence[str], limit: int = LIMIT) -> str:
    """`title` are words of ours; `lines` say what is wrong and how to mend it."""
    page = _page(about, limit // 2)
    page.add(f"**{title}**")
    page.add_fence([shorten(plain(line), 4 * _LINE) for line in lines], "text")
    return page.text()


def _page(about: Proposed, limit: int) -> Page:
    page = Page(limit, _CUT)
    head, base = code_span(short_commit(about.head)), code_span(short_commit(about.base))
    page.add(f"### Plan for {inline(about.host)}: the merge of {head} into {code_span(about.branch)} ({base})")
    notices = [inline(shorten(plain(notice), _LINE)) for notice in about.notices[:_NOTICES]]
    if len(about.notices) > _NOTICES:
        notices.append(f"and {len(about.notices) - _NOTICES} more like these")
    page.add_items("Look closely", notices)
    return page


def _plan_page(about: Proposed, plan: Plan, pace: Pace, limit: int) -> str:
    page = _page(about, limit - _HEAD_ROOM)
    page.add(f"**{inline(summary_line(plan))}**")
    if plan.refusals:
        page.add(f"**{refusal_title(plan)}**")
        page.add_fence([text for r in plan.refusals for text in (r.what, f"  to lift it: {r.mend}")], "text")
    lead = _lead(plan, pace)
    if lead:
        page.add(lead)
    page.add_items("Interruptions", interruptions(plan))
    page.add_items("Warnings", [inline(shorten(plain(warning), _LINE)) for warning in plan.warnings])
    cut = _changes(page, plan)
    rest = [line for line in notes(plan, verbose=True) if line != never_touched(plan)]
    if rest:
        page.add_fold("Kept, or not enforced by this version", rest, "text")
    page.add(never_touched(plan))
    return "\n\n".join(filter(None, (page.text(), _left_out(cut))))


def _changes(page: Page, plan: Plan) -> list[str]:
    """Wizard by wizard, folded when it is long; returns the titles of those that did not fit whole."""
    shown = [(group_title(group), group) for group in groups(plan.pending)]
    shown += [(f"{g.title} {shorten(plain(obstacle), _LINE)}", g) for obstacle, g in waiting_groups(plan)]
    lines = [(title, group, _lines(group, plan)) for title, group in shown]
    folded = sum(len(one) for _, _, one in lines) > _OPEN_LINES
    cut = []
    for title, group, one in lines:
        fits = page.add_fold(title, one, "diff") if folded else page.add(f"**{inline(title)}**")
        if not folded:
            fits = page.add_fence(one, "diff") and fits
        if not fits:
            cut.append(group.title)
    return cut


def _lines(group: Group, plan: Plan) -> list[str]:
    return [diff_line(line) for line in group_lines(group.changes, plan.commit, verbose=False)]


def _left_out(cut: list[str]) -> str:
    if not cut:
        return ""
    names = ", ".join(code_span(shorten(name, 60)) for name in cut[:_NAMED])
    more = f" and {len(cut) - _NAMED} more" if len(cut) > _NAMED else ""
    return f"Cut or left out: {names}{more}."


def _lead(plan: Plan, pace: Pace) -> str:
    """How many wizards are interrupted, which, and roughly for how long."""
    stopping = [c for c in plan.pending if c.action in STOPPING and isinstance(c.resource, Process)]
    names = list(dict.fromkeys(c.wizard for c in stopping if c.wizard))
    if not names:
        return "No running wizard is interrupted." if plan.pending else ""
    listed = ", ".join(code_span(shorten(name, 60)) for name in names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    lead = f"**Interrupts {counted(len(names), 'running wizard')}: {listed}{more}.**"
    return f"{lead} {_away([c for c in stopping if c.action is Action.RESTART], plan, pace)}".rstrip()


def _away(restarts: list[Change], plan: Plan, pace: Pace) -> str:
    """For how long those that come back are away."""
    waits = [c.resource.stop_seconds for c in restarts if isinstance(c.resource, Process)]
    if not waits:
        return ""
    who = "It is" if len(waits) == 1 else "Each one that restarts is"
    each = f"{who} away for at most {_time(max(waits))} to stop, and about {_time(pace.hold)} until it has held."
    soaks = sum(step.operation is Operation.SOAK for step in plan.steps)
    if not soaks:
        return each
    total = sum(waits) + len(waits) * pace.hold + soaks * pace.soak
    return f"{each} They go one after the other behind a canary: at most about {_time(total)} in all."


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
