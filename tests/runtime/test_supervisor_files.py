"""Files that the supervisor reads are replaced whole, and a kill leaves nothing that stays."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.adapters.supervisor_files import write
from reconciler.errors import Terminal

KILLED = """
import os, signal, sys
from pathlib import Path
from reconciler.adapters.supervisor_files import write
sys.addaudithook(lambda event, _: event == "os.rename" and os.kill(os.getpid(), signal.SIGKILL))
write(Path(sys.argv[1]), "of a killed pass, and longer")
"""


def test_what_a_killed_write_left_is_used_up_by_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "ezra-body.json"
    write(path, "old")
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
        assert done.returncode == -signal.SIGKILL
        assert path.read_text() == "old"
        assert len(list(tmp_path.iterdir())) == 2
    write(path, "new")
    assert [one.name for one in tmp_path.iterdir()] == ["ezra-body.json"]
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_could_not_be_written_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ezra-body.json"
    path.mkdir()
    with pytest.raises(Terminal, match="a folder stands there") as caught:
        write(path, "new")
    assert caught.value.where == str(path)
    assert [one.name for one in tmp_path.iterdir()] == ["ezra-body.json"]
