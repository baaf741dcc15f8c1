"""A plan as a JSON document with stable keys, for `--json` and the API. Secrets are flags; digests never appear.

A value is {"value": ...} when it is known, {"secret": true, "changed": ...} when it is a secret, and null when the
field is absent. Not done here: the saved plan that apply reads back (plan/codec.py).
"""

from __future__ import annotations

from reconciler.plan.change import SIGNS, Action, Change, Disposition, FieldChange, Plan
from reconciler.plan.resource import Resource
from reconciler.plan.value import Hidden, Value
from reconciler.render.difference import name_in, shown_fields
from reconciler.render.document import Document, Json, json_text, strings
from reconciler.render.names import decode
from reconciler.render.wording import action_counts, change_title

FORMAT = 1
"""Raised when a key changes its meaning or goes away; new keys do not raise it."""


def plan_json(plan: Plan) -> str:
    """The document as text."""
    return json_text(plan_document(plan))


def plan_document(plan: Plan) -> Document:
    return {
        "format": FORMAT,
        "host": plan.host,
        "commit": plan.commit,
        "wizards": strings(plan.wizards),
        "refused": bool(plan.refusals),
        "summary": _summary(plan),
        "changes": [_change(change, plan.commit) for change in plan.changes],
        "refusals": [{"what": refusal.what, "mend": refusal.mend} for refusal in plan.refusals],
        "warnings": strings(plan.warnings),
        "unmanaged": [{"key": key, "paths": strings(paths)} for key, paths in plan.undeclared],
        "quarantined": {name: why for name, why in plan.quarantined},
        "unenforced": strings(plan.unenforced),
    }


def _summary(plan: Plan) -> Document:
    """How many changes of each action apply would make, and how many wait."""
    counts = action_counts(plan)
    waiting = [change.disposition for change in plan.waiting]
    numbers: Document = {action.value: counts[action] for action in Action}
    numbers["held"] = waiting.count(Disposition.HELD)
    numbers["blocked"] = waiting.count(Disposition.BLOCKED)
    return numbers


def _change(change: Change, commit: str) -> Document:
    return {
        "key": change.key,
        "wizard": change.wizard,
        "action": change.action.value,
        "sign": SIGNS[change.action],
        "title": change_title(change, commit),
        "disposition": change.disposition.value,
        "obstacle": change.obstacle,
        "reasons": [{"cause": reason.cause.value, "text": reason.text} for reason in change.reasons],
        "fields": [_field(change.resource, field) for field in shown_fields(change)],
    }


def _field(resource: Resource, field: FieldChange) -> Document:
    changed = field.before != field.after
    becomes_secret = isinstance(field.after, Hidden)
    return {
        "path": strings(field.path),
        "name": name_in(resource, field.path),
        "before": _value(field.before, becomes_secret, changed),
        "after": _value(field.after, becomes_secret, changed),
        "cause": field.cause.value,
    }


def _value(value: Value | None, becomes_secret: bool, changed: bool) -> Json:
    """A value that was open is hidden too when the same key is a secret from now on."""
    if value is None:
        return None
    if isinstance(value, Hidden) or becomes_secret:
        return {"secret": True, "changed": changed}
    return {"value": decode(value)}
