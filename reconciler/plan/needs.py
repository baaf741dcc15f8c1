"""What a process has to be started anew for, in words: one reason for each of its inputs that a person needs.

Pure; not done here: which inputs differ (diff.py), what of them a plan shows (render/).
"""

from __future__ import annotations

import json
from typing import Any

from reconciler.plan.change import Cause, FieldChange, Reason
from reconciler.plan.codebases import BESIDE, CODEBASE, PACKAGE, beside_text, move_text, version_name
from reconciler.plan.value import FieldPath, Hidden, Known, Value


def needs(changes: tuple[FieldChange, ...]) -> tuple[Reason, ...]:
    """What a process has to be started anew for, field by field."""
    return tuple(Reason(Cause.NEEDS, _need(c)) for c in telling(changes))


def telling(changes: tuple[FieldChange, ...]) -> tuple[FieldChange, ...]:
    """Those of a process's inputs that a person needs: argv and environment follow from a codebase that moves, and its
    path says nothing where name and version stay and what else has changed is known."""
    move = next((change for change in changes if change.path == CODEBASE), None)
    if move is None:
        return changes
    known_better = any(change.path in (PACKAGE, BESIDE) for change in changes)
    same = known_better and version_name(_decoded(move.before)) == version_name(_decoded(move.after))
    quiet = {"argv", "environment", *(CODEBASE if same else ())}
    return tuple(change for change in changes if change.path[0] not in quiet)


def _need(change: FieldChange) -> str:
    if change.path == BESIDE:
        return beside_text(_decoded(change.before), _decoded(change.after))
    return f"{_short(change.path)} {_pair(change)}"


def _short(path: FieldPath) -> str:
    """The last part names most inputs ("port"); environment and codebase keep their own names."""
    return path[-1]


def _pair(change: FieldChange) -> str:
    """Before and after; what becomes a secret, or was one, is shown on neither side."""
    if Hidden in (type(change.before), type(change.after)):
        return "(secret) changed" if change.before and change.after else "(secret)"
    if change.path == CODEBASE:
        return move_text(_decoded(change.before), _decoded(change.after))
    return f"{_shown(change.before)} -> {_shown(change.after)}"


def _decoded(value: Value | None) -> Any:
    return json.loads(value.text) if isinstance(value, Known) else ""


def _shown(value: Value | None) -> str:
    match value:
        case None:
            return "(none)"
        case Hidden():
            return "(secret)"
        case Known(text=text):
            return text.strip('"') if len(text) <= 80 else text[:77] + "..."
