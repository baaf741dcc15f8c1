"""A plan as a page shows it: sections of marked lines, what will be interrupted, and what stands in the way.

The words and the order are those of `reconciler plan`. Not done here: HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.plan.change import Action, Change, Disposition, Plan
from reconciler.plan.resource import Process
from reconciler.render.names import commit_name, process_name
from reconciler.render.notes import never_touched, notes, refusal_title
from reconciler.render.outline import Group, group_lines, groups, waiting_groups
from reconciler.render.paint import Line, Mark
from reconciler.render.wording import action_counts, counts_text, restart_reason, summary_line

KINDS = {Mark.ADD: "add", Mark.CHANGE: "change", Mark.REMOVE: "remove", Mark.ACT: "act", Mark.NONE: "none"}
WORDS = {"add": "added", "change": "changed", "remove": "removed", "act": "interrupted", "none": ""}
_STOPPING = frozenset({Action.RESTART, Action.STOP})
_VERBOSE = re.compile(r"[;,]? ?\(?-v (shows|names) (each|all)\)?")
"""What only the command line can do; the page has a link for it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `kind` is a class of the style sheet, `said` the mark in words for who can't see it."""

    kind: str
    sign: str
    said: str
    text: str
    note: str
    depth: int


@dataclass(frozen=True, slots=True)
class Section:
    """What belongs to one wizard. `tone`: "", "held" or "blocked"; `obstacle` says why."""

    title: str
    label: str
    wizard: str | None
    tone: str
    obstacle: str
    counts: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class PlanView:
    commit: str
    summary: str
    refused: str
    refusals: tuple[tuple[str, str], ...]
    interruptions: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    sections: tuple[Section, ...]
    notes: tuple[str, ...]
    never: str
    pending: bool
    short: bool
    """Whether something was left out that `verbose` shows."""


def plan_view(plan: Plan, *, verbose: bool = False) -> PlanView:
    sections = (
        *(_section(group, plan, verbose) for group in groups(plan.pending)),
        *(_waiting(obstacle, group, plan, verbose) for obstacle, group in waiting_groups(plan)),
    )
    said = [line for line in notes(plan, verbose=verbose) if line != never_touched(plan)]
    return PlanView(
        commit=commit_name(plan.commit),
        summary=summary_line(plan),
        refused=refusal_title(plan) if plan.refusals else "",
        refusals=tuple((refusal.what, refusal.mend) for refusal in plan.refusals),
        interruptions=interruptions(plan),
        warnings=plan.warnings,
        sections=sections,
        notes=tuple(_VERBOSE.sub("", line) for line in said),
        never=never_touched(plan),
        pending=bool(plan.pending),
        short=not verbose and bool(plan.changes or said),
    )


def interruptions(plan: Plan) -> tuple[tuple[str, str], ...]:
    """(wizard, what happens to it) for each that runs and will be stopped."""
    return tuple(_interruption(change, plan.commit) for change in plan.pending if change.action in _STOPPING)


def _interruption(change: Change, commit: str) -> tuple[str, str]:
    name, process = change.wizard or change.key, change.resource
    if not isinstance(process, Process):
        return name, "is stopped"
    wait = f"at most {process.stop_seconds} s to stop"
    if change.renaming:
        new = "is stopped, renamed and started again" if change.renaming.stored else "is stopped"
        return change.renaming.old, f"{new} ({process_name(process)}, {wait})"
    if change.action is Action.STOP:
        return name, f"is stopped ({process_name(process)}, {wait})"
    away = f"Away for {wait}, then until it answers again, usually within 10 s."
    return name, f"restarts: {_VERBOSE.sub('', restart_reason(change, commit))}. {away}"


def _section(group: Group, plan: Plan, verbose: bool) -> Section:
    counts = counts_text(action_counts(Plan("", "", group.changes, ())))
    return Section(group.title, group.label, group.wizard, "", "", counts, rows(group.changes, plan.commit, verbose))


def _waiting(obstacle: str, group: Group, plan: Plan, verbose: bool) -> Section:
    held = group.changes[0].disposition is Disposition.HELD
    tone, _, why = obstacle.partition(": ")
    label = "held" if held else "blocked"
    shown = rows(group.changes, plan.commit, verbose)
    return Section(group.title, label, group.wizard, label, why or tone, "", shown)


def rows(changes: Iterable[Change], commit: str, verbose: bool = False) -> tuple[Row, ...]:
    return tuple(_row(line) for line in group_lines(tuple(changes), commit, verbose=verbose))


def _row(line: Line) -> Row:
    kind = KINDS[line.mark]
    text, note = (_VERBOSE.sub("", part) for part in (line.text, line.note))
    return Row(kind, line.mark.value.strip(), WORDS[kind], text, note, line.depth)
