"""A plan for the eyes of strangers: what stands on the host is shown only where Git has put it there.

A pull request may declare any key of a file that agents write, and its plan would tell what stands there now:
somebody's token, a line of a soul. That is right for whoever runs `plan` on the host, and wrong for whoever can open a
pull request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.plan.change import Change, FieldChange, Plan
from reconciler.plan.fields import MODE
from reconciler.plan.held import Held
from reconciler.plan.value import FieldPath, Known, Value, known

UNSHOWN = known("<only on the host>")
"""Stands for a value that is not told."""


def sealed(plan: Plan, held: Mapping[str, Held]) -> Plan:
    """The plan without live values that we have not applied from Git ourselves; secrets are hidden anyway."""
    return replace(plan, changes=tuple(_sealed(change, held.get(change.key)) for change in plan.changes))


def _sealed(change: Change, entry: Held | None) -> Change:
    applied = dict(entry.fields) if entry else {}
    return replace(change, fields=tuple(_field(field, applied) for field in change.fields))


def _field(field: FieldChange, applied: Mapping[FieldPath, Value]) -> FieldChange:
    ours = applied.get(field.path) == field.before or field.before == field.after or field.path == MODE
    return field if ours or not isinstance(field.before, Known) else replace(field, before=UNSHOWN)
