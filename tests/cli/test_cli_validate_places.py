"""`validate` of files, of what is staged and of a commit: the same words, and no setting that nobody gave."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.cli.site import FILES, wizard
from tests.git.upstream import run_git


def git(top: Path, *args: str) -> None:
    run_git(top / ".git", f"--work-tree={top}", "-c", "core.bare=false", *args)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fleet of one commit; we are at its top."""
    for path, content in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    run_git(tmp_path / ".git", "init", "-q", "-b", "main", str(tmp_path), GIT_WORK_TREE=str(tmp_path))
    git(tmp_path, "add", "fleet")
    git(tmp_path, "commit", "-q", "-m", "x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_file_is_called_one_and_its_folder_is_named(call: Call, repository: Path) -> None:
    ran = call("validate", "fleet/fleet.yaml")
    assert ran.code == 1
    assert "it is a file, not a folder" in ran.err
    assert "name the folder that holds the fleet files: fleet, or one above it" in ran.err
    assert "'fleet/fleet.yaml' is a file, not a folder" in call("validate", "--staged", "fleet/fleet.yaml").err


@pytest.mark.parametrize("args", [("--staged", ".."), ("--commit", "HEAD", "..")])
def test_no_setting_is_named_that_nobody_gave(args: tuple[str, ...], call: Call, repository: Path) -> None:
    ran = call("validate", *args)
    assert ran.code == 1
    assert "source.folder" not in ran.err
    assert "write a path inside the repository, such as fleet" in ran.err
    assert "source.folder" not in call("validate", "--commit", "HEAD", "nowhere").err


@pytest.mark.parametrize("name", [b"a\nb.yaml", b"caf\xe9.yaml"])
def test_a_bad_name_of_a_file_is_told_beside_all_else(name: bytes, call: Call, repository: Path) -> None:
    (repository / "fleet" / os.fsdecode(name)).write_text("kind: Wizard\n")
    (repository / "fleet" / "ada.yaml").write_text(wizard("ada", 8643) + "prot: 1\n")
    git(repository, "add", "fleet")
    git(repository, "commit", "-q", "-m", "x")
    first, *others = (call("validate", *where).out for where in ((), ("--staged",), ("--commit", "HEAD")))
    assert "the name holds control characters or is not UTF-8" in first
    assert "prot" in first
    assert others == [first, first]
