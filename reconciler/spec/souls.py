"""Soul files: the Markdown files that wizards name as their SOUL.md, below the fleet folder.

Not done here: charters, which are part of the wizard's document; secrets in the files (other_files.py).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping

from reconciler.spec.draft import Draft, Entry
from reconciler.spec.kinds import SoulFile, Wizard
from reconciler.spec.position import Problem
from reconciler.spec.text import decode
from reconciler.spec.words import mend_name, shown

_FIELD = ("soul", "file")


def read_souls(
    draft: Draft, files: Mapping[str, bytes], folder: str, unusable: Iterable[str] = ()
) -> tuple[dict[str, str], list[Problem]]:
    """Text of every soul file by its path as written, and what is wrong with those that have none; that of those at or
    below an `unusable` path is told elsewhere."""
    silent = tuple(unusable)
    texts: dict[str, str] = {}
    problems: list[Problem] = []
    for entry in draft.wizards.values():
        soul = entry.record.soul
        if isinstance(soul, SoulFile) and soul.file not in texts:
            text = _read(entry, soul.file, files, folder)
            if isinstance(text, str):
                texts[soul.file] = text
            elif not _below(_path(soul.file, folder), silent):
                problems.append(text)
    return texts, problems


def _read(entry: Entry[Wizard], written: str, files: Mapping[str, bytes], folder: str) -> str | Problem:
    inside = posixpath.normpath(written)
    if inside.startswith(("/", "..")) or inside == ".":
        what = "the soul file must stay inside the fleet folder"
        return entry.error("soul/outside", _FIELD, what, "name it relative to that folder, such as souls/ezra.md")
    path = _path(written, folder)
    data = files.get(path)
    if data is None:
        near = [name.removeprefix(f"{folder}/") for name in files if name.endswith(".md")]
        mend = mend_name(inside, near, f"add {path}, or write soul: {{charter: ...}}")
        return entry.error("soul/missing", _FIELD, f"there is no soul file {shown(inside)} in the fleet folder", mend)
    text = decode(path, data)
    if isinstance(text, str) and not text.strip():
        return entry.error("soul/empty", _FIELD, f"the soul file {shown(inside)} is empty", "write the charter into it")
    return text


def _below(path: str, folders: tuple[str, ...]) -> bool:
    return any(one in (".", path) or path.startswith(f"{one}/") for one in folders)


def _path(written: str, folder: str) -> str:
    return posixpath.join(folder, posixpath.normpath(written))
