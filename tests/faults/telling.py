"""What must be said of a disk that failed: the path, and in the same breath the mend. Each failure is a claim of its
own, so that the words of one don't make up for what another lacks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tests.faults.scenes import Place, Scene
from tests.faults.syscalls import Call

Claims = Sequence[tuple[str, bool]]


def unclear(
    place: Place, scene: Scene, told: Mapping[str, object], failed: str, instead: Iterable[str]
) -> Iterator[str]:
    """What the message of the failing pass lacks. `failed` is the path that it must name, or one of `instead`."""
    first = told["first"]
    assert isinstance(first, dict)
    code, text, claims = first["code"], first["text"], first["claims"]
    if code not in (0, 1):
        yield f"exit code {code}"
    if "Traceback" in text or "bug:" in text or "a bug in reconciler" in text:
        yield f"a traceback: {text}"
    cached = "could not be fetched since" in text
    if code == 0 and told.get("second") != [] and not cached:
        yield f"exit code 0, and the next pass had to do {told.get('second')}"
    if code == scene.code:
        return
    named = list(_naming(place, claims, [failed, *instead]))
    if not named:
        yield f"no failure names {failed}: {claims}"
    elif not any(mended for _, mended in named):
        yield f"no failure that names {failed} says what to do: {named}"


def said(place: Place, claims: Claims, paths: Iterable[str]) -> bool:
    """Whether one of the claims names one of the paths."""
    return any(True for _ in _naming(place, claims, paths))


def mute(call: Call) -> bool:
    """A copy of databases that is only tried, and thrown away at once."""
    return ".partial" in call.path


def _naming(place: Place, claims: Claims, paths: Iterable[str]) -> Iterator[tuple[str, bool]]:
    names = [name for path in paths for name in _names(place, path)]
    yield from ((text, mended) for text, mended in claims if any(name in text for name in names))


def _names(place: Place, path: str) -> Iterator[str]:
    """The path, or a folder above it that is not the whole root or state; for SQLite's own files their database, and
    for a database that is being made under a name of its own the one that it will be."""
    folders = {str(place.root), str(place.state)}
    yield path
    database = re.sub(r"-(wal|shm|journal)$", "", path)
    yield database
    yield re.sub(r"\.\w+\.new$", "", database)
    while len(path) > 1 and (path := os.path.dirname(path)) not in folders:
        yield path
