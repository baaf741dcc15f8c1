"""Who may write the file of the keys that may sign: nobody but its owner, by whatever way."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.adapters.git_signature import Signatures
from reconciler.errors import Terminal
from tests.git.signers import SshSigner, allow


def check(path: Path) -> None:
    Signatures("ssh", path).check()


def test_a_missing_and_an_empty_file_are_said(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(Terminal, match="can't be read") as caught:
        check(missing)
    assert str(missing) in caught.value.where
    missing.write_text("\n")
    with pytest.raises(Terminal, match="no allowed key"):
        check(missing)


@pytest.mark.parametrize(("mode", "who"), [(0o664, "a group"), (0o666, "everybody"), (0o646, "everybody")])
def test_a_file_that_others_can_write(tmp_path: Path, ann: SshSigner, mode: int, who: str) -> None:
    path = allow(tmp_path, ann)
    path.chmod(mode)
    with pytest.raises(Terminal, match=f"{who}.* can write the allowed keys") as caught:
        check(path)
    assert caught.value.mend == f"chmod go-w {path}"
    path.chmod(0o644)
    check(path)


@pytest.mark.parametrize(("mode", "who"), [(0o775, "a group"), (0o777, "everybody")])
def test_a_folder_that_others_can_write(tmp_path: Path, ann: SshSigner, mode: int, who: str) -> None:
    """The folder itself, one above it, and one that only a link leads through; a sticky one is let pass."""
    above = tmp_path / "etc"
    folder = above / "keys"
    folder.mkdir(parents=True)
    path = allow(folder, ann)
    link = tmp_path / "link"
    link.symlink_to(path)
    for place in (folder, above):
        place.chmod(mode)
        for way in (path, link):
            with pytest.raises(Terminal, match=f"{who}.* can write the folder {place},") as caught:
                check(way)
            assert caught.value.mend == f"chmod go-w {place}"
        place.chmod(mode | 0o1000)
        check(path)
        place.chmod(0o755)
    check(link)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "link").symlink_to(path)
    elsewhere.chmod(mode)
    with pytest.raises(Terminal, match=f"can write the folder {elsewhere},"):
        check(elsewhere / "link")
