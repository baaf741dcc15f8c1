"""The words of one change, and of the plan as a whole: titles, reasons, the summary line.

Not done here: order and grouping (outline.py).
"""

from __future__ import annotations

from collections import Counter
from typing import assert_never

from reconciler.plan.change import Action, Cause, Change, Copies, Disposition, FieldChange, Plan
from reconciler.plan.codebases import BESIDE, CODEBASE, beside_text, move_text
from reconciler.plan.needs import telling
from reconciler.plan.resource import KeyedFile, Process, Symlink, TextFile
from reconciler.plan.value import Hidden
from reconciler.render.difference import cause_text, name_in, shown_fields
from reconciler.render.document import Json
from reconciler.render.names import (
    commit_name,
    counted,
    decode,
    pair_text,
    process_name,
    resource_name,
    short_input_name,
    value_text,
)
from reconciler.render.safe import plain
from reconciler.render.text_diff import text_lines

_FROM_GIT = frozenset({Cause.DECLARED, Cause.CHANGED, Cause.REMOVED})
_PARTS = 3
"""Fields that the line of a restart names; the others are counted."""
_COUNTED = (
    (Action.CREATE, "to add"),
    (Action.CLAIM, "to claim"),
    (Action.UPDATE, "to change"),
    (Action.DELETE, "to remove"),
    (Action.RELEASE, "to release"),
    (Action.STORE, "to store in the attic"),
    (Action.RETURN, "to return from the attic"),
    (Action.RENAME, "to rename"),
    (Action.STOP, "to stop"),
    (Action.START, "to start"),
    (Action.RESTART, "to restart"),
    (Action.PROVE, "to prove"),
)


def change_title(change: Change, commit: str) -> str:
    """What is done to what: `file home/config.yaml`, `restart wizard/ezra/body (port 8643 -> 8650, commit 1a2b3c4)`."""
    resource = change.resource
    match change.action:
        case Action.CREATE | Action.UPDATE | Action.DELETE:
            return resource_name(resource) + (_size(change) if change.action is Action.CREATE else "")
        case Action.CLAIM | Action.RELEASE:
            return f"{change.action.value} {resource_name(resource)}"
        case Action.START | Action.STOP | Action.RESTART | Action.PROVE:
            return f"{change.action.value} {plain(change.key)}{_in_brackets(change, commit)}"
        case Action.STORE | Action.RETURN:
            return _attic_title(change)
        case Action.RENAME:
            return _rename_title(change)
        case _ as never:
            assert_never(never)


def _in_brackets(change: Change, commit: str) -> str:
    if change.action is Action.RESTART:
        return f" ({restart_reason(change, commit)})"
    if change.action is Action.START and isinstance(change.resource, Process):
        return f" ({process_name(change.resource)})"
    return ""


def _attic_title(change: Change) -> str:
    verb, word = ("store", "in") if change.action is Action.STORE else ("return", "from")
    if change.stored is None:
        return f"{verb} {plain(change.key)} {word} the attic"
    return plain(f"{verb} {change.stored.original} {word} the attic ({change.stored.path})")


def _rename_title(change: Change) -> str:
    if change.renaming is None:
        return f"rename {plain(change.key)}"
    return plain(f"rename {change.renaming.old} -> {change.renaming.new}")


def change_note(change: Change) -> str:
    """The reason; a restart carries it in its title, a folder that goes to the attic says that nothing is lost."""
    if change.action is Action.RESTART:
        return ""
    kept = "; memories and sessions stay in it" if change.action is Action.STORE else ""
    back = "; databases are put back" if change.databases is Copies.PUT_BACK else ""
    return _reasons(change) + kept + back


def _reasons(change: Change) -> str:
    texts = [plain(reason.text) or cause_text(reason.cause) for reason in change.reasons]
    return "; ".join(dict.fromkeys(texts))


def _size(change: Change) -> str:
    match change.resource:
        case TextFile(text=text):
            return f" ({counted(len(text_lines(text)), 'line')})"
        case KeyedFile(keys=keys):
            return f" ({counted(len(keys), 'key')})"
        case Symlink(target=target):
            return f" -> {plain(target)}"
        case _:
            return ""


def restart_reason(change: Change, commit: str) -> str:
    """`port 8643 -> 8650, commit 1a2b3c4`: the fields that it starts with anew, then what stands behind them."""
    fields = telling(shown_fields(change)) if change.fields else ()
    if not fields:
        reasons = _reasons(change)
        back = any(reason.cause is Cause.BACK for reason in change.reasons)
        return f"{reasons}, {commit_name(commit)}" if _from_git(change) and not back else reasons
    parts = [_part(change, field) for field in fields[:_PARTS]]
    if len(fields) > _PARTS:
        parts.append(f"{len(fields) - _PARTS} more (-v shows each)")
    parts += [plain(reason.text) for reason in change.reasons if reason.cause is Cause.TURN]
    parts += ["databases are put back"] if change.databases is Copies.PUT_BACK else []
    if _from_git(change) and not any(reason.cause is Cause.BACK for reason in change.reasons):
        parts.append(commit_name(commit))
    apart = [r for r in change.reasons if r.cause not in _FROM_GIT | {Cause.NEEDS, Cause.DRIFT, Cause.TURN}]
    parts += [plain(reason.text) or cause_text(reason.cause) for reason in apart]
    if any(field.cause is Cause.DRIFT for field in fields):
        parts.append(cause_text(Cause.DRIFT))
    return ", ".join(dict.fromkeys(parts))


def _part(change: Change, field: FieldChange) -> str:
    name = short_input_name(field.path)
    if sum(short_input_name(other.path) == name for other in change.fields) > 1:
        name = name_in(change.resource, field.path)
    if isinstance(field.after, Hidden) or isinstance(field.before, Hidden):
        return f"{name} changed"
    if field.before is None:
        return f"{name} added" if field.after is None else f"{name} {value_text(decode(field.after), limit=40)} added"
    if field.after is None:
        return f"{name} removed"
    if field.path == CODEBASE:
        return f"{name} {move_text(str(decode(field.before)), str(decode(field.after)))}"
    if field.path == BESIDE:
        return beside_text(*(_texts(decode(value)) for value in (field.before, field.after)))
    old, new = pair_text(decode(field.before), decode(field.after), limit=40)
    return f"{name} {old} -> {new}"


def _texts(value: Json) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _from_git(change: Change) -> bool:
    causes = {field.cause for field in change.fields} or {reason.cause for reason in change.reasons}
    return bool(causes & (_FROM_GIT | {Cause.NEEDS}))


def action_counts(plan: Plan) -> Counter[Action]:
    """How many changes of each action apply would make."""
    return Counter(change.action for change in plan.pending)


def counts_text(counts: Counter[Action]) -> str:
    """`12 to add, 3 to change, 1 to restart`; "" for none."""
    return ", ".join(f"{counts[action]} {words}" for action, words in _COUNTED if counts[action])


def waiting_text(plan: Plan) -> str:
    """`2 held, 1 blocked`; "" for none."""
    counts = Counter(change.disposition for change in plan.waiting)
    order = (Disposition.HELD, Disposition.BLOCKED)
    return ", ".join(f"{counts[disposition]} {disposition.value}" for disposition in order if counts[disposition])


def summary_line(plan: Plan) -> str:
    """`Plan: 12 to add, 1 to restart.`, or that nothing changes."""
    counts, waiting = counts_text(action_counts(plan)), waiting_text(plan)
    later = f" Waiting: {waiting}." if waiting else ""
    if plan.quarantined:
        later += f" Quarantined: {plain(', '.join(name for name, _ in plan.quarantined))}."
    if counts:
        return f"Plan: {counts}.{later}"
    if later:
        return f"Nothing to apply.{later}"
    host, commit = plain(plan.host), commit_name(plan.commit)
    if not plan.wizards:
        return f"No changes. {host} matches {commit}."
    verb = "matches" if len(plan.wizards) == 1 else "match"
    return f"No changes. {counted(len(plan.wizards), 'wizard')} on {host} {verb} {commit}."
