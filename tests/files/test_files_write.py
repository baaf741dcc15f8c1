"""What the disk adapter changes on real files, and what it refuses to touch."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.adapters.files import Disk
from reconciler.errors import ReconcilerError, Retryable, Terminal
from reconciler.plan.resource import Format
from reconciler.protocols.files import KeyEdit


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def disk(tmp_path: Path, root: Path) -> Disk:
    return Disk([root], tmp_path / "state" / "kept", lambda text: text)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_write_text(disk: Disk, root: Path) -> None:
    disk.write_text(str(root / "a"), "one\n", 0o640)
    assert ((root / "a").read_text(), mode(root / "a")) == ("one\n", 0o640)
    disk.write_text(str(root / "a"), "two ü\r\n", 0o700)
    assert ((root / "a").read_bytes(), mode(root / "a")) == ("two ü\r\n".encode(), 0o700)
    assert names(root) == ["a"]


def test_a_write_makes_a_new_file_so_that_a_reader_never_sees_half(disk: Disk, root: Path) -> None:
    disk.write_text(str(root / "a"), "old", 0o600)
    with (root / "a").open() as reader:
        disk.write_text(str(root / "a"), "new", 0o600)
        assert reader.read() == "old"


def test_the_umask_does_not_count(disk: Disk, root: Path) -> None:
    before = os.umask(0o077)
    try:
        disk.write_text(str(root / "a"), "x", 0o755)
        disk.make_directory(str(root / "d"), 0o755)
    finally:
        os.umask(before)
    assert (mode(root / "a"), mode(root / "d")) == (0o755, 0o755)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_the_owner_of_a_file_is_kept(disk: Disk, root: Path) -> None:
    (root / "a").write_text("x: 1\n")
    os.chown(root / "a", 1234, 2345)
    disk.write_text(str(root / "a"), "x: 2\n", 0o600)
    disk.edit_keys(str(root / "a"), Format.YAML, [KeyEdit(("x",), "3")], 0o600)
    found = (root / "a").stat()
    assert (found.st_uid, found.st_gid, (root / "a").read_text()) == (1234, 2345, "x: 3\n")


def test_make_directory(disk: Disk, root: Path) -> None:
    disk.make_directory(str(root / "a" / "b" / "c"), 0o750)
    assert [mode(root / "a"), mode(root / "a" / "b"), mode(root / "a" / "b" / "c")] == [0o700, 0o700, 0o750]
    disk.make_directory(str(root / "a" / "b" / "c"), 0o700)
    assert mode(root / "a" / "b" / "c") == 0o700


def test_make_directory_makes_the_root_too(tmp_path: Path) -> None:
    disk = Disk([tmp_path / "srv" / "wizards"], tmp_path / "kept", lambda text: text)
    disk.make_directory(str(tmp_path / "srv" / "wizards" / "ezra"), 0o700)
    assert (tmp_path / "srv" / "wizards" / "ezra").is_dir()


def test_link(disk: Disk, root: Path) -> None:
    disk.link(str(root / "l"), "one")
    disk.link(str(root / "l"), "../two")
    assert os.readlink(root / "l") == "../two"
    inode = (root / "l").lstat().st_ino
    disk.link(str(root / "l"), "../two")
    assert (root / "l").lstat().st_ino == inode
    assert names(root) == ["l"]


def test_edit_keys_makes_the_file(disk: Disk, root: Path) -> None:
    disk.edit_keys(str(root / "c"), Format.YAML, [KeyEdit(("a", "b"), '"no"')], 0o600)
    assert ((root / "c").read_text(), mode(root / "c")) == ("a:\n  b: 'no'\n", 0o600)


def test_edit_keys_without_a_difference_writes_nothing_but_the_mode(disk: Disk, root: Path) -> None:
    (root / "c").write_text("a: 1 # x\n")
    os.chmod(root / "c", 0o644)
    disk.edit_keys(str(root / "c"), Format.YAML, [KeyEdit(("a",), "1")], 0o600)
    inode = (root / "c").stat().st_ino
    disk.edit_keys(str(root / "c"), Format.YAML, [KeyEdit(("a",), "1")], 0o600)
    assert ((root / "c").read_text(), mode(root / "c"), (root / "c").stat().st_ino) == ("a: 1 # x\n", 0o600, inode)


def test_a_file_that_can_not_be_parsed_is_left_alone(disk: Disk, root: Path) -> None:
    (root / "c").write_text("a: [\n")
    with pytest.raises(Terminal) as caught:
        disk.edit_keys(str(root / "c"), Format.YAML, [KeyEdit(("b",), "1")], 0o600)
    assert caught.value.where == f"{root}/c:2:1"
    assert caught.value.mend
    assert ((root / "c").read_text(), names(root)) == ("a: [\n", ["c"])


def test_an_unsafe_edit_names_the_key_and_writes_nothing(disk: Disk, root: Path) -> None:
    text = "a: &x\n  k: s3cret\nb: *x\n"
    (root / "c").write_text(text)
    with pytest.raises(Terminal) as caught:
        disk.edit_keys(str(root / "c"), Format.YAML, [KeyEdit(("a", "k"), '"s3cret too"')], 0o600)
    assert caught.value.where == f"{root}/c [b.k]"
    assert "s3cret" not in str(caught.value)
    assert ((root / "c").read_text(), names(root)) == (text, ["c"])


def test_an_agents_write_in_the_middle_of_an_edit_is_kept(
    disk: Disk, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = root / "c"
    path.write_text("a: 1\n")
    real, writes = os.fsync, iter(["a: 1\nagent: first\n", "a: 1\nagent: second\n"])

    def fsync(descriptor: int) -> None:
        real(descriptor)
        text = next(writes, None)
        if text is not None:
            path.write_text(text)

    monkeypatch.setattr(os, "fsync", fsync)
    disk.edit_keys(str(path), Format.YAML, [KeyEdit(("a",), "2")], 0o600)
    assert path.read_text() == "a: 2\nagent: second\n"
    assert names(root) == ["c"]


def test_a_file_that_never_rests_is_retryable(disk: Disk, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, real, count = root / "c", os.fsync, iter(range(1000))

    def fsync(descriptor: int) -> None:
        real(descriptor)
        path.write_text(f"a: 1\nn: {next(count)}\n")

    path.write_text("a: 1\n")
    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(Retryable, match="faster"):
        disk.edit_keys(str(path), Format.YAML, [KeyEdit(("a",), "2")], 0o600)
    assert "a: 1" in path.read_text()
    assert names(root) == ["c"]


def test_remove(disk: Disk, root: Path) -> None:
    (root / "file").write_text("x")
    os.symlink("file", root / "link")
    (root / "empty").mkdir()
    (root / "full").mkdir()
    (root / "full" / "memory").write_text("x")
    for name in ("link", "empty", "full", "nothing", "no/folder", "file"):
        disk.remove(str(root / name))
    assert names(root) == ["full"]
    assert names(root / "full") == ["memory"]


def test_remove_takes_a_link_and_not_what_it_shows(disk: Disk, root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    os.symlink(tmp_path / "outside", root / "link")
    disk.remove(str(root / "link"))
    assert (tmp_path / "outside").is_dir()
    assert names(root) == []


def test_move(disk: Disk, root: Path) -> None:
    (root / "ezra" / "home").mkdir(parents=True)
    (root / "ezra" / "home" / "MEMORY.md").write_text("x")
    disk.move(str(root / "ezra"), str(root / ".attic" / "deep" / "ezra-1"))
    assert (root / ".attic" / "deep" / "ezra-1" / "home" / "MEMORY.md").read_text() == "x"
    assert [mode(root / ".attic"), mode(root / ".attic" / "deep")] == [0o700, 0o700]
    assert names(root) == [".attic"]


@pytest.mark.parametrize("folder", [".attic", "."])
def test_a_move_that_may_not_be_on_disk_is_taken_back_and_names_the_folder(
    folder: str, disk: Disk, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "ezra").mkdir()
    (root / ".attic").mkdir()
    broken, real = (root / folder).stat().st_ino, os.fsync

    def fsync(descriptor: int) -> None:
        if os.fstat(descriptor).st_ino == broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(Retryable, match="input/output error") as told:
        disk.move(str(root / "ezra"), str(root / ".attic" / "ezra"))
    assert told.value.where == str(root / folder)
    assert (root / "ezra").is_dir()


def test_move_never_replaces(disk: Disk, root: Path) -> None:
    (root / "a").mkdir()
    (root / "empty").mkdir()
    (root / "file").write_text("x")
    for target in ("empty", "file"):
        with pytest.raises(Terminal, match="stands there already"):
            disk.move(str(root / "a"), str(root / target))
    with pytest.raises(Terminal, match="not a folder"):
        disk.move(str(root / "file"), str(root / "b"))
    with pytest.raises(Retryable, match="nothing to move"):
        disk.move(str(root / "nothing"), str(root / "b"))
    assert names(root) == ["a", "empty", "file"]


def test_keep(disk: Disk, root: Path, tmp_path: Path) -> None:
    (root / "SOUL.md").write_text("mine")
    copy = disk.keep(str(root / "SOUL.md"))
    assert copy is not None
    assert Path(copy).name == hashlib.sha256(b"mine").hexdigest()
    assert (Path(copy).read_text(), mode(Path(copy)), mode(Path(copy).parent)) == ("mine", 0o600, 0o700)
    assert disk.keep(str(root / "SOUL.md")) == copy
    assert len(names(Path(copy).parent)) == 1
    os.symlink("/etc/passwd", root / "link")
    assert [disk.keep(str(root / name)) for name in ("nothing", "no/folder", "link")] == [None, None, None]


def test_tail(disk: Disk, root: Path) -> None:
    (root / "log").write_bytes(b"a\n" * 300_000 + b"\xff\nlast")
    assert disk.tail(str(root / "log"), 2) == "\ufffd\nlast"
    assert disk.tail(str(root / "log"), 0) == ""
    assert len(disk.tail(str(root / "log"), 1_000_000)) <= 256 * 1024
    assert disk.tail(str(root / "nothing"), 5) == ""


def test_the_end_since_a_length(disk: Disk, root: Path) -> None:
    log = root / "log"
    assert disk.size(str(log)) == 0
    log.write_text("older\n")
    since = disk.size(str(log))
    assert disk.tail(str(log), 5, since) == ""
    with log.open("a") as file:
        file.write("newer\nnewest\n")
    assert disk.tail(str(log), 5, since) == "newer\nnewest\n"
    assert disk.tail(str(log), 1, since) == "newest\n"
    log.write_text("anew\n")
    assert disk.tail(str(log), 5, since) == "anew\n"


def test_a_pipe_instead_of_a_log_does_not_block(disk: Disk, root: Path) -> None:
    os.mkfifo(root / "log")
    with pytest.raises(Terminal, match="a pipe stands there"):
        disk.tail(str(root / "log"), 5)


EFFECTS: dict[str, Callable[[Disk, str], object]] = {
    "write_text": lambda disk, path: disk.write_text(path, "x", 0o600),
    "edit_keys": lambda disk, path: disk.edit_keys(path, Format.YAML, [KeyEdit(("a",), "1")], 0o600),
    "make_directory": lambda disk, path: disk.make_directory(path, 0o700),
    "link": lambda disk, path: disk.link(path, "target"),
    "move": lambda disk, path: disk.move(path + "/from", path),
    "remove": lambda disk, path: disk.remove(path),
    "keep": lambda disk, path: disk.keep(path),
    "tail": lambda disk, path: disk.tail(path, 3),
}


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize(
    "where", ["{outside}/x", "{root}/../outside/x", "{root}/a/../../outside/x", "{root}", "relative", "{root}x/y"]
)
def test_nothing_happens_outside_the_roots(disk: Disk, root: Path, tmp_path: Path, effect: str, where: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x").write_text("theirs")
    (root / "a").mkdir()
    with pytest.raises(Terminal):
        EFFECTS[effect](disk, where.format(outside=tmp_path / "outside", root=root))
    assert (names(root), names(tmp_path / "outside"), names(tmp_path)) == (["a"], ["x"], ["outside", "root"])
    assert (tmp_path / "outside" / "x").read_text() == "theirs"


@pytest.mark.parametrize("effect", EFFECTS)
def test_no_link_on_the_way_is_followed(disk: Disk, root: Path, tmp_path: Path, effect: str) -> None:
    (tmp_path / "outside" / "from").mkdir(parents=True)
    (tmp_path / "outside" / "x").write_text("theirs")
    os.symlink(tmp_path / "outside", root / "home")
    with pytest.raises(Terminal) as caught:
        EFFECTS[effect](disk, str(root / "home" / "x"))
    assert "link" in caught.value.what
    assert str(root / "home" / "x") in caught.value.where
    assert names(tmp_path / "outside") == ["from", "x"]


@pytest.mark.parametrize("effect", ["write_text", "edit_keys", "make_directory", "tail"])
def test_a_link_at_the_end_is_not_followed_either(disk: Disk, root: Path, tmp_path: Path, effect: str) -> None:
    (tmp_path / "theirs").write_text("theirs")
    os.symlink(tmp_path / "theirs", root / "x")
    with pytest.raises(Terminal):
        EFFECTS[effect](disk, str(root / "x"))
    assert (tmp_path / "theirs").read_text() == "theirs"
    assert (root / "x").is_symlink()


@pytest.mark.parametrize("effect", ["write_text", "edit_keys", "link"])
def test_a_folder_is_never_replaced(disk: Disk, root: Path, effect: str) -> None:
    (root / "x").mkdir()
    with pytest.raises(Terminal, match="a folder stands there"):
        EFFECTS[effect](disk, str(root / "x"))
    assert names(root) == ["x"]


def test_link_does_not_replace_a_file(disk: Disk, root: Path) -> None:
    (root / "x").write_text("x")
    with pytest.raises(Terminal, match="a file stands there"):
        disk.link(str(root / "x"), "target")


def test_a_folder_that_is_swapped_for_a_link_all_the_time_leads_nowhere(disk: Disk, root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "home").mkdir()
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            os.rename(root / "home", root / "aside")
            os.symlink(outside, root / "home")
            time.sleep(0.0001)
            os.unlink(root / "home")
            os.rename(root / "aside", root / "home")
            time.sleep(0.0001)

    agent = threading.Thread(target=swap)
    agent.start()
    outcomes: list[bool] = []
    deadline = time.monotonic() + 60
    try:
        while (len(outcomes) < 300 or len(set(outcomes)) < 2) and time.monotonic() < deadline:
            try:
                disk.write_text(str(root / "home" / "SOUL.md"), "x", 0o600)
                outcomes.append(True)
            except ReconcilerError:
                outcomes.append(False)
    finally:
        stop.set()
        agent.join()
    assert names(outside) == []
    assert set(outcomes) == {True, False}


def test_json_of_another_kind_of_value(disk: Disk, root: Path) -> None:
    value = {"a": [1, 2.5, None, True, {"b": "on"}], "": {}}
    disk.edit_keys(str(root / "c"), Format.YAML, [KeyEdit(("x", "y"), json.dumps(value))], 0o600)
    disk.edit_keys(str(root / "c"), Format.YAML, [KeyEdit(("x", "z"), "[]")], 0o600)
    assert (root / "c").read_text() == (
        "x:\n  y:\n    a:\n      - 1\n      - 2.5\n      - null\n      - true\n      - {b: 'on'}\n    '': {}\n  z: []\n"
    )
