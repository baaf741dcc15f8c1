"""Changes as history tells them: short, on one line, and without secrets.

Not done here: the full values. The change itself is kept beside its entry.
"""

from __future__ import annotations

import json

from reconciler.plan.change import Change, FieldChange
from reconciler.plan.resource import Process
from reconciler.plan.value import FieldPath, Hidden, Known, Value

LONGEST = 80
"""Characters of a value that are shown."""
ABSENT = "(absent)"
SECRET = "(secret)"  # noqa: S105 - what is shown in place of one
DIGEST: FieldPath = ("inputs",)
"""A process's digest tells a person nothing; the reasons do."""


def reason(change: Change) -> str:
    return "; ".join(reason.text or reason.cause.value for reason in change.reasons)


def fields(change: Change) -> tuple[tuple[str, str, str], ...]:
    """(path, before, after) of each field."""
    process = isinstance(change.resource, Process)
    return tuple(_field(field) for field in change.fields if not (process and field.path == DIGEST))


_FILES = frozenset({"config.yaml", ".env"})


def path_text(path: FieldPath) -> str:
    """Names joined by dots, dots inside a name escaped. The leading "key" of keyed files is not shown; the file that an
    input of a process is read from stands before its keys (`config.yaml platforms.api_server.extra.port`)."""
    if len(path) > 1 and path[0] in _FILES:
        return f"{path[0]} {path_text(path[1:])}"
    names = path[1:] if path[:1] == ("key",) and len(path) > 1 else path
    return ".".join(name.replace("\\", "\\\\").replace(".", "\\.") for name in names)


def value_text(value: Value | None) -> str:
    if value is None:
        return ABSENT
    if isinstance(value, Hidden):
        return SECRET
    return _known(value)


def _field(field: FieldChange) -> tuple[str, str, str]:
    before, after = value_text(field.before), value_text(field.after)
    if isinstance(field.after, Hidden) and field.before is not None:
        before = SECRET  # it may be the very text that is a secret from now on
    elif before == after and field.before != field.after:
        after = f"{after}, changed"
    return path_text(field.path), before, after


def _known(value: Known) -> str:
    """Strings bare; an empty one, and what is not a string, as JSON."""
    try:
        plain = json.loads(value.text)
    except ValueError:
        plain = value.text
    if not isinstance(plain, str):
        return _cut(value.text)
    if "\n" in plain:
        lines = len(plain.removesuffix("\n").split("\n"))
        return f"{lines} line{'s' if lines != 1 else ''}"
    return _cut(plain) if plain.strip() else value.text


def _cut(text: str) -> str:
    one_line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return one_line if len(one_line) <= LONGEST else f"{one_line[: LONGEST - 1]}…"
