"""One resource: desired, live and last applied in, at most one change out.

The three-way rule, field by field: a field that Git declares is Git's; a key that we applied and Git no longer
declares is removed; every other key belongs to the agent. Never a change on "could not be observed". Not done here:
pauses and ports (block.py), order (order.py), and what is no longer declared (retire.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import assert_never

from reconciler.plan.change import Action, Cause, Change, Disposition, FieldChange, Reason
from reconciler.plan.codebases import CODEBASE
from reconciler.plan.fact import Absent, Fact, InTheWay, Present, ProcessFact, ProcessState, Unknown
from reconciler.plan.fields import KEY, Secrets, inputs_digest, secret_refs, wanted_fields
from reconciler.plan.held import Held, Origin
from reconciler.plan.needs import needs
from reconciler.plan.resource import CodebaseVersion, Format, KeyedFile, Process, Resource
from reconciler.plan.value import FieldPath, Fields, Hidden, Known, SecretRef, Value, known
from reconciler.spec.secret_names import key_judged
from reconciler.spec.shapes import has_shape

LIVE = frozenset({ProcessState.RUNNING, ProcessState.STARTING})
HAS_PROCESS = LIVE | {ProcessState.ORPHAN, ProcessState.BACKOFF}


def diff(resource: Resource, fact: Fact, held: Held | None, secrets: Secrets) -> Change | None:
    """The change that brings the live resource to the desired one; None when there is nothing to do."""
    obstacle = _obstacle(resource, fact, held, secrets)
    if obstacle:
        reasons = (Reason(Cause.DECLARED if held is None else Cause.CHANGED, "could not be compared"),)
        return _change(resource, Action.UPDATE, held, reasons, disposition=Disposition.BLOCKED, obstacle=obstacle)
    match fact:
        case Absent():
            return _create(resource, held, secrets)
        case Present(fields=live):
            return _update(resource, live, held, secrets)
        case ProcessFact():
            assert isinstance(resource, Process)  # noqa: S101 - observers answer a process with a process
            return _process(resource, fact, held, secrets)
        case Unknown() | InTheWay():
            return None
        case _:
            assert_never(fact)


def unmanaged(resource: Resource, fact: Fact, held: Held | None) -> tuple[str, ...]:
    """Readable paths of the keys in a shared file that belong to the agent."""
    if not isinstance(fact, Present):
        return ()
    ours = {path for path, _ in wanted_fields(resource, {})} | ({path for path, _ in held.fields} if held else set())
    return tuple(".".join(path[1:]) for path, _ in fact.fields if path[0] == KEY and path not in ours)


def _obstacle(resource: Resource, fact: Fact, held: Held | None, secrets: Secrets) -> str:
    """Why this resource can't even be compared, or ""."""
    if isinstance(fact, Unknown):
        return f"could not be observed: {fact.reason}"
    if isinstance(fact, InTheWay):
        return f"{fact.what} stands in its place; move it away"
    if isinstance(resource, Process) and not resource.run:
        return ""  # what is only to be stopped needs neither secrets nor a home
    missing = [text for ref in secret_refs(resource) if (text := _missing(ref, secrets))]
    if missing:
        return missing[0]
    before, after = _path(held.resource) if held else None, _path(resource)
    if before is not None and before != after:
        return (
            f"would move from {before} to {after}, and memories would stay behind; "
            "take the change back, or move the folder by hand while the wizard is paused"
        )
    return ""


def _missing(ref: SecretRef, secrets: Secrets) -> str:
    fact = secrets.get(ref)
    return fact.missing if fact else f"the secret {ref.short} was not looked at"


def _path(resource: Resource) -> str | None:
    return resource.home if isinstance(resource, Process) else resource.path


def _create(resource: Resource, held: Held | None, secrets: Secrets) -> Change:
    cause = Cause.DRIFT if held else Cause.DECLARED
    text = "was removed by hand" if held else "new in Git"
    fields = tuple(FieldChange(path, None, value, cause) for path, value in wanted_fields(resource, secrets))
    return _change(resource, Action.CREATE, held, (Reason(cause, text),), fields, origin=Origin.CREATED)


def _update(resource: Resource, live: Fields, held: Held | None, secrets: Secrets) -> Change | None:
    wanted = wanted_fields(resource, secrets)
    recorded = held is not None and wanted == held.fields and held.resource == resource
    if recorded and _covers(live, wanted):
        return None
    changes = tuple(_field_changes(resource, wanted, dict(live), held))
    if changes:
        return _change(resource, Action.UPDATE, held, tuple(_reasons(changes)), changes)
    if recorded:
        return None
    text = "is there already, as Git wants it" if held is None else "stands as it should; its record is made anew"
    return _change(resource, Action.CLAIM, held, (Reason(Cause.EXISTS, text),))


def _covers(live: Fields, wanted: Fields) -> bool:
    """Whether every wanted field is live with the same value."""
    if len(live) == len(wanted):
        return live == wanted
    present = dict(live)
    return all(present.get(path) == value for path, value in wanted)


def _field_changes(
    resource: Resource, wanted: Fields, live: dict[FieldPath, Value], held: Held | None
) -> Iterator[FieldChange]:
    last = dict(held.fields) if held else {}
    displaced: dict[FieldPath, Cause] = {}
    for path, after in wanted:
        before = live.get(path)
        if before == after or (after == _SECTION and _holds_others(path, live, last)):
            continue
        cause = _cause(before, after, last.get(path), held)
        yield FieldChange(path, _shown(resource, path, before, last.get(path)), after, cause)
        displaced.update((other, cause) for other in _displaced(path, live))
    declared = {path for path, _ in wanted}
    gone = {path: Cause.REMOVED for path in last if path[0] == KEY and path not in declared and path in live}
    for path, cause in sorted({**displaced, **gone}.items()):
        yield FieldChange(path, _shown(resource, path, live[path], last.get(path)), None, cause)


_SECTION = known({})
_STRANGE = Hidden("")
"""What we did not write and may be anybody's secret."""
_TO_BE_MADE = Hidden("")


def _holds_others(path: FieldPath, live: dict[FieldPath, Value], last: dict[FieldPath, Value]) -> bool:
    """Whether a section that Git wants, without keys in it, is there because of keys of the agent."""
    return any(len(other) > len(path) and other[: len(path)] == path and other not in last for other in live)


def _displaced(path: FieldPath, live: dict[FieldPath, Value]) -> Iterator[FieldPath]:
    """What can't stay beside a key that is set: a value where it needs a section, a section where it is a value."""
    if path[0] != KEY or path in live:
        return
    yield from (path[:length] for length in range(2, len(path)) if path[:length] in live)
    yield from (other for other in live if len(other) > len(path) and other[: len(path)] == path)


def _shown(resource: Resource, path: FieldPath, before: Value | None, last: Value | None) -> Value | None:
    """What is said of a value that goes. What we applied as a secret stays one, also where Git now declares the key in
    the open; and what we did not write is one in an .env, and wherever it looks like one."""
    if not isinstance(before, Known) or path[0] != KEY or not isinstance(resource, KeyedFile):
        return before
    if isinstance(last, Hidden):
        return last
    strange = before != last and (resource.format is Format.ENV or _may_be_secret(path, before))
    return _STRANGE if strange else before


def _may_be_secret(path: FieldPath, value: Known) -> bool:
    text = json.loads(value.text)
    told = has_shape(value.text) or any(key_judged(name, str(text)) is not None for name in path[1:])
    return told and not isinstance(text, bool)


def _cause(before: Value | None, after: Value, last: Value | None, held: Held | None) -> Cause:
    if held is None:
        return Cause.DECLARED if before is None else Cause.EXISTS
    if last is None:
        return Cause.DECLARED
    if after == _TO_BE_MADE:
        return Cause.REQUESTED
    return Cause.DRIFT if last == after else Cause.CHANGED


_WORDS = {
    Cause.DECLARED: "new in Git",
    Cause.CHANGED: "changed in Git",
    Cause.REMOVED: "no longer in Git",
    Cause.DRIFT: "changed by hand on the host",
    Cause.EXISTS: "was there before us",
    Cause.REQUESTED: "a new secret is made",
}


def _reasons(changes: tuple[FieldChange, ...]) -> Iterator[Reason]:
    for cause, words in _WORDS.items():
        if any(change.cause is cause for change in changes):
            yield Reason(cause, words)


def _process(process: Process, fact: ProcessFact, held: Held | None, secrets: Secrets) -> Change | None:
    if not process.run:
        return _stop(process, fact, held)
    wanted = wanted_fields(process, secrets)
    if fact.state in LIVE and fact.inputs == inputs_digest(wanted):
        if held is not None and held.fields == wanted and held.resource == process:
            return None
        return _change(process, Action.CLAIM, held, (Reason(Cause.EXISTS, "runs already, as Git wants it"),))
    changes = tuple(_input_changes(wanted, held))
    if fact.state is ProcessState.ORPHAN:
        reason = Reason(Cause.ORPHAN, _outside(fact))
        return _change(process, Action.RESTART, held, (reason, *needs(changes)), changes)
    if fact.state in LIVE:
        reasons = needs(changes) or (Reason(Cause.DRIFT, "was started with other values than ours"),)
        return _change(process, Action.RESTART, held, reasons, changes)
    start = _change(process, Action.START, held, _start_reasons(fact, held, changes), changes)
    return replace(start, halts=True) if fact.state is ProcessState.BACKOFF else start


def _outside(fact: ProcessFact) -> str:
    if fact.by_hand:
        return f"a gateway started by hand, pid {fact.pid}, is stopped first"
    return f"pid {fact.pid} lives outside its supervisor"


def _stop(process: Process, fact: ProcessFact, held: Held | None) -> Change | None:
    if fact.by_hand:
        dead = Reason(Cause.ORPHAN, f"Git wants it dead; a gateway started by hand, pid {fact.pid}, is stopped")
        return _change(process, Action.STOP, held, (dead,))
    if fact.state in HAS_PROCESS:
        return _change(process, Action.STOP, held, (Reason(Cause.CHANGED, "Git wants it dead"),))
    if held is None:
        return None
    # It ended by itself, but its supervisor still knows it and would start it with the host.
    return _change(process, Action.STOP, held, (Reason(Cause.ENDED, "has ended, and Git wants it dead"),))


def _input_changes(wanted: Fields, held: Held | None) -> Iterator[FieldChange]:
    """What of a process's inputs differs from the last start that we know of."""
    if held is None:
        return
    last, now = dict(held.fields), dict(wanted)
    old, new = last.get(CODEBASE), now.get(CODEBASE)
    for path in sorted(last.keys() | now.keys()):
        before, after = last.get(path), now.get(path)
        if before != after and (path == CODEBASE or not _follows(before, after, old, new)):
            yield FieldChange(path, before, after, Cause.CHANGED)


def _follows(before: Value | None, after: Value | None, old: Value | None, new: Value | None) -> bool:
    """Whether a value differs only because the codebase's path stands in it, as in argv and PATH."""
    if not (
        isinstance(before, Known) and isinstance(after, Known) and isinstance(old, Known) and isinstance(new, Known)
    ):
        return False
    return old != new and before.text.replace(old.text.strip('"'), new.text.strip('"')) == after.text


def _start_reasons(fact: ProcessFact, held: Held | None, changes: tuple[FieldChange, ...]) -> tuple[Reason, ...]:
    if held is None or not (isinstance(held.resource, Process) and held.resource.run):
        return (Reason(Cause.DECLARED, "Git wants it running"),)
    ended = fact.note or ("is not running" if fact.exit_code is None else f"ended with exit code {fact.exit_code}")
    return (Reason(Cause.ENDED, ended), *needs(changes))


def _change(  # noqa: PLR0913 - a constructor with the defaults of this room
    resource: Resource,
    action: Action,
    held: Held | None,
    reasons: tuple[Reason, ...],
    fields: tuple[FieldChange, ...] = (),
    *,
    origin: Origin | None = None,
    disposition: Disposition = Disposition.APPLY,
    obstacle: str = "",
) -> Change:
    known_origin = held.origin if held else None
    # A version that is there carries our marker: we made it, whatever the ledger remembers.
    first = Origin.CREATED if isinstance(resource, Process | CodebaseVersion) else Origin.CLAIMED
    return Change(
        key=resource.key,
        wizard=resource.wizard,
        action=action,
        resource=resource,
        reasons=reasons,
        fields=fields,
        origin=known_origin or origin or first,
        disposition=disposition,
        obstacle=obstacle,
    )
