"""The lines under a change: each field before and after, long lists and text as a diff, secrets masked.

Not done here: the line of the change itself (outline.py), comparing text (text_diff.py), colour (paint.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.plan.change import Action, Cause, Change, FieldChange
from reconciler.plan.fields import MODE, wanted_fields
from reconciler.plan.resource import KeyedFile, Process, Resource
from reconciler.plan.value import FieldPath, Hidden, Known, SecretRef, Value
from reconciler.render.document import Json
from reconciler.render.inside import inside
from reconciler.render.names import (
    VALUE_LIMIT,
    counted,
    decode,
    field_name,
    full_text,
    input_name,
    pair_text,
    value_text,
)
from reconciler.render.paint import Line, Mark
from reconciler.render.safe import plain, shorten
from reconciler.render.text_diff import LINE_LIMIT, MORE, difference_lines, text_lines

WHOLE = 1_000_000
"""Characters of one value when everything is asked for."""
FIELD_LIMIT = 20
"""Fields of one change that are shown unless everything is asked for."""


_QUIET = frozenset(Action) - {Action.UPDATE, Action.CLAIM, Action.RELEASE}
"""What happens to a whole resource: the line of the change says it."""


def shown_fields(change: Change) -> tuple[FieldChange, ...]:
    """Fields for people and documents: never the digest of a process's inputs. A first creation
    or start that carries none shows what its resource wants."""
    first = bool(change.reasons) and all(reason.cause is Cause.DECLARED for reason in change.reasons)
    if not change.fields and first and change.action in (Action.CREATE, Action.START):
        wanted = wanted_fields(change.resource, {})
        return tuple(FieldChange(path, None, value, Cause.DECLARED) for path, value in wanted)
    digest = ("inputs",) if isinstance(change.resource, Process) else None
    return tuple(field for field in change.fields if field.path != digest)


def name_in(resource: Resource, path: FieldPath) -> str:
    """The field's readable name in this kind of resource."""
    return input_name(path) if isinstance(resource, Process) else field_name(path)


_QUIET = frozenset(Action) - {Action.UPDATE, Action.CLAIM, Action.RELEASE}


def field_lines(change: Change, *, verbose: bool) -> list[Line]:
    """Every field of the change. What a new or removed resource holds is left to `verbose`."""
    if change.action in _QUIET and not verbose:
        return []
    fields = shown_fields(change)
    kept = fields if verbose else fields[:FIELD_LIMIT]
    lines = [line for field in kept for line in _lines_of(change, field, verbose)]
    if len(kept) < len(fields):
        lines.append(_note(f"… {counted(len(fields) - len(kept), 'more field')} ({MORE})"))
    return lines


def _lines_of(change: Change, field: FieldChange, verbose: bool) -> Iterator[Line]:
    resource = change.resource
    name, note = name_in(resource, field.path), _field_note(change, field)
    if isinstance(field.before, Hidden) or isinstance(field.after, Hidden):
        yield _secret_line(name, field, secret_source(resource, field.path), note)
        return
    before = None if field.before is None else decode(field.before)
    after = None if field.after is None else decode(field.after)
    if places := inside(before, after):
        limit = WHOLE if verbose else VALUE_LIMIT
        yield from (_place_line(f"{name}{place}", old, new, note, limit) for place, old, new in places)
    elif (items := _as_lines(field, before, after)) is not None:
        yield from difference_lines(name, *items, note, verbose)
    else:
        yield _value_line(name, field, note, WHOLE if verbose else VALUE_LIMIT)


def _place_line(name: str, before: Json, after: Json, note: str, limit: int) -> Line:
    """One difference inside a list."""
    if before is None or after is None:
        mark = Mark.ADD if before is None else Mark.REMOVE
        return Line(mark, f"{plain(name)}: {value_text(after if before is None else before, limit=limit)}", note, 1)
    old, new = pair_text(before, after, limit=limit)
    return Line(Mark.NONE, f"{plain(name)}: {old} -> {new}", note, 1)


def _value_line(name: str, field: FieldChange, note: str, limit: int) -> Line:
    before, after = (_short(field.path, value, limit) for value in (field.before, field.after))
    if field.before is None or field.after is None:
        mark = Mark.ADD if field.before is None else Mark.REMOVE
        return Line(mark, f"{name}: {after or before}", note, 1)
    if field.before == field.after:
        return Line(Mark.NONE, f"{name}: {after} (as it is)", note, 1)
    if isinstance(field.before, Known) and isinstance(field.after, Known) and field.path != MODE:
        before, after = pair_text(decode(field.before), decode(field.after), limit=limit)
    return Line(Mark.NONE, f"{name}: {before} -> {after}", note, 1)


def _field_note(change: Change, field: FieldChange) -> str:
    """Why this field, where the line of the change says more or something else."""
    texts = {reason.cause: reason.text for reason in change.reasons}
    if field.cause not in texts or field.cause is change.reasons[0].cause:
        return ""
    return texts[field.cause] or _CAUSES[field.cause]


def _short(path: FieldPath, value: Value | None, limit: int) -> str:
    """The value in one line, "" for none; permission bits stay bare."""
    match value:
        case None:
            return ""
        case Hidden():
            return "(secret)"
        case Known():
            decoded = decode(value)
            bare = path == MODE and isinstance(decoded, str)
            return shorten(str(decoded), limit) if bare else value_text(decoded, limit=limit)


_CAUSES = {
    Cause.DECLARED: "new in Git",
    Cause.CHANGED: "changed in Git",
    Cause.REMOVED: "no longer in Git",
    Cause.DRIFT: "changed on the host",
    Cause.EXISTS: "was there before",
    Cause.NEEDS: "read only at start",
    Cause.ENDED: "not running",
    Cause.ORPHAN: "runs outside its supervisor",
    Cause.REQUESTED: "asked for",
    Cause.BACK: "back to its last generation",
    Cause.TURN: "one after the other",
}


def cause_text(cause: Cause) -> str:
    return _CAUSES[cause]


def _secret_line(name: str, field: FieldChange, source: str, note: str) -> Line:
    """Says only whether a secret appears, goes, changes or stays. A value that was open is masked too when the same
    key is a secret from now on."""
    if field.after is None:
        return Line(Mark.REMOVE, f"{name}: (secret)", note, 1)
    if field.before is None:
        return Line(Mark.ADD, f"{name}: (secret{source})", note, 1)
    if isinstance(field.after, Hidden):
        state = "unchanged" if field.before == field.after else "changed"
        return Line(Mark.NONE, f"{name}: (secret, {state})", note, 1)
    return Line(Mark.NONE, f"{name}: (secret) -> {_short(field.path, field.after, VALUE_LIMIT)}", note, 1)


def secret_source(resource: Resource, path: FieldPath) -> str:
    """`, generated on this host`, `, from environment NAME`, `, from file /path`; "" when it is not known."""
    if isinstance(resource, KeyedFile):
        refs = [key.value for key in resource.keys if ("key", *key.path) == path]
    elif isinstance(resource, Process):
        refs = [key.value for key in resource.start_values if key.path == path]
    else:
        refs = []
    for ref in refs:
        if isinstance(ref, SecretRef):
            return _source_text(ref)
    return ""


def _source_text(ref: SecretRef) -> str:
    match ref.source:
        case "generate":
            return ", generated on this host"
        case "env":
            return f", from environment {ref.location}"
        case "age":
            return f", encrypted in Git as {ref.short}"
        case "pinned":
            return ", an earlier version kept on this host"
        case _:
            return f", from {ref.source} {ref.location}"


def _as_lines(field: FieldChange, before: Json, after: Json) -> tuple[list[str] | None, list[str] | None] | None:
    """Both sides as lines where that reads better than one line: text of several lines, and long lists."""
    sides = [side for value, side in ((field.before, before), (field.after, after)) if value is not None]
    if all(isinstance(side, str) for side in sides) and any("\n" in str(side) for side in sides):
        old, new = (
            None if value is None else text_lines(str(side))
            for value, side in ((field.before, before), (field.after, after))
        )
        return old, new
    if len(sides) == 2 and isinstance(before, list) and isinstance(after, list):
        old, new = [full_text(item) for item in before], [full_text(item) for item in after]
        return (old, new) if len(full_text([before, after])) > LINE_LIMIT else None
    return None


def _note(text: str) -> Line:
    return Line(Mark.NONE, text, depth=1)
