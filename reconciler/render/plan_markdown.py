"""A plan as Markdown for a comment on a pull request: summary and interruptions first, then a fold for each wizard.

Never longer than the limit: what does not fit is counted, and the comment says how to see it. Not done here: posting.
"""

from __future__ import annotations

from reconciler.plan.change import Action, Change, Plan
from reconciler.plan.resource import Process
from reconciler.render.markdown import code_span, inline
from reconciler.render.names import commit_name, process_name
from reconciler.render.notes import never_touched, notes, refusal_title
from reconciler.render.outline import Group, group_lines, groups, waiting_groups
from reconciler.render.page import Page
from reconciler.render.paint import diff_line
from reconciler.render.safe import plain, shorten
from reconciler.render.wording import action_counts, counts_text, restart_reason, summary_line

_LINE_LIMIT = 400


def plan_markdown(plan: Plan, *, limit: int = 60_000) -> str:
    """The whole comment, at most `limit` characters."""
    page = Page(limit)
    page.add(f"### Plan for {inline(plan.host)}, {inline(commit_name(plan.commit))}")
    page.add(f"**{inline(summary_line(plan))}**")
    if plan.refusals:
        page.add(f"**{refusal_title(plan)}**")
        page.add_fence([text for r in plan.refusals for text in (r.what, f"  to lift it: {r.mend}")], "text")
    page.add_items("Interruptions", interruptions(plan))
    page.add_items("Warnings", [inline(shorten(plain(warning), _LINE_LIMIT)) for warning in plan.warnings])
    for group in groups(plan.pending):
        page.add_fold(group_title(group), _lines(group, plan), "diff")
    for obstacle, group in waiting_groups(plan):
        page.add_fold(f"{group.title} {shorten(plain(obstacle), _LINE_LIMIT)}", _lines(group, plan), "diff")
    rest = [line for line in notes(plan, verbose=True) if line != never_touched(plan)]
    if rest:
        page.add_fold("Kept, or not enforced by this version", rest, "text")
    page.add(never_touched(plan))
    return page.text() or shorten(counts_text(action_counts(plan)) or "No changes.", limit)


def interruptions(plan: Plan) -> list[str]:
    """One item for each wizard that runs and will be stopped, with how long it may be away."""
    return [_interruption(change, plan.commit) for change in plan.pending if change.action in STOPPING]


STOPPING = frozenset({Action.RESTART, Action.STOP})


def _interruption(change: Change, commit: str) -> str:
    name = code_span(shorten(change.wizard or change.key, _LINE_LIMIT))
    process = change.resource
    if not isinstance(process, Process):
        return f"{name} is stopped"
    wait = f"at most {process.stop_seconds} s to stop"
    if change.renaming:
        new = "is stopped, renamed and started again" if change.renaming.stored else "is stopped"
        return f"{code_span(change.renaming.old)} {new} ({inline(process_name(process))}, {wait})"
    if change.action is Action.STOP:
        return f"{name} is stopped ({inline(process_name(process))}, {wait})"
    reason = code_span(shorten(restart_reason(change, commit), _LINE_LIMIT))
    return f"{name} restarts: {reason}. Away for {wait}, then until it answers again, usually within 10 s."


def group_title(group: Group) -> str:
    """The wizard, what happens to it as a whole, and how much."""
    counts = action_counts(Plan("", "", group.changes, ()))
    label = f" ({group.label})" if group.label else ""
    return f"{group.title}{label}: {counts_text(counts)}"


def _lines(group: Group, plan: Plan) -> list[str]:
    return [diff_line(line) for line in group_lines(group.changes, plan.commit, verbose=False)]
