"""The same change, made three passes in a row, is a fight with something: it stops, and says so.

A start that fails counts as one that was made; held and blocked changes do not count. Not done here: remembering the
counts (engine/).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from reconciler.plan.change import Change, Disposition
from reconciler.plan.held import Records, Repeat
from reconciler.plan.resource import Process
from reconciler.plan.value import Known, Value

LIMIT = 3


def change_digest(change: Change, *, waiting: bool = False) -> str:
    """Hex digest of what a change does to which values. With `waiting`, also of whether it is held or blocked. No pids,
    times, or keys that are not ours."""
    fields = [[list(f.path), _text(f.before), _text(f.after)] for f in change.fields]
    content = [change.action.value, asdict(change.resource), fields, change.disposition.value if waiting else ""]
    return hashlib.sha256(json.dumps(content, default=str, sort_keys=True).encode()).hexdigest()


def _text(value: Value | None) -> str | None:
    if value is None:
        return None
    return value.text if isinstance(value, Known) else f"hidden {value.digest}"


def stopped(change: Change, records: Records) -> str:
    """Why the change is not made again, or ""."""
    repeat = records.repeats.get(change.key)
    if repeat is None or repeat.count < LIMIT or repeat.digest != change_digest(change):
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
    """The counts after a pass: `done` are the keys of the changes that count. What is no longer planned is
    forgotten, what is held keeps its count, and so does what a pass over `only` some wizards did not look at."""
    found = {key: repeat for key, repeat in old.items() if only and owner(key) not in only}
    for change in changes:
        before = old.get(change.key)
        if change.disposition is not Disposition.APPLY:
            if before:
                found[change.key] = before
        elif change.key in done:
            digest = change_digest(change)
            again = before.count + 1 if before and before.digest == digest else 1
            found[change.key] = Repeat(digest, again)
    return found


def owner(key: str) -> str:
    """The wizard that a resource key names, or ""."""
    kind, _, rest = key.partition("/")
    return rest.partition("/")[0] if kind == "wizard" else ""
