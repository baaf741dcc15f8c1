"""Versions are removed only where they are ours, unused by any live process, and never through a link."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.adapters.codebase_folder import BUILDING, MARKER
from reconciler.adapters.codebase_use import users_of
from reconciler.adapters.uv import UvCodebases
from reconciler.errors import Retryable, Terminal
from reconciler.plan.fact import Absent, FileFact, Present
from reconciler.plan.fields import source_value
from reconciler.plan.resource import CodebaseVersion, PypiInstall

SIX = PypiInstall("six", "1.16.0", ())


@pytest.fixture
def whole(tmp_path: Path) -> CodebaseVersion:
    """A folder that is whole as far as its marks tell, with folders, links and a read-only file in it."""
    path = tmp_path / "root" / ".codebases" / "six" / "1.16.0"
    (path / "bin").mkdir(parents=True)
    (path / "bin" / "python").symlink_to(sys.executable)
    (path / "lib" / "deep" / "er").mkdir(parents=True)
    (path / "lib" / "deep" / "er" / "file").write_text("x")
    (path / "lib" / "deep" / "er" / "file").chmod(0o400)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "memory").write_text("kept")
    (path / "lib" / "out").symlink_to(tmp_path / "precious")
    (path / MARKER).write_text(json.dumps({"source": json.loads(source_value(SIX).text)}))
    return CodebaseVersion("codebase/six/1.16.0", None, str(path), SIX)


def fact(version: CodebaseVersion) -> FileFact:
    return UvCodebases(os.environ).observe([version])[version.key]


def remove(version: CodebaseVersion) -> None:
    UvCodebases(os.environ).remove(version)


def precious(version: CodebaseVersion) -> str:
    return (Path(version.path).parents[3] / "precious" / "memory").read_text()


def test_it_is_gone_and_nothing_behind_its_links_is(whole: CodebaseVersion) -> None:
    remove(whole)
    assert fact(whole) == Absent()
    assert not os.path.lexists(whole.path)
    assert precious(whole) == "kept"
    remove(whole)


def test_a_partial_build_and_an_empty_folder_are_ours(whole: CodebaseVersion) -> None:
    Path(whole.path, MARKER).rename(Path(whole.path, BUILDING))
    remove(whole)
    assert not os.path.lexists(whole.path)
    Path(whole.path).mkdir()
    remove(whole)
    assert not os.path.lexists(whole.path)


def test_a_folder_without_our_marks_stays(whole: CodebaseVersion) -> None:
    Path(whole.path, MARKER).unlink()
    assert fact(whole) == Absent()
    with pytest.raises(Terminal, match="no mark of ours"):
        remove(whole)
    assert Path(whole.path, "lib", "deep", "er", "file").exists()


@pytest.mark.parametrize("level", ["version", "name", "all"])
def test_a_link_on_the_way_is_never_followed(whole: CodebaseVersion, tmp_path: Path, level: str) -> None:
    path = Path(whole.path)
    moved = {"version": path, "name": path.parent, "all": path.parent.parent}[level]
    moved.rename(tmp_path / "elsewhere")
    moved.symlink_to(tmp_path / "elsewhere")
    before = sorted(str(found) for found in (tmp_path / "elsewhere").rglob("*") if not found.name.endswith(".lock"))
    with pytest.raises(Terminal, match="link"):
        remove(whole)
    after = sorted(str(found) for found in (tmp_path / "elsewhere").rglob("*") if not found.name.endswith(".lock"))
    assert after == before


def test_only_versions_below_the_codebases_are_removed(tmp_path: Path) -> None:
    (tmp_path / "ezra" / "home").mkdir(parents=True)
    (tmp_path / "ezra" / "home" / MARKER).write_text("{}")
    with pytest.raises(Terminal, match="only versions below"):
        remove(CodebaseVersion("x", None, str(tmp_path / "ezra" / "home"), SIX))
    assert (tmp_path / "ezra" / "home" / MARKER).exists()


@pytest.mark.system
def test_a_live_process_keeps_its_version(whole: CodebaseVersion) -> None:
    python = str(Path(whole.path, "bin", "python"))
    script = "print('up', flush=True); import time; time.sleep(600)"
    with subprocess.Popen([python, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "up\n"
            assert [pid for pid, _ in users_of(whole.path)] == [process.pid]
            assert users_of(whole.path.removesuffix("6.0")) == ()
            with pytest.raises(Retryable, match=f"pid {process.pid}"):
                remove(whole)
            assert fact(whole) == Present(((("source",), source_value(SIX)),))
        finally:
            process.kill()
    remove(whole)
    assert fact(whole) == Absent()


@pytest.mark.system
def test_what_a_kill_leaves_is_known_for_ours_and_finished(whole: CodebaseVersion) -> None:
    """Many files, so that the kill comes in the middle; wherever it came, the next removal ends it."""
    for number in range(3000):
        Path(whole.path, "lib", f"{number}").write_text("x")
    script = (
        "import os, sys; from pathlib import Path; from reconciler.adapters.codebase_folder import remove\n"
        "print('go', flush=True); remove(Path(sys.argv[1]))\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, whole.path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        while Path(whole.path, MARKER).exists() and process.poll() is None:
            pass
        process.kill()
    assert process.returncode in (0, -signal.SIGKILL)
    if os.path.lexists(whole.path):
        assert fact(whole) == Present(())
    remove(whole)
    assert not os.path.lexists(whole.path)
    assert precious(whole) == "kept"
