"""Readable names of resources, fields, values and commits.

Names come from keys, values from canonical JSON; strings stay bare unless they could be read as something else.
Not done here: what a change does to them (fields.py, outline.py).
"""

from __future__ import annotations

import json
import re
from typing import assert_never

from reconciler.plan.resource import (
    CodebaseVersion,
    Directory,
    GitInstall,
    Install,
    KeyedFile,
    Process,
    PypiInstall,
    Resource,
    Symlink,
    TextFile,
)
from reconciler.plan.value import FieldPath, Known
from reconciler.render.document import Json
from reconciler.render.safe import plain, shorten

VALUE_LIMIT = 80
_CONTEXT = 16
_TYPE_SEGMENTS = frozenset({"file", "text", "keyed", "directory", "dir", "folder", "link", "symlink", "codebase"})
_BARE = re.compile(r"[A-Za-z0-9_/.~$<=^][^\"'`,\[\]{}]*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "~", "absent"})
_NUMBER = re.compile(
    r"[-+]?(\.?\d[\d_]*(\.[\d_]*)?([eE][-+]?\d+)?|0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|\d+(:\d\d?)+(\.\d*)?|\.inf|\.nan)"
    r"|\d{4}-\d\d?-\d\d?.*",
    re.IGNORECASE,
)
"""Numbers, times and dates as YAML 1.1 or 1.2 read them. An address or a version (`127.0.0.1`) is none."""
_COMMIT = re.compile(r"[0-9a-f]{7,64}")


def local_name(resource: Resource) -> str:
    """The key without the wizard and the type: `home/config.yaml`; the path where nothing is left of it."""
    rest = resource.key
    if resource.wizard is not None:
        rest = rest.removeprefix(f"wizard/{resource.wizard}").lstrip("/")
    head, _, tail = rest.partition("/")
    if head in _TYPE_SEGMENTS:
        rest = tail
    return plain(rest or (resource.key if isinstance(resource, Process) else resource.path))


def resource_name(resource: Resource) -> str:
    """`directory home`, `file home/config.yaml`, `link hermes-agent`, `body (hermes 0.19.0 on port 8643)`."""
    match resource:
        case Directory():
            return f"directory {local_name(resource)}"
        case TextFile() | KeyedFile():
            return f"file {local_name(resource)}"
        case Symlink():
            return f"link {local_name(resource)}"
        case CodebaseVersion(source=source):
            extras = f" with {', '.join(source.extras)}" if source.extras else ""
            return plain(f"codebase {_source_name(source)}{extras}")
        case Process():
            return f"{local_name(resource)} ({process_name(resource)})"
        case _ as never:
            assert_never(never)


def _source_name(source: Install) -> str:
    match source:
        case PypiInstall(package=package, version=version):
            return f"{package} {version}"
        case GitInstall(url=url, commit=commit):
            return f"{url} at {commit[:12]}"
        case _ as never:
            assert_never(never)


def process_name(process: Process) -> str:
    return plain(f"{process.program} {process.version} on port {process.port}")


def field_name(path: FieldPath) -> str:
    """`platforms.api_server.extra.port`; a segment with a dot or a space is quoted."""
    segments = path[1:] if len(path) > 1 and path[0] == "key" else path
    return ".".join(_segment(segment) for segment in segments)


def _segment(text: str) -> str:
    return text if re.fullmatch(r"[\w/-]+", text) and text.isprintable() else _quoted(text)


def input_name(path: FieldPath) -> str:
    """An input of a process: the place it is read from, then its name (`config.yaml platforms.api_server.extra.port`,
    `environment HOME`)."""
    return f"{plain(path[0])} {field_name(path[1:])}" if len(path) > 1 else field_name(path)


def short_input_name(path: FieldPath) -> str:
    """The last part of it: `port`."""
    return field_name(path[-1:])


def decode(value: Known) -> Json:
    """The JSON value; text that is not JSON stands for itself."""
    try:
        decoded: Json = json.loads(value.text)
    except (ValueError, RecursionError):
        return value.text
    return decoded


def value_text(value: Json, *, limit: int = VALUE_LIMIT) -> str:
    """Short and YAML-like, on one line, at most `limit` characters."""
    return shorten(full_text(value), limit)


def full_text(value: Json) -> str:
    """As `value_text`, but whole."""
    match value:
        case str():
            return value if _is_bare(value) else _quoted(value)
        case list():
            return "[" + ", ".join(full_text(item) for item in value) + "]"
        case dict():
            return "{" + ", ".join(f"{full_text(key)}: {full_text(item)}" for key, item in value.items()) + "}"
        case _:
            return json.dumps(value)


def pair_text(before: Json, after: Json, *, limit: int = VALUE_LIMIT) -> tuple[str, str]:
    """Both values, cut so that what differs stays in sight."""
    old, new = full_text(before), full_text(after)
    if len(old) <= limit and len(new) <= limit:
        return old, new
    cut = max(_common(old, new) - _CONTEXT, 0)
    lead = "…" if cut else ""
    return shorten(lead + old[cut:], limit), shorten(lead + new[cut:], limit)


def _common(old: str, new: str) -> int:
    for index, (left, right) in enumerate(zip(old, new, strict=False)):
        if left != right:
            return index
    return min(len(old), len(new))


def _is_bare(text: str) -> bool:
    if not text.isprintable() or not _BARE.fullmatch(text) or text.lower() in _WORDS or _NUMBER.fullmatch(text):
        return False
    return not (text.endswith((" ", ":")) or ": " in text or " #" in text or "->" in text)


def _quoted(text: str) -> str:
    return plain(json.dumps(text, ensure_ascii=False))


def commit_name(commit: str) -> str:
    """`commit 1a2b3c4`; uncommitted files have none."""
    if not commit:
        return "uncommitted files"
    return f"commit {short_commit(commit)}" if _COMMIT.fullmatch(commit) else shorten(plain(commit), VALUE_LIMIT)


def short_commit(commit: str) -> str:
    return commit[:7] if _COMMIT.fullmatch(commit) else shorten(plain(commit), VALUE_LIMIT)


def counted(number: int, singular: str, plural: str = "") -> str:
    """`1 file`, `2 files`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
