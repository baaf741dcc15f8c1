"""A plan put in the order and the words that people read, as lines without colour: text and Markdown share it.

Shared resources first, then wizard by wizard; what is held or blocked stands apart. A new wizard's many creations
become one line that counts them. Not done here: fields (difference.py), printing (plan_text.py, plan_markdown.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.plan.change import SIGNS, Action, Cause, Change, Plan
from reconciler.plan.resource import CodebaseVersion, Directory, KeyedFile, Process, Symlink, TextFile
from reconciler.render.difference import field_lines
from reconciler.render.names import counted
from reconciler.render.paint import Line, Mark
from reconciler.render.safe import plain
from reconciler.render.wording import change_note, change_title

COLLAPSE_FROM = 4
"""So many creations of one wizard are counted in one line unless everything is asked for."""


@dataclass(frozen=True, slots=True)
class Group:
    """What belongs to one wizard, or to all of them (`wizard` is None)."""

    wizard: str | None
    changes: tuple[Change, ...]

    @property
    def title(self) -> str:
        return "shared" if self.wizard is None else plain(self.wizard)

    @property
    def label(self) -> str:
        """What happens to the wizard as a whole, where something does."""
        actions = {change.action for change in self.changes}
        if self.wizard is None:
            return ""
        if Action.RENAME in actions:
            return "renamed"
        if Action.STORE in actions:
            return "removed"
        if Action.RETURN in actions:
            return "back from the attic"
        creations = [change for change in self.changes if _collapses(change)]
        fresh = len(creations) >= COLLAPSE_FROM and actions <= {Action.CREATE, Action.START}
        return "new" if fresh else ""


def groups(changes: Iterable[Change]) -> tuple[Group, ...]:
    """Shared first, then the wizards in the plan's own order."""
    by_wizard: dict[str | None, list[Change]] = {None: []}
    for change in changes:
        by_wizard.setdefault(change.wizard, []).append(change)
    return tuple(Group(wizard, tuple(found)) for wizard, found in by_wizard.items() if found)


def group_lines(changes: tuple[Change, ...], commit: str, *, verbose: bool) -> list[Line]:
    """Each change with its fields under it; many plain creations of a wizard as one line."""
    creations = tuple(change for change in changes if _collapses(change))
    hide = not verbose and len(creations) >= COLLAPSE_FROM
    lines = [_collapsed(creations)] if hide else []
    for change in changes:
        if not (hide and _collapses(change)):
            lines += change_lines(change, commit, verbose=verbose)
    return lines


def change_lines(change: Change, commit: str, *, verbose: bool) -> list[Line]:
    head = Line(Mark(SIGNS[change.action]), change_title(change, commit), change_note(change))
    return [head, *field_lines(change, verbose=verbose)]


def _collapses(change: Change) -> bool:
    """Only what Git declares for the first time: a lost file that is made again keeps its own line and reason. A
    codebase keeps it too, because installing takes time."""
    first = all(reason.cause is Cause.DECLARED for reason in change.reasons)
    special = isinstance(change.resource, CodebaseVersion | Process)
    return change.action is Action.CREATE and first and not special


def _collapsed(creations: tuple[Change, ...]) -> Line:
    counts = Counter(_kind(change) for change in creations)
    parts = [counted(number, kind, _PLURALS[kind]) for kind, number in counts.items()]
    return Line(Mark.ADD, ", ".join(parts), "new in Git; -v shows each")


_PLURALS = {"directory": "directories", "file": "files", "link": "links", "resource": "resources"}


def _kind(change: Change) -> str:
    match change.resource:
        case Directory():
            return "directory"
        case TextFile() | KeyedFile():
            return "file"
        case Symlink():
            return "link"
        case _:
            return "resource"


def waiting_groups(plan: Plan) -> tuple[tuple[str, Group], ...]:
    """Held and blocked changes by obstacle, each obstacle told once: (disposition and obstacle, changes)."""
    by_obstacle: dict[tuple[str, str], list[Change]] = {}
    for change in plan.waiting:
        by_obstacle.setdefault((change.disposition.value, change.obstacle), []).append(change)
    return tuple(
        (f"{disposition}: {obstacle}" if obstacle else disposition, group)
        for (disposition, obstacle), found in by_obstacle.items()
        for group in groups(found)
    )
