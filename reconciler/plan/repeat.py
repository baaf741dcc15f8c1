"""The same change, made three passes in a row, is a fight with something: it stops, and says so. The same is what has
the same outcome, whatever stood there before.

A start that fails counts as one that was made; held and blocked changes do not count. Not done here: remembering the
counts (engine/).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from reconciler.plan.change import Cause, Change, Disposition, FieldChange
from reconciler.plan.held import Records, Repeat
from reconciler.plan.resource import Process
from reconciler.plan.value import Known, Value

LIMIT = 3


def change_digest(change: Change) -> str:
    """Hex digest of what a change does to which values, and of whether it is held or blocked. No pids, times, or keys
    that are not ours."""
    return _digest(change, change.fields, change.disposition.value)


def repeat_digest(change: Change) -> str:
    """Hex digest of what a change makes of its resource, waiting or not. What drift is corrected from does not count: a
    foreign text with the time in it is another one in each pass, and what we make of it is the same."""
    return _digest(change, tuple(f for f in change.fields if f.cause is not Cause.DRIFT), "")


def _digest(change: Change, fields: Iterable[FieldChange], disposition: str) -> str:
    values = [[list(f.path), _text(f.before), _text(f.after)] for f in fields]
    content = [change.action.value, asdict(change.resource), values, disposition]
    return hashlib.sha256(json.dumps(content, default=str, sort_keys=True).encode()).hexdigest()


def _text(value: Value | None) -> str | None:
    if value is None:
        return None
    return value.text if isinstance(value, Known) else f"hidden {value.digest}"


def stopped(change: Change, records: Records) -> str:
    """Why the change is not made again, or ""."""
    repeat = records.repeats.get(change.key)
    if repeat is None or repeat.count < LIMIT or repeat.digest != repeat_digest(change):
        return ""
    retry = f"`reconciler retry {change.wizard or '--all'}`"
    if isinstance(change.resource, Process):
        look = f"see `reconciler why {change.wizard}` and `reconciler logs {change.wizard}`"
        return f"was tried {repeat.count} passes in a row and did not last; {look}, then {retry}"
    return (
        f"was made {repeat.count} passes in a row and came back each time: something on the host undoes it; "
        f"find out what does, then {retry}"
    )


def counted(
    old: Mapping[str, Repeat], changes: Iterable[Change], done: frozenset[str], only: frozenset[str] = frozenset()
) -> dict[str, Repeat]:
    """The counts after a pass: `done` are the keys of the changes that count. What is no longer planned is forgotten,
    what is held keeps the count of this very change, and what a pass over `only` some wizards did not look at keeps
    its own."""
    found = {key: repeat for key, repeat in old.items() if only and owner(key) not in only}
    for change in changes:
        before = old.get(change.key)
        if change.disposition is not Disposition.APPLY:
            if before and before.digest == repeat_digest(change):
                found[change.key] = before
        elif change.key in done:
            digest = repeat_digest(change)
            again = before.count + 1 if before and before.digest == digest else 1
            found[change.key] = Repeat(digest, again)
    return found


def owner(key: str) -> str:
    """The wizard that a resource key names, or ""."""
    kind, _, rest = key.partition("/")
    return rest.partition("/")[0] if kind == "wizard" else ""
