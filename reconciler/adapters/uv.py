"""Python codebases: one virtual environment a version, built by uv at its final path, marked whole at the very end.

A virtual environment can't be renamed, so an interrupted one stands at the final path without its marker; the next
install replaces it. Not done here: linking wizards to it, removing versions that nobody runs.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from reconciler.adapters.atomic import replace, temporary_name
from reconciler.adapters.disk_errors import told
from reconciler.adapters.path_lock import held
from reconciler.adapters.tree import FOLDER, Spot
from reconciler.adapters.uv_run import UvRun
from reconciler.errors import Terminal
from reconciler.plan.fact import Absent, FileFact, InTheWay, Present, Unknown
from reconciler.plan.fields import SOURCE, source_value
from reconciler.plan.resource import CodebaseVersion, PypiInstall
from reconciler.plan.value import Known, known

MARKER = ".reconciler-complete.json"
BUILDING = ".reconciler-building"
_LOCK_SECONDS = 1800.0


class UvCodebases:
    """See `protocols.codebases.Codebases`. `environ` is our own environment, of which uv gets an allow-list; `python`
    the interpreter that the environments are made for."""

    def __init__(self, environ: Mapping[str, str], python: str = sys.executable) -> None:
        self._environ = environ
        self._python = python

    def observe(self, versions: Sequence[CodebaseVersion]) -> Mapping[str, FileFact]:
        return {version.key: _fact(version) for version in versions}

    def install(self, version: CodebaseVersion) -> None:
        path = Path(version.path)
        with told(version.path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with held(path.parent / f".{path.name}.lock", _LOCK_SECONDS) as lock:
                if isinstance(_fact(version), Present):
                    return  # another process was faster
                self._build(version, path, lock)

    def _build(self, version: CodebaseVersion, path: Path, lock: int) -> None:
        # uv inherits the lock: should we be killed, nobody starts over while it still writes.
        run = UvRun(self._environ, path.parent, version.source, lock)
        if not _same_program(path, version.source):
            _clear(path)
            path.mkdir(mode=0o755)
            (path / BUILDING).touch()
            run("venv", "--quiet", "--allow-existing", "--python", self._python, str(path))
        (path / MARKER).unlink(missing_ok=True)
        python = str(path / "bin" / "python")
        source = version.source
        run("pip", "install", "--python", python, f"{source.package}=={source.version}", *source.extras)
        _finish(path, source, run("pip", "freeze", "--python", python))


def _fact(version: CodebaseVersion) -> FileFact:
    path = Path(version.path)
    try:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode):
            return InTheWay("a link" if stat.S_ISLNK(found.st_mode) else "a file")
        source = _marked(path)
        (path / "bin" / "python").stat()
    except (FileNotFoundError, NotADirectoryError):
        return Absent()
    except OSError as error:
        return Unknown(f"{error.filename or path}: {error.strerror}")
    if source != source_value(version.source):
        return Absent()
    return Present(((SOURCE, source),))


def _marked(path: Path) -> Known | None:
    """What the marker says was installed. A damaged marker proves nothing."""
    try:
        marker = json.loads((path / MARKER).read_bytes())
    except ValueError:
        return None
    return known(marker["source"]) if isinstance(marker, dict) and "source" in marker else None


def _same_program(path: Path, source: PypiInstall) -> bool:
    """Whether a whole environment of the same program stands there and only what is beside it differs: that is added in
    place, since running programs still import from it."""
    try:
        marked = _marked(path)
        (path / "bin" / "python").stat()
    except OSError:
        return False
    before = json.loads(marked.text) if marked is not None else {}
    wanted = json.loads(source_value(source).text)
    return isinstance(before, dict) and {**before, "with": None} == {**wanted, "with": None}


def _clear(path: Path) -> None:
    """Makes room at the path. What an install of ours left is removed; anything else is set aside, not deleted."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode):
        raise Terminal("a link or a file stands where the codebase goes", where=str(path), mend="move it away")
    if any((path / name).exists() for name in (BUILDING, MARKER, "pyvenv.cfg")):
        shutil.rmtree(path)  # follows no link, inside neither
    elif any(path.iterdir()):
        path.rename(path.with_name(temporary_name(path.name).removesuffix(".tmp") + ".aside"))
    else:
        path.rmdir()


def _finish(path: Path, source: PypiInstall, frozen: str) -> None:
    """Everything to disk, then the marker: a power cut must not leave a marker without the files."""
    marker = {
        "source": json.loads(source_value(source).text),
        "versions": dict(sorted(line.split("==", 1) for line in frozen.split() if "==" in line)),
        "python": ".".join(map(str, sys.version_info[:3])),
        "installed_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    folder = os.open(path, FOLDER | os.O_NOFOLLOW)
    try:
        os.sync()
        replace(Spot(folder, MARKER, str(path / MARKER)), json.dumps(marker, indent=2).encode() + b"\n", 0o644)
        (path / BUILDING).unlink(missing_ok=True)
    finally:
        os.close(folder)
