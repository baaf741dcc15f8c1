"""Files of our own that are made once: whole, by one of several who try, and with nothing left of a killed attempt."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler.adapters.atomic import create, temporary_name
from reconciler.adapters.files import Disk
from reconciler.adapters.secrets import HostSecrets
from reconciler.plan.value import SecretRef

KEY = SecretRef("generate", "ezra/API_SERVER_KEY")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("there", [False, True], ids=["killed before the link", "killed after it"])
def test_what_a_killed_attempt_left_is_removed(tmp_path: Path, there: bool) -> None:
    (tmp_path / temporary_name("key")).write_text("ours")
    if there:
        (tmp_path / "key").write_text("ours")
    assert create(tmp_path / "key", b"theirs") is not there
    assert names(tmp_path) == ["key"]
    assert (tmp_path / "key").read_text() == ("ours" if there else "theirs")


def test_one_of_many_wins_whole(tmp_path: Path) -> None:
    for number in range(60):
        path = tmp_path / f"key-{number}"
        with ThreadPoolExecutor(6) as pool:
            won = list(pool.map(lambda who, path=path: create(path, bytes([who]) * 9), range(6)))  # type: ignore[misc]
        assert won.count(True) == 1
        assert path.read_bytes() == bytes([won.index(True)]) * 9
    assert names(tmp_path) == sorted(f"key-{number}" for number in range(60))


def test_no_copy_of_a_secret_stays_behind(tmp_path: Path) -> None:
    """A pass that is killed while it makes or pins a secret has it made or pinned again by the next one."""
    first = HostSecrets(tmp_path, {})
    pinned = first.pin(KEY)
    text = first.reveal(KEY)
    made, kept = tmp_path / "secrets" / "generated" / "ezra", tmp_path / "secrets" / "pinned"
    (made / temporary_name("API_SERVER_KEY")).write_text(text)
    (kept / temporary_name(pinned.location)).write_text(text)
    second = HostSecrets(tmp_path, {})
    second.make(KEY)
    assert second.pin(KEY) == pinned
    assert (names(made), names(kept)) == (["API_SERVER_KEY"], [pinned.location])
    assert second.reveal(KEY) == text


def test_no_second_copy_of_a_kept_file_stays_behind(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "SOUL.md").write_text("before")
    disk = Disk([tmp_path / "root"], tmp_path / "kept", lambda text: text)
    copy = Path(disk.keep(str(tmp_path / "root" / "SOUL.md")) or "")
    (tmp_path / "kept" / temporary_name(copy.name)).write_text("before")
    assert disk.keep(str(tmp_path / "root" / "SOUL.md")) == str(copy)
    assert names(tmp_path / "kept") == [copy.name]
