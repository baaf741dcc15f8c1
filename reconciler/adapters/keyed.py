"""Files that are owned per key: what their keys hold, and the same file with some keys set or removed.

One door for both formats. Values are JSON-like and compared as canonical text. Not done here: the formats themselves
(yaml_*.py, env_file.py), disk, ownership.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import assert_never

from reconciler.adapters import env_file, yaml_edit, yaml_remove, yaml_tree
from reconciler.adapters.keyed_errors import Unreadable, Unwritable
from reconciler.plan.resource import Format
from reconciler.plan.value import FieldPath, known
from reconciler.protocols.files import KeyEdit

MAX_BYTES = 4 * 1024 * 1024
_BOM = "\ufeff"


def leaves(file_format: Format, data: bytes) -> Mapping[FieldPath, object]:
    """Every leaf by path, as the program that owns the file reads it. Raises Unreadable with the position."""
    return _leaves(file_format, _decoded(data)[1])


def edited(file_format: Format, data: bytes, edits: Sequence[KeyEdit]) -> bytes:
    """The file's bytes with exactly these keys set and removed; every other byte as far as possible as it was.

    Reads the result back as the program would, and raises Unwritable unless each key holds exactly what was set and
    every other leaf what it held before. Raises Unreadable when the file can't be parsed as it is now.
    """
    head, text = _decoded(data)
    before = _leaves(file_format, text)
    windows = text.count("\r\n")
    windows = windows if windows == text.count("\n") else 0
    needed = [edit for edit in edits if not _holds(before, edit)]
    changed = _edited(file_format, text.replace("\r\n", "\n") if windows else text, needed)
    changed = changed.replace("\n", "\r\n") if windows else changed
    try:
        after = _leaves(file_format, changed)
    except Unreadable as error:
        raise Unwritable(f"the file could not be read back after the change ({error.problem})") from error
    _verify(before, after, edits)
    try:
        return (head + changed).encode("utf-8")
    except UnicodeEncodeError as error:
        raise Unwritable("a value is no text that UTF-8 can hold") from error


def _leaves(file_format: Format, text: str) -> Mapping[FieldPath, object]:
    match file_format:
        case Format.YAML:
            return yaml_tree.leaves(text)
        case Format.ENV:
            return env_file.leaves(text)
        case _:
            assert_never(file_format)


def _edited(file_format: Format, text: str, edits: Sequence[KeyEdit]) -> str:
    edit: Callable[[str, FieldPath, object], str]
    match file_format:
        case Format.YAML:
            edit, drop = yaml_edit.set_key, yaml_remove.remove_key
        case Format.ENV:
            edit, drop = env_file.set_key, env_file.remove_key
        case _:
            assert_never(file_format)
    # Removals come last: a section that loses its only key and gets another one keeps its place and its comments.
    for change in edits:
        if change.value is not None:
            text = edit(text, change.path, json.loads(change.value))
    for change in edits:
        if change.value is None:
            text = drop(text, change.path)
    return text


def _decoded(data: bytes) -> tuple[str, str]:
    """(byte order mark or nothing, text)."""
    if len(data) > MAX_BYTES:
        raise Unreadable(1, 1, "the file is over 4 MiB", "make it smaller, or move it away")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        good = data[: error.start].decode("utf-8")
        line, column = good.count("\n") + 1, len(good) - good.rfind("\n")
        raise Unreadable(line, column, "this is not UTF-8 text", "save the file as UTF-8") from error
    return (_BOM, text[1:]) if text.startswith(_BOM) else ("", text)


def _holds(fields: Mapping[FieldPath, object], edit: KeyEdit) -> bool:
    """A key that holds its value already keeps the form that a person gave it."""
    return edit.value is not None and known(_subtree(fields, edit.path)) == known(json.loads(edit.value))


def _verify(before: Mapping[FieldPath, object], after: Mapping[FieldPath, object], edits: Sequence[KeyEdit]) -> None:
    for edit in edits:
        seen = _subtree(after, edit.path)
        if edit.value is not None and known(seen) != known(json.loads(edit.value)):
            raise Unwritable("the key would not read back as it was set", edit.path)
        if edit.value is None and edit.path in after:
            raise Unwritable("the key can't be removed: its value comes from somewhere else (an anchor?)", edit.path)
    kept = {path: value for path, value in before.items() if not _touched(path, edits)}
    same = {path: value for path, value in after.items() if not _touched(path, edits)}
    if known(_listed(kept)) != known(_listed(same)):
        lost = next((p for p in sorted({*kept, *same}) if known(kept.get(p, ())) != known(same.get(p, ()))), ())
        raise Unwritable("the change would alter another key (through an anchor or a repeated key?)", lost)


def _listed(fields: Mapping[FieldPath, object]) -> list[object]:
    return [[list(path), fields[path]] for path in sorted(fields)]


def _touched(path: FieldPath, edits: Sequence[KeyEdit]) -> bool:
    """Whether an edit may change this leaf: it is set, lies under a set key, or makes way for one."""
    for edit in edits:
        if edit.path[: len(path)] == path:
            return True
        if edit.value is not None and path[: len(edit.path)] == edit.path:
            return True
    return False


def _subtree(fields: Mapping[FieldPath, object], path: FieldPath) -> object:
    """The value at a path, put together again from its leaves; a marker that equals nothing when there is none."""
    if path in fields:
        return fields[path]
    tree: dict[str, object] = {}
    for leaf, value in fields.items():
        if leaf[: len(path)] == path:
            node = tree
            for part in leaf[len(path) : -1]:
                inner = node.setdefault(part, {})
                node = inner if isinstance(inner, dict) else {}
            node[leaf[-1]] = value
    return tree or ("nothing", "here")
