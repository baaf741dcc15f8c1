"""What a resource should look like as fields, and the digest of a process's inputs.

The same shapes as in `fact.Present`, so that desired, last applied and live are compared field by field.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import assert_never

from reconciler.plan.fact import SecretFact
from reconciler.plan.held import Records
from reconciler.plan.resource import (
    CodebaseVersion,
    Directory,
    GitInstall,
    Install,
    KeyedFile,
    OwnedKey,
    Process,
    PypiInstall,
    Resource,
    Symlink,
    TextFile,
)
from reconciler.plan.value import FieldPath, Fields, Hidden, Known, SecretRef, Value, known

MODE: FieldPath = ("mode",)
TEXT: FieldPath = ("text",)
TARGET: FieldPath = ("target",)
SOURCE: FieldPath = ("source",)
KEY = "key"
PINNED = "pinned"
"""Source of a secret of a generation: the text of its time, by its digest."""
Secrets = Mapping[SecretRef, SecretFact]


def mode_value(mode: int) -> Known:
    """Permission bits as four octal digits."""
    return known(f"{mode & 0o7777:04o}")


def source_value(source: Install) -> Known:
    """What a codebase is built from, canonically: package names as the index compares them (PEP 503), and what stands
    beside it in no order. A commit is the same program whatever address it came from."""
    match source:
        case PypiInstall(package=package, version=version, extras=extras):
            name = re.sub(r"[-_.]+", "-", package).lower()
            return known({"package": name, "version": version, "with": sorted(set(extras))})
        case GitInstall(commit=commit, extras=extras):
            return known({"commit": commit, "with": sorted(set(extras))})
        case _:
            assert_never(source)


def wanted_fields(resource: Resource, secrets: Secrets) -> Fields:
    """The fields that Git wants; secrets as Hidden. A secret without a digest comes out as Hidden("")."""
    match resource:
        case Directory(mode=mode):
            return ((MODE, mode_value(mode)),)
        case TextFile(mode=mode, text=text):
            return ((MODE, mode_value(mode)), (TEXT, known(text)))
        case Symlink(target=target):
            return ((TARGET, known(target)),)
        case KeyedFile(mode=mode, keys=keys):
            owned = (((KEY, *key.path), _value(key, secrets)) for key in keys)
            return tuple(sorted((*owned, (MODE, mode_value(mode))), key=lambda field: field[0]))
        case CodebaseVersion(source=source):
            return ((SOURCE, source_value(source)),)
        case Process():
            return tuple(sorted(_inputs(resource, secrets), key=lambda field: field[0]))
        case _:
            assert_never(resource)


def _inputs(process: Process, secrets: Secrets) -> Iterator[tuple[FieldPath, Value]]:
    """All that a running process was started with. Never file bytes or keys that are not ours."""
    yield ("codebase",), known(process.codebase)
    yield ("argv",), known(process.argv)
    yield ("folder",), known(process.cwd)
    for name, value in process.env:
        yield ("environment", name), known(value)
    for key in process.start_values:
        yield key.path, _value(key, secrets)


def inputs_digest(fields: Fields) -> str:
    """Hex SHA-256 over a process's wanted fields; a live process carries the one it was started with."""
    digest = hashlib.sha256()
    for path, value in fields:
        text = value.text if isinstance(value, Known) else f"hidden {value.digest}"
        for part in (*path, text):
            raw = part.encode()
            digest.update(b"%d:" % len(raw))
            digest.update(raw)
    return digest.hexdigest()


def _value(key: OwnedKey, secrets: Secrets) -> Value:
    match key.value:
        case Known():
            return key.value
        case SecretRef():
            fact = secrets.get(key.value)
            return Hidden(fact.digest if fact else "")


def secret_refs(resource: Resource) -> tuple[SecretRef, ...]:
    """The secrets that a resource names, each once, sorted."""
    match resource:
        case KeyedFile(keys=keys):
            refs = {key.value for key in keys if isinstance(key.value, SecretRef)}
        case Process(start_values=keys, api_key=api_key):
            refs = {key.value for key in keys if isinstance(key.value, SecretRef)} | {api_key}
        case _:
            refs = set()
    return tuple(sorted(refs))


def texts_of(resource: Resource, secrets: Secrets) -> Secrets:
    """The secrets of a resource of a generation, of which some may have come since: pinned texts are those of then."""
    return {
        ref: SecretFact(ref.location) if ref.source == PINNED else secrets.get(ref, SecretFact(""))
        for ref in secret_refs(resource)
    }


def in_the_open(fields: Fields) -> Fields:
    """Without the texts of secrets."""
    return tuple((path, value if isinstance(value, Known) else Hidden("")) for path, value in fields)


def secrets_of(records: Records) -> frozenset[SecretRef]:
    """The secrets that anything on this host is made of, or was in a generation that can be gone back to."""
    held = (entry.resource for entry in records.held.values())
    older = (r for found in records.generations.values() for one in found for r in one.resources)
    return frozenset(ref for resource in chain(held, older) for ref in secret_refs(resource))
