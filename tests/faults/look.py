"""What a host looks like: all that must be the same whether its disk failed on the way or not."""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import yaml

from reconciler.engine.host import Host
from reconciler.plan.codec import HELD
from tests.faults.scenes import FRESH, Place, Scene

Looks = dict[str, object]
_DATABASE = re.compile(r"^state\.db(-wal|-shm|-journal)?$")
_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
_KEY = re.compile(r"(API_SERVER_KEY=)\S+")
_HASHED = re.compile(r"(objects/)[0-9a-f]{2}(/[0-9a-f]{38})?$|(objects/pack/)pack-[0-9a-f]{40}\.\w+$")
_NEW = re.compile(r"\.git\.new-[\d-]+/")
"""A repository that is being made, which gets its own name when it is whole."""
REMOVES = frozenset({"unlink", "unlinkat", "rmdir"})


def files(place: Place, scene: Scene) -> Looks:
    """Everything below the fleet's root by its path: kind, mode, owner, and text or target."""
    return {path: _one(Path(path), scene) for path in _paths(place.root)}


def _one(path: Path, scene: Scene) -> object:
    found = path.lstat()
    who = (stat.filemode(found.st_mode), found.st_uid)
    if stat.S_ISLNK(found.st_mode):
        return [*who, os.readlink(path)]
    if not stat.S_ISREG(found.st_mode):
        return [*who]
    if _DATABASE.search(path.name):
        return [*who, "a database"]
    return [*who, masked(path.read_text("utf-8", "backslashreplace"), scene)]


def masked(text: str, scene: Scene) -> str:
    """A first apply makes up its secrets, so these and their digests are another each time."""
    return _KEY.sub(r"\1***", _DIGEST.sub("***", text)) if scene.start == FRESH else text


def _paths(folder: Path) -> Iterator[str]:
    for where, folders, names in os.walk(folder):
        for name in sorted((*folders, *names)):
            yield os.path.join(where, name)


def ledger(host: Host, scene: Scene) -> Looks:
    records = host.ledger.records()
    return {
        "held": {key: masked(HELD.encode(held), scene) for key, held in sorted(records.held.items())},
        "attic": sorted((s.wizard, s.path, s.original) for s in records.attic.values()),
        "quarantines": sorted(records.quarantines),
        "open": [intent.step.id for intent in host.ledger.open_intents()],
        "applied": host.ledger.get("applied-commit"),
        "unproven": sorted(key for key, start in records.starts.items() if not start.proven),
        "generations": {
            name: [[g.commit, g.expansion if scene.start != FRESH else ""] for g in found]
            for name, found in sorted(records.generations.items())
        },
    }


def databases(place: Place) -> Looks:
    """What gateways remember, and what was kept of it, as rows."""
    found = (*place.root.rglob("state.db"), *(place.state / "generations").rglob("state.db"))
    return {str(path): rows(path) for path in found}


def rows(path: Path) -> object:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: [list(row) for row in database.execute(f"SELECT * FROM {name}")] for name in sorted(tables)}


def state_paths(place: Place) -> set[str]:
    """Paths of the state folder; names that differ from run to run are cut off."""
    return {_HASHED.sub(r"\1\3*", _DIGEST.sub("***", path)) for path in _paths(place.state)}


def leftovers(place: Place, known: frozenset[str], name: str, path: str) -> Iterator[str]:
    """What is in the state folder and was not, when the call `name` of `path` failed, and should not be."""
    for left in sorted(state_paths(place) - known):
        aside = ".git.broken" in left  # a repository that seemed damaged is kept, until there is a newer one
        packs = "/objects/pack/tmp_pack_" in left  # git's gc removes them in its own time
        # Git's own objects, or what could not be taken away: by Git, which sees to it in its own time or (a file with
        # which `init` tries the disk) never, or by us.
        unremoved = name in REMOVES and ("/objects/" in left or left == _NEW.sub(".git/", path))
        if not (left.endswith("*") or aside or packs or unremoved):
            yield f"left behind: {left}"


def torn(place: Place, scene: Scene, whole: Sequence[Looks]) -> Iterator[str]:
    """What is neither as it was, nor as it should become, nor what it is on the way; and what can't be read by whom it
    is for. `whole`: the states that are right, in their order."""
    for path in sorted({path for looks in whole for path in looks}):
        now = _one(Path(path), scene) if os.path.lexists(path) else None
        if now not in [looks.get(path) for looks in whole] and not _on_the_way(now, whole[-1].get(path)):
            yield f"torn: {path} is {str(now)[:300]}"
    for path in place.root.glob("*/home/config.yaml"):
        if not isinstance(yaml.safe_load(path.read_text()), dict):
            yield f"{path} is no mapping"
    yield from _broken_databases(place)
    for path in (place.state / "kept").glob("*"):
        if not path.name.startswith(".") and hashlib.sha256(path.read_bytes()).hexdigest() != path.name:
            yield f"torn: {path}"
    for path in (place.state / "secrets").rglob("*"):
        if path.is_file() and not path.name.startswith(".") and not path.read_text().endswith("\n"):
            yield f"torn: {path}"


def _on_the_way(now: object, after: object) -> bool:
    """A folder is made private first, and gets its mode then."""
    return isinstance(now, list) and isinstance(after, list) and len(now) == len(after) == 2 and now[0] == "drwx------"


def _broken_databases(place: Place) -> Iterator[str]:
    databases = [*place.root.rglob("state.db"), *(place.state / "generations").glob("*/[!.]*/state.db")]
    for path in (*databases, *place.state.glob("ledger.db")):
        # A copy: looking must not change what the next pass finds.
        try:
            with closing(sqlite3.connect(":memory:")) as copy:
                with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as found:
                    found.backup(copy)
                verdict = copy.execute("PRAGMA integrity_check").fetchone()[0]
        except sqlite3.Error as error:
            verdict = str(error)
        if verdict != "ok":
            yield f"{path}: {verdict}"


def differences(wanted: object, found: object, where: str = "") -> Iterator[str]:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for key in sorted(wanted.keys() | found.keys()):
            yield from differences(wanted.get(key), found.get(key), f"{where}/{key}")
    elif wanted != found:
        yield f"{where}: {str(found)[:300]} instead of {str(wanted)[:300]}"
