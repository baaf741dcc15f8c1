"""All of a host that must be the same whether it was killed on the way or not.

Left out are pids and times, and what differs between two runs of the same thing: logs, and secrets and their digests
where the scene begins without any.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import psutil

from reconciler.adapters.clock import SystemClock
from reconciler.adapters.sqlite import SqliteLedger
from reconciler.plan.codec import HELD, RESOURCE
from reconciler.plan.fields import secret_refs
from reconciler.plan.held import Start
from reconciler.plan.retire import body_key
from tests.kills.site import HOST, Site

_SKIPPED = ("gateway.log", "doomed")
_VOLATILE = ("RECONCILER_MAIN=",)
_DATABASES = ("state.db", "state.db-wal", "state.db-shm", "state.db-journal")


def look(site: Site, *, secrets: bool) -> dict[str, object]:
    """The host as nested plain values. Without `secrets`, these and their digests are masked."""
    seen = {
        "files": dict(_files(site.root)),
        "gateways": gateways(site),
        "databases": {str(path): database(path) for path in sorted(_databases(site))},
        "secrets": {name: _mode(path) for name, path in _generated(site)},
        "kept": _names(site.state / "kept"),
        "pinned": _names(site.state / "secrets" / "pinned"),
        "state": {str(path.relative_to(site.state)): _mode(path) for path in sorted(site.state.iterdir())},
        "ledger": _ledger(site),
        "status": _status(site),
    }
    return seen if secrets else {name: _masked(value) for name, value in seen.items()}


def gateways(site: Site) -> dict[str, list[dict[str, object]]]:
    """Wizard -> its live gateways, whoever started them, and which ports they listen on. One is right."""
    ports = _listeners()
    found: dict[str, list[dict[str, object]]] = {}
    daemon = [p.pid for p in supervisors(site)]
    for process in gateway_processes(site):
        environ = _words(process.pid, "environ")
        found.setdefault(_wizard(site, environ), []).append(
            {
                "argv": _words(process.pid, "cmdline"),
                "environ": sorted(word for word in environ if not word.startswith(_VOLATILE)),
                "ports": sorted(ports.get(process.pid, ())),
                "supervised": process.ppid() in daemon,
            }
        )
    return found


def gateway_processes(site: Site) -> list[psutil.Process]:
    """Every live process whose environment names a home of this site."""
    return [process for process in psutil.process_iter() if _wizard(site, _words(process.pid, "environ"))]


def pids(site: Site) -> dict[str, int]:
    """Wizard -> pid of its gateway."""
    return {_wizard(site, _words(process.pid, "environ")): process.pid for process in gateway_processes(site)}


def _wizard(site: Site, environ: list[str]) -> str:
    home = next((word for word in environ if word.startswith(f"HERMES_HOME={site.root}/")), "")
    return home.split("/")[-2] if home else ""


def supervisors(site: Site) -> list[psutil.Process]:
    configuration = str(site.state / "supervisor" / "supervisord.conf")
    return [process for process in psutil.process_iter() if configuration in _words(process.pid, "cmdline")]


def leftovers(site: Site) -> list[str]:
    """Temporary files and folders of ours that nobody will ever look at again."""
    found = []
    for folder in (site.root, site.state):
        for path in folder.rglob("*"):
            if re.search(r"\.reconciler-.*\.tmp$|\.partial$|\.new$|\.restored$|\.lock$", path.name):
                found.append(str(path))
    return sorted(found)


def secrets_of(site: Site) -> dict[str, bytes]:
    """Every secret file of the host, by path."""
    folder = site.state / "secrets"
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".tmp"}


def loose_secrets(site: Site) -> list[str]:
    """Secret files, and copies of files that may hold some, that others than their owner may read."""
    folders = (site.state / "secrets", site.state / "kept", site.state / "generations")
    paths = [path for folder in folders for path in folder.rglob("*")]
    paths += [site.state / "ledger.db", *site.root.glob("*/home/.env")]
    return [f"{path} {_mode(path)}" for path in paths if path.is_file() and path.stat().st_mode & 0o077]


def _generated(site: Site) -> Iterator[tuple[str, Path]]:
    folder = site.state / "secrets" / "generated"
    yield from ((str(path.relative_to(folder)), path) for path in sorted(folder.rglob("*")))


def _names(folder: Path) -> list[str]:
    """Names tell what the files hold: each is a digest."""
    return [f"{path.name} {_mode(path)}" for path in sorted(folder.glob("*"))]


def _mode(path: Path) -> str:
    return stat.filemode(path.lstat().st_mode)


def database(path: Path) -> dict[str, object]:
    """Opened, checked, and counted."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return {
            "check": connection.execute("PRAGMA integrity_check").fetchone(),
            "version": connection.execute("SELECT version FROM schema").fetchall(),
            "rows": connection.execute("SELECT text FROM message ORDER BY id").fetchall(),
        }


def _databases(site: Site) -> Iterator[Path]:
    yield from site.root.glob("*/home/state.db")
    yield from site.root.glob(".attic/*/home/state.db")
    yield from (path for path in site.state.glob("generations/*/*/state.db") if not path.parent.name.startswith("."))
    yield from site.state.glob("generations/*/*/replaced/state.db")
    yield from site.state.glob("generations/*/replaced/*/state.db")


def _files(root: Path) -> Iterator[tuple[str, object]]:
    for path in sorted(root.rglob("*")):
        if path.name in _SKIPPED or path.name in _DATABASES:
            continue
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            yield str(path), ("link", os.readlink(path))
        elif stat.S_ISREG(found.st_mode):
            yield str(path), (stat.filemode(found.st_mode), found.st_uid, path.read_text())
        else:
            yield str(path), (stat.filemode(found.st_mode), found.st_uid)


def _ledger(site: Site) -> Mapping[str, object]:
    ledger, alive = SqliteLedger(site.state / "ledger.db", SystemClock(), readonly=True), pids(site)
    try:
        records, applied = ledger.records(), ledger.get("applied-commit")
        open_steps = [intent.step.id for intent in ledger.open_intents()]
        unfinished = [one.id for one in ledger.passes(1000) if one.result is None]
    finally:
        ledger.close()
    return {
        "applied": applied,
        "open intents": open_steps,
        "unfinished passes": unfinished,
        "held": {key: HELD.encode(held) for key, held in sorted(records.held.items())},
        "attic": sorted((s.wizard, s.path, s.original) for s in records.attic.values()),
        "pauses": sorted(records.pauses),
        "quarantines": sorted((q.wizard, q.expansion, q.commit, q.by_hand) for q in records.quarantines.values()),
        "proven": {wizard: _proven(records.starts.get(body_key(wizard))) for wizard in sorted(alive)},
        "generations": {
            name: [[g.number, g.commit, g.expansion, *map(RESOURCE.encode, g.resources)] for g in generations]
            for name, generations in sorted(records.generations.items())
        },
    }


def _proven(start: Start | None) -> str:
    """Of a live gateway. One whose start nobody knows of may have been started by us and never watched."""
    if start is None:
        return "its start is not recorded"
    return "it has passed its gate" if start.proven else "it has not passed its gate"


def unreadable(site: Site) -> list[str]:
    """Secrets of generations that could not be put back."""
    ledger = SqliteLedger(site.state / "ledger.db", SystemClock(), readonly=True)
    try:
        generations = [one for found in ledger.records().generations.values() for one in found]
    finally:
        ledger.close()
    refs = {(one.wizard, one.number, ref) for one in generations for r in one.resources for ref in secret_refs(r)}
    wrong = [f"{name} {number}: {ref.short} is not pinned" for name, number, ref in refs if ref.source != "pinned"]
    paths = {ref.location: site.state / "secrets" / "pinned" / ref.location for _, _, ref in refs}
    return sorted([*wrong, *(f"{path} is gone" for path in paths.values() if not path.is_file())])


def _status(site: Site) -> dict[str, object]:
    """What was published: of each wizard what does not tell when and why."""
    if not site.git("for-each-ref", f"refs/heads/status/{HOST}"):
        return {}
    page = json.loads(site.git("show", f"refs/heads/status/{HOST}:status.json"))
    told = ("desired", "observed", "healthy", "port", "model", "codebase", "paused", "differences", "unmanaged")
    return {one["name"]: {key: _plain(one.get(key)) for key in told} for one in page["wizards"]}


def _plain(value: object) -> str:
    """Whether a gate saw the end or the pause before the next start is a matter of moments."""
    return re.sub(r"failed here: .*?; generation", "failed here; generation", str(value))


_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
_KEY = re.compile(r"(API_SERVER_KEY=)\S+")


def _masked(value: object) -> object:
    match value:
        case str():
            return _KEY.sub(r"\1***", _DIGEST.sub("***", value))
        case dict():
            return {key: _masked(item) for key, item in value.items()}
        case list() | tuple():
            return [_masked(item) for item in value]
        case _:
            return value


def _listeners() -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.pid:
            found.setdefault(connection.pid, set()).add(connection.laddr.port)
    return found


def _words(pid: int, name: str) -> list[str]:
    try:
        return [word for word in Path(f"/proc/{pid}/{name}").read_text(errors="replace").split("\0") if word]
    except OSError:
        return []
