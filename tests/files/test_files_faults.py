"""A full disk, a read-only one, a limit, and a kill in the middle: what is said, and what is left."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.adapters.disk_errors import disk_error
from reconciler.adapters.files import Disk
from reconciler.errors import Retryable, Terminal

PRELUDE = """
import os, signal, sys
from pathlib import Path
from reconciler.adapters.files import Disk
from reconciler.errors import ReconcilerError
from reconciler.plan.resource import Format
from reconciler.protocols.files import KeyEdit
root = Path(sys.argv[1])
disk = Disk([root], root / "kept", lambda text: text)
edit = lambda name, value: disk.edit_keys(str(root / name), Format.YAML, [KeyEdit(("a",), value)], 0o600)
def attempt(act):
    try:
        act()
        print("done")
    except ReconcilerError as error:
        print(f"{type(error).__name__} | {error.where} | {error.what} | {error.mend}")
"""


def run(script: str, root: Path, *before: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*before, sys.executable, "-c", PRELUDE + script, str(root)], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENOENT]
)
def test_the_world_is_in_the_way(number: int) -> None:
    error = disk_error("/x/y", OSError(number, os.strerror(number)))
    assert isinstance(error, Retryable)
    assert error.where == "/x/y"
    assert error.mend


@pytest.mark.parametrize("number", [errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.EXDEV, errno.ENAMETOOLONG])
def test_trying_again_changes_nothing(number: int) -> None:
    error = disk_error("/x/y", OSError(number, os.strerror(number)))
    assert isinstance(error, Terminal)
    assert error.mend


def own_mounts() -> list[str]:
    """A command that gives its child mounts of its own; skips where the kernel forbids that."""
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    command = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    if (
        subprocess.run([*command, "sh", "-c", "mount -t tmpfs tmpfs /mnt"], capture_output=True, check=False).returncode
        != 0
    ):
        pytest.skip("mounts are not permitted here")
    return command


def in_tmpfs(root: Path, options: str, after: str = ":") -> list[str]:
    setup = f'mount -t tmpfs -o {options} tmpfs "{root}" && echo "a: 1" > "{root}/c" && {after}; exec "$@"'
    return [*own_mounts(), "sh", "-c", setup, "sh"]


def test_a_full_disk(tmp_path: Path) -> None:
    script = """
attempt(lambda: disk.write_text(str(root / "big"), "x" * 200_000, 0o600))
attempt(lambda: edit("c", '"' + "x" * 200_000 + '"'))
attempt(lambda: disk.write_text(str(root / "small"), "x", 0o600))
print(sorted(os.listdir(root)), (root / "c").read_text())
"""
    done = run(script, tmp_path, *in_tmpfs(tmp_path, "size=64k"))
    full = "the disk is full | free space on the file system that holds it"
    lines = done.stdout.splitlines()
    assert lines[:3] == [f"Retryable | {tmp_path}/big | {full}", f"Retryable | {tmp_path}/c | {full}", "done"], (
        done.stderr
    )
    assert lines[3] == "['c', 'small'] a: 1"


def test_a_read_only_disk(tmp_path: Path) -> None:
    script = """
for act in (
    lambda: disk.write_text(str(root / "a"), "x", 0o600),
    lambda: edit("c", "2"),
    lambda: disk.make_directory(str(root / "d"), 0o700),
    lambda: disk.link(str(root / "l"), "x"),
    lambda: disk.remove(str(root / "c")),
):
    attempt(act)
"""
    done = run(script, tmp_path, *in_tmpfs(tmp_path, "size=64k", f'mount -o remount,ro "{tmp_path}"'))
    lines = done.stdout.splitlines()
    assert len(lines) == 5, done.stderr
    assert all(line.startswith(f"Retryable | {tmp_path}/") and "read-only" in line for line in lines), lines


def test_a_limit_on_the_size_of_files(tmp_path: Path) -> None:
    script = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
attempt(lambda: disk.write_text(str(root / "a"), "x" * 5000, 0o600))
print(os.listdir(root))
"""
    lines = run(script, tmp_path).stdout.splitlines()
    assert lines[0].startswith(f"Retryable | {tmp_path}/a | the file is larger")
    assert lines[1] == "[]"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir(mode=0o500)
    disk = Disk([tmp_path], tmp_path / "kept", lambda text: text)
    with pytest.raises(Retryable, match="permission denied"):
        disk.write_text(str(tmp_path / "d" / "a"), "x", 0o600)


@pytest.mark.parametrize("act", ['disk.write_text(str(root / "c"), "new", 0o600)', 'edit("c", "2")'])
def test_a_kill_between_the_temporary_file_and_the_rename(tmp_path: Path, act: str) -> None:
    (tmp_path / "c").write_text("a: 1\n")
    done = run(f"os.rename = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)\n{act}\n", tmp_path)
    assert done.returncode == -signal.SIGKILL
    left = sorted(os.listdir(tmp_path))
    assert len(left) == 2
    assert left[0].startswith(".reconciler-")
    assert left[0].endswith(".tmp")
    assert (tmp_path / "c").read_text() == "a: 1\n"
    # Another file's write leaves it alone, the same file's takes it away.
    disk = Disk([tmp_path], tmp_path / "kept", lambda text: text)
    disk.write_text(str(tmp_path / "other"), "x", 0o600)
    assert left[0] in os.listdir(tmp_path)
    assert run('edit("c", "3")', tmp_path).returncode == 0
    assert sorted(os.listdir(tmp_path)) == ["c", "other"]
    assert (tmp_path / "c").read_text() == "a: 3\n"
