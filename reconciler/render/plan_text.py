"""A plan as text: what `reconciler plan` prints.

Not done here: looking at a terminal; `colour` is the caller's decision.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.plan.change import Disposition, Plan
from reconciler.render.names import commit_name
from reconciler.render.notes import never_touched, notes, refusal_title
from reconciler.render.outline import Group, group_lines, groups, waiting_groups
from reconciler.render.paint import Style, paint, terminal_line
from reconciler.render.safe import plain
from reconciler.render.wording import summary_line


def plan_text(plan: Plan, *, colour: bool = False, verbose: bool = False) -> str:
    """The whole plan, ending in its summary line and a line end. `verbose` shows what is otherwise counted."""
    return "\n".join(_lines(plan, colour, verbose)) + "\n"


def _lines(plan: Plan, colour: bool, verbose: bool) -> Iterator[str]:
    refused = [*_refusals(plan, colour)]
    yield from refused
    if plan.changes:
        yield paint(f"Plan for {plan.host}, {commit_name(plan.commit)}", Style.BOLD, colour)
        yield ""
    for group in groups(plan.pending):
        yield from _group(group, plan.commit, colour, verbose)
    for title, group in waiting_groups(plan):
        yield from _waiting(title, group, plan, colour, verbose)
    yield from _remarks(plan, colour, verbose)
    yield paint(summary_line(plan), Style.BOLD, colour)
    if refused:
        yield ""
        yield from refused[:-1]


def _refusals(plan: Plan, colour: bool) -> Iterator[str]:
    if not plan.refusals:
        return
    yield paint(refusal_title(plan), Style.ALERT, colour)
    for refusal in plan.refusals:
        yield f"  {plain(refusal.what)}"
        if refusal.mend:
            yield f"    to lift it: {plain(refusal.mend)}"
    yield ""


def _group(group: Group, commit: str, colour: bool, verbose: bool) -> Iterator[str]:
    label = f" ({group.label})" if group.label else ""
    yield paint(group.title, Style.BOLD, colour) + label
    for line in group_lines(group.changes, commit, verbose=verbose):
        yield terminal_line(line, colour)
    yield ""


def _waiting(title: str, group: Group, plan: Plan, colour: bool, verbose: bool) -> Iterator[str]:
    held = group.changes[0].disposition is Disposition.HELD
    yield f"{paint(group.title, Style.BOLD, colour)} {paint(title, Style.CHANGE if held else Style.ALERT, colour)}"
    for line in group_lines(group.changes, plan.commit, verbose=verbose):
        yield terminal_line(line, colour)
    yield ""


def _remarks(plan: Plan, colour: bool, verbose: bool) -> Iterator[str]:
    for warning in plan.warnings:
        yield f"{paint('warning:', Style.CHANGE, colour)} {plain(warning)}"
    if plan.warnings:
        yield ""
    lines = notes(plan, verbose=verbose)
    last = never_touched(plan)
    yield from (plain(line) if line == last else paint(line, Style.DIM, colour) for line in lines)
    yield ""
