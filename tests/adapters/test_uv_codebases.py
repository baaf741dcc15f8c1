"""Codebases built by the real uv: whole or absent, whatever happens in the middle."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from reconciler.adapters.codebase_folder import BUILDING, MARKER
from reconciler.adapters.path_lock import held
from reconciler.adapters.uv import UvCodebases
from reconciler.adapters.uv_run import Subject, UvRun, _environment
from reconciler.errors import Interrupted, Retryable, Terminal
from reconciler.plan.codebases import version_path
from reconciler.plan.fact import Absent, FileFact, InTheWay, Present
from reconciler.plan.fields import SOURCE, source_value
from reconciler.plan.resource import CodebaseVersion, PypiInstall
from tests.adapters.silent import silent

SIX = PypiInstall("six", "1.16.0", ())
UNREACHABLE = {"UV_DEFAULT_INDEX": "http://someone:s3cret@127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"}


def version(root: Path, source: PypiInstall = SIX) -> CodebaseVersion:
    return CodebaseVersion("codebase/six", None, version_path("six", source, str(root)), source)


def fact(wanted: CodebaseVersion) -> FileFact:
    return UvCodebases(os.environ).observe([wanted])[wanted.key]


def offline(folder: Path) -> dict[str, str]:
    return {**os.environ, "UV_CACHE_DIR": str(folder)}


def marked(wanted: CodebaseVersion) -> None:
    """A folder that looks whole, without an install."""
    python = Path(wanted.path) / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    marker = {"source": json.loads(source_value(wanted.source).text)}
    (Path(wanted.path) / MARKER).write_text(json.dumps(marker))


def test_absent_unless_whole(tmp_path: Path) -> None:
    wanted = version(tmp_path)
    assert fact(wanted) == Absent()
    marked(wanted)
    assert fact(wanted) == Present(((SOURCE, source_value(SIX)),))
    more = replace(wanted, source=PypiInstall("six", "1.16.0", ("idna",)))
    assert fact(more) == fact(wanted)  # with what it really has
    (Path(wanted.path) / BUILDING).touch()
    assert fact(wanted) == Present(())
    (Path(wanted.path) / BUILDING).unlink()
    (Path(wanted.path) / "bin" / "python").unlink()
    (Path(wanted.path) / "bin" / "python").symlink_to("/no/python")
    assert fact(wanted) == Present(())
    shutil.rmtree(wanted.path)
    Path(wanted.path).mkdir()
    assert fact(wanted) == Present(())
    (Path(wanted.path) / "notes").touch()
    assert fact(wanted) == Absent()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"source": 1}'])
def test_a_damaged_marker_proves_nothing(tmp_path: Path, text: str) -> None:
    wanted = version(tmp_path)
    marked(wanted)
    (Path(wanted.path) / MARKER).write_text(text)
    assert fact(wanted) == Present(())


def test_a_link_is_in_the_way_and_never_removed(tmp_path: Path) -> None:
    wanted = version(tmp_path)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "pyvenv.cfg").write_text("x")
    (tmp_path / ".codebases" / "six").mkdir(parents=True)
    Path(wanted.path).symlink_to(tmp_path / "precious")
    assert fact(wanted) == InTheWay("a link")
    with pytest.raises(Terminal, match="a link or a file"):
        UvCodebases(os.environ).install(wanted)
    assert os.listdir(tmp_path / "precious") == ["pyvenv.cfg"]


def test_uv_gets_nothing_of_the_shell() -> None:
    given = {
        "PATH": "/bin",
        "VIRTUAL_ENV": "/x",
        "PYTHONPATH": "/x",
        "SECRET": "s",
        "UV_PYTHON": "3.9",
        "https_proxy": "p",
    }
    assert _environment({**given, "UV_CACHE_DIR": "/c"}) == {
        "PATH": "/bin",
        "https_proxy": "p",
        "UV_CACHE_DIR": "/c",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        "NO_COLOR": "1",
    }


@pytest.mark.system
def test_install(tmp_path: Path) -> None:
    wanted = version(tmp_path)
    codebases = UvCodebases(os.environ)
    codebases.install(wanted)
    assert fact(wanted) == Present(((SOURCE, source_value(SIX)),))
    python = Path(wanted.path) / "bin" / "python"
    assert subprocess.check_output([python, "-c", "import six; print(six.__version__)"], text=True) == "1.16.0\n"
    marker = json.loads((Path(wanted.path) / MARKER).read_text())
    assert marker["versions"] == {"six": "1.16.0"}
    assert not (Path(wanted.path) / BUILDING).exists()
    before = (Path(wanted.path) / MARKER).stat().st_ino
    codebases.install(wanted)
    assert (Path(wanted.path) / MARKER).stat().st_ino == before


@pytest.mark.system
def test_another_source_stands_beside_it_and_leaves_it_as_it_was(tmp_path: Path) -> None:
    codebases = UvCodebases(os.environ)
    first, more = version(tmp_path), version(tmp_path, PypiInstall("six", "1.16.0", ("idna",)))
    codebases.install(first)
    before = tree(first)
    codebases.install(more)
    with pytest.raises(Retryable):
        UvCodebases({**offline(tmp_path / "cache"), **UNREACHABLE}).install(
            version(tmp_path, PypiInstall("six", "1.16.0", ("attrs",)))
        )
    assert tree(first) == before
    assert fact(first) == Present(((SOURCE, source_value(SIX)),))
    assert fact(more) == Present(((SOURCE, source_value(more.source)),))


def tree(wanted: CodebaseVersion) -> dict[str, int]:
    return {str(path): path.lstat().st_mtime_ns for path in Path(wanted.path).rglob("*")}


def test_what_is_marked_whole_is_never_cleared_for_another_program(tmp_path: Path) -> None:
    wanted = version(tmp_path)
    marked(wanted)
    before = tree(wanted)
    with pytest.raises(Terminal, match="another program is installed here") as caught:
        UvCodebases(os.environ).install(replace(wanted, source=PypiInstall("seven", "1.16.0", ())))
    assert caught.value.where == wanted.path
    assert tree(wanted) == before


@pytest.mark.system
@pytest.mark.parametrize("away", [True, False])
def test_an_interpreter_that_has_gone_is_put_back_and_nothing_else_is_touched(tmp_path: Path, away: bool) -> None:
    """The index is not needed, since all packages are there; running programs may still import from them."""
    wanted = version(tmp_path)
    UvCodebases(os.environ).install(wanted)
    (module,) = Path(wanted.path).glob("lib/python3*/site-packages/six.py")
    inode = module.stat().st_ino
    (Path(wanted.path) / "bin" / "python").unlink()
    (Path(wanted.path) / "bin" / "python").symlink_to("/no/python")
    assert fact(wanted) == Present(())
    UvCodebases({**offline(tmp_path / "cache"), **UNREACHABLE} if away else os.environ).install(wanted)
    assert fact(wanted) == Present(((SOURCE, source_value(SIX)),))
    assert module.stat().st_ino == inode
    assert not (Path(wanted.path) / BUILDING).exists()


@pytest.mark.system
def test_what_was_whole_stays_where_it_can_not_be_repaired(tmp_path: Path) -> None:
    """A damaged marker proves nothing, and somebody may run from the folder all the same."""
    wanted = version(tmp_path)
    marked(wanted)
    (Path(wanted.path) / MARKER).write_text("{")
    (Path(wanted.path) / "notes").touch()
    with pytest.raises(Retryable, match="could not be reached"):
        UvCodebases({**offline(tmp_path / "cache"), **UNREACHABLE}).install(wanted)
    assert fact(wanted) == Present(())
    assert (Path(wanted.path) / "notes").exists()
    UvCodebases(os.environ).install(wanted)
    assert fact(wanted) == Present(((SOURCE, source_value(SIX)),))
    assert (Path(wanted.path) / "notes").exists()


@pytest.mark.system
@pytest.mark.parametrize("source", [PypiInstall("six", "99.0", ()), PypiInstall("six", "1.16.0", ("six>2",))])
def test_a_version_that_does_not_exist(tmp_path: Path, source: PypiInstall) -> None:
    with pytest.raises(Terminal) as caught:
        UvCodebases(os.environ).install(version(tmp_path, source))
    assert caught.value.where == f"six=={source.version}"
    assert "six" in caught.value.what
    assert caught.value.mend
    assert fact(version(tmp_path, source)) == Absent()


@pytest.mark.system
@pytest.mark.parametrize("away", [UNREACHABLE, {"UV_OFFLINE": "1"}])
def test_a_registry_that_is_away_and_comes_back(tmp_path: Path, away: dict[str, str]) -> None:
    wanted = version(tmp_path)
    with pytest.raises(Retryable) as caught:
        UvCodebases({**offline(tmp_path / "cache"), **away}).install(wanted)
    assert "could not be reached" in caught.value.what
    assert "s3cret" not in str(caught.value)
    assert fact(wanted) == Absent()
    UvCodebases(os.environ).install(wanted)
    assert isinstance(fact(wanted), Present)


@pytest.mark.system
def test_what_an_interrupted_install_left_is_replaced_and_anything_else_set_aside(tmp_path: Path) -> None:
    wanted = version(tmp_path)
    path = Path(wanted.path)
    for name in (BUILDING, "notes"):
        shutil.rmtree(path, ignore_errors=True)
        (path / "lib").mkdir(parents=True)
        (path / name).write_text("x")
        UvCodebases(os.environ).install(wanted)
        assert isinstance(fact(wanted), Present)
        assert not (path / name).exists()
    aside = [name for name in os.listdir(path.parent) if name.endswith(".aside")]
    assert [sorted(os.listdir(path.parent / name)) for name in aside] == [["lib", "notes"]]


@pytest.mark.system
def test_a_kill_in_the_middle(tmp_path: Path) -> None:
    """A stand-in index that never answers holds uv; then we are killed, and uv after us."""
    wanted = version(tmp_path)
    script = (
        "import os, socket, sys, threading; from pathlib import Path\n"
        "from reconciler.adapters.uv import UvCodebases\n"
        "from reconciler.plan.resource import CodebaseVersion, PypiInstall\n"
        "silent = socket.create_server(('127.0.0.1', 0))\n"
        "environ = {**os.environ, 'UV_CACHE_DIR': sys.argv[2],\n"
        "           'UV_DEFAULT_INDEX': f'http://127.0.0.1:{silent.getsockname()[1]}/simple'}\n"
        "threading.Thread(target=lambda: (silent.accept(), print('asked', flush=True)), daemon=True).start()\n"
        "UvCodebases(environ).install(CodebaseVersion('x', None, sys.argv[1], PypiInstall('six', '1.16.0', ())))\n"
    )
    argv = [sys.executable, "-c", script, wanted.path, str(tmp_path / "cache")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "asked\n"
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert fact(wanted) == Present(())
    assert (Path(wanted.path) / BUILDING).exists()
    UvCodebases(os.environ).install(wanted)  # waits until the orphaned uv has let go of the lock
    assert isinstance(fact(wanted), Present)


@pytest.mark.system
def test_an_index_that_hangs_is_not_awaited_when_it_is_cancelled(tmp_path: Path) -> None:
    wanted = version(tmp_path)
    with silent() as (address, asked):
        away = {**offline(tmp_path / "cache"), "UV_DEFAULT_INDEX": f"{address}/simple"}
        with pytest.raises(Interrupted):
            UvCodebases(away).install(wanted, asked.is_set)
    assert not Path(wanted.path).exists()
    assert not [child for child in psutil.Process().children(recursive=True) if child.name() == "uv"]


def test_waiting_for_somebody_elses_install_is_cancelled_too(tmp_path: Path) -> None:
    wanted = version(tmp_path)
    path = Path(wanted.path)
    path.parent.mkdir(parents=True)
    with held(path.parent / f".{path.name}.lock", 0), pytest.raises(Interrupted):
        UvCodebases(os.environ).install(wanted, lambda: True)


@pytest.mark.system
def test_two_at_once(tmp_path: Path) -> None:
    wanted = version(tmp_path)
    script = (
        "import os, sys; from reconciler.adapters.uv import UvCodebases\n"
        "from reconciler.plan.resource import CodebaseVersion, PypiInstall\n"
        "UvCodebases(os.environ).install(CodebaseVersion('x', None, sys.argv[1], PypiInstall('six', '1.16.0', ())))\n"
    )
    both = [subprocess.Popen([sys.executable, "-c", script, wanted.path]) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert isinstance(fact(wanted), Present)
    assert [name for name in os.listdir(tmp_path / ".codebases" / "six") if name.endswith(".aside")] == []


def test_a_lock_says_who_to_look_for(tmp_path: Path) -> None:
    with held(tmp_path / "lock", 1), pytest.raises(Retryable, match="another process"), held(tmp_path / "lock", 0):
        pass
    with held(tmp_path / "lock", 0):
        pass


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("failed to write to file `/x/.gitignore`: Input/output error (os error 5)", "input/output error"),
        ("failed to copy file: No space left on device (os error 28)", "the disk is full"),
    ],
)
def test_trouble_with_the_disk_is_told_with_its_mend(tmp_path: Path, words: str, what: str) -> None:
    run = UvRun({}, tmp_path, Subject("six 1.16.0", "choose another version"), 0, lambda: False)
    error = run._failure(2, f"error: {words}")
    assert isinstance(error, Retryable)
    assert (what in error.what, error.where, bool(error.mend)) == (True, str(tmp_path), True)
