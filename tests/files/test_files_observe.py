"""What looking at real files says, and how little it costs when nothing changed."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from reconciler.adapters.files import Disk
from reconciler.plan.fact import Absent, FileFact, InTheWay, Present, Unknown
from reconciler.plan.resource import Directory, FileResource, Format, KeyedFile, Symlink, TextFile
from reconciler.plan.value import FieldPath, Hidden, known
from reconciler.protocols.files import FileQuery

OLD = 1_000_000_000  # long enough ago for a stat signature to be trusted


def digest(text: str) -> str:
    return hashlib.sha256(b"key" + text.encode()).hexdigest()


class Counted:
    """os.lstat, counted by path, with stats that a test may pin."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.pinned: dict[str, os.stat_result] = {}

    def __call__(self, path: str) -> os.stat_result:
        self.paths.append(path)
        return self.pinned.get(path) or os.lstat(path)


class Host:
    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.root.mkdir()
        self.lstat = Counted()
        self.now = 4_000_000_000_000_000_000
        self.disk = Disk([self.root], folder / "kept", digest, self.lstat, lambda: self.now)

    def see(self, *queries: FileQuery, reread: bool = False) -> list[FileFact]:
        facts = self.disk.observe(queries, reread=reread)
        return [facts[query.resource.key] for query in queries]

    def path(self, name: str) -> str:
        return str(self.root / name)

    def ask(self, resource: FileResource, open_keys: Iterable[FieldPath] = ()) -> FileQuery:
        return FileQuery(resource, resource.path, frozenset(open_keys))

    def text(self, name: str) -> FileQuery:
        return self.ask(TextFile(name, "ezra", self.path(name), 0o600, "wanted"))

    def folder(self, name: str) -> FileQuery:
        return self.ask(Directory(name, "ezra", self.path(name), 0o700))

    def link(self, name: str) -> FileQuery:
        return self.ask(Symlink(name, "ezra", self.path(name), "/wanted"))

    def keyed(self, name: str, open_keys: Iterable[FieldPath] = (), form: Format = Format.YAML) -> FileQuery:
        return self.ask(KeyedFile(name, "ezra", self.path(name), 0o600, form, ()), open_keys)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def write(path: str, data: str | bytes, mode: int = 0o600) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(data.encode() if isinstance(data, str) else data)
    os.chmod(path, mode)


def test_fields_of_each_type(host: Host) -> None:
    os.mkdir(host.path("dir"))
    os.chmod(host.path("dir"), 0o750)
    write(host.path("SOUL.md"), "I am ü\r\n", 0o604)
    os.symlink("../somewhere", host.path("link"))
    folder, text, link = host.see(host.folder("dir"), host.text("SOUL.md"), host.link("link"))
    assert folder == Present(((("mode",), known("0750")),))
    assert text == Present(((("mode",), known("0604")), (("text",), known("I am ü\r\n"))))
    assert link == Present(((("target",), known("../somewhere")),))


def test_keyed_yaml_hides_all_but_what_is_declared_in_the_open(host: Host) -> None:
    write(
        host.path("config.yaml"),
        "model: {default: m, key: s3cret}\nlist: [1, {a: 2}]\nempty: {}\nn: 5\nopen: {x: {y: 1}}\n",
    )
    query = host.keyed("config.yaml", [("model", "default"), ("open",), ("n", "deeper")])
    (fact,) = host.see(query)
    assert fact == Present(
        (
            (("key", "empty"), Hidden(digest("{}"))),
            (("key", "list"), Hidden(digest('[1,{"a":2}]'))),
            (("key", "model", "default"), known("m")),
            (("key", "model", "key"), Hidden(digest("s3cret"))),
            (("key", "n"), known(5)),
            (("key", "open", "x", "y"), known(1)),
            (("mode",), known("0600")),
        )
    )


def test_keyed_env(host: Host) -> None:
    write(host.path(".env"), "A='x y'\nexport API_SERVER_KEY=abc\n")
    (fact,) = host.see(host.keyed(".env", [("A",)], Format.ENV))
    assert fact == Present(
        ((("key", "A"), known("x y")), (("key", "API_SERVER_KEY"), Hidden(digest("abc"))), (("mode",), known("0600")))
    )


@pytest.mark.parametrize(
    ("make", "what"),
    [("folder", "a folder"), ("link", "a link to /etc/passwd"), ("socket", "a socket"), ("pipe", "a pipe")],
)
def test_another_type_is_in_the_way(host: Host, make: str, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(host.root)  # a socket's path must be short
    makers: dict[str, Callable[[str], object]] = {
        "folder": os.mkdir,
        "link": lambda name: os.symlink("/etc/passwd", name),
        "pipe": os.mkfifo,
    }
    if make == "socket":
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind("x")
    else:
        makers[make]("x")
    assert host.see(host.text("x")) == [InTheWay(what)]
    assert host.see(host.keyed("x")) == [InTheWay(what)]


def test_absent(host: Host) -> None:
    assert host.see(host.text("nothing"), host.text("no/folder/here")) == [Absent(), Absent()]
    os.rmdir(host.root)
    assert host.see(host.text("nothing")) == [Absent()]


def test_a_file_on_the_way(host: Host) -> None:
    write(host.path("home"), "x")
    (fact,) = host.see(host.text("home/SOUL.md"))
    assert fact == InTheWay(f"a file at {host.path('home')}, where a folder is needed")


def test_a_link_on_the_way_is_not_followed(host: Host, tmp_path: Path) -> None:
    write(str(tmp_path / "outside" / "SOUL.md"), "secret of somebody else")
    os.symlink(tmp_path / "outside", host.path("home"))
    (fact,) = host.see(host.text("home/SOUL.md"))
    assert isinstance(fact, Unknown)
    assert host.path("home") in fact.reason
    assert "link" in fact.reason


def test_a_folder_that_turns_into_a_link_is_noticed_although_the_file_looks_the_same(
    host: Host, tmp_path: Path
) -> None:
    write(host.path("home/SOUL.md"), "mine")
    query = host.text("home/SOUL.md")
    assert isinstance(host.see(query)[0], Present)
    os.rename(host.path("home"), tmp_path / "moved")
    os.symlink(tmp_path / "moved", host.path("home"))
    assert isinstance(host.see(query)[0], Unknown)


def test_outside_the_roots(host: Host, tmp_path: Path) -> None:
    for path in (str(tmp_path / "else"), host.path("../else"), host.path("a/../../else")):
        (fact,) = host.see(FileQuery(TextFile("x", None, path, 0o600, ""), path, frozenset()))
        assert isinstance(fact, Unknown)
        assert "outside" in fact.reason


def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    write(str(tmp_path / "real" / "a"), "x")
    os.symlink("real", tmp_path / "root")
    path = str(tmp_path / "root" / "a")
    disk = Disk([tmp_path / "root"], tmp_path / "kept", digest)
    query = FileQuery(TextFile("a", None, path, 0o600, ""), path, frozenset())
    assert isinstance(disk.observe([query])["a"], Present)
    disk.write_text(path, "y", 0o600)
    assert (tmp_path / "real" / "a").read_text() == "y"


def test_unparsable_is_unknown_with_its_position(host: Host) -> None:
    write(host.path("config.yaml"), "a: 1\nb: [\n")
    (fact,) = host.see(host.keyed("config.yaml"))
    assert isinstance(fact, Unknown)
    assert fact.reason.startswith(f"{host.path('config.yaml')}:3:1: ")
    assert "mend" in fact.reason


def test_what_is_no_text_or_too_large_differs_from_every_text(host: Host) -> None:
    write(host.path("a"), b"\xff\xfe")
    write(host.path("b"), "x" * (1024 * 1024 + 1))
    write(host.path("c"), "x" * (1024 * 1024))
    a, b, c = host.see(host.text("a"), host.text("b"), host.text("c"))
    texts = [dict(fact.fields)[("text",)] for fact in (a, b, c) if isinstance(fact, Present)]
    assert '"sha256":' in texts[0].text  # type: ignore[union-attr]
    assert '"bytes":1048577' in texts[1].text  # type: ignore[union-attr]
    assert texts[2] == known("x" * (1024 * 1024))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission_is_unknown(host: Host) -> None:
    write(host.path("a"), "x", 0o000)
    (fact,) = host.see(host.text("a"))
    assert isinstance(fact, Unknown)
    assert host.path("a") in fact.reason


def test_an_error_of_the_disk_is_unknown(host: Host) -> None:
    def broken(path: str) -> os.stat_result:
        raise OSError(5, "Input/output error", path)

    disk = Disk([host.root], host.root, digest, broken)
    (fact,) = disk.observe([host.text("a")]).values()
    assert fact == Unknown(f"{host.path('a')}: Input/output error")


def all_queries(host: Host) -> list[FileQuery]:
    write(host.path("ezra/home/SOUL.md"), "soul")
    write(host.path("ezra/home/config.yaml"), "a: 1\n")
    write(host.path("ezra/home/.env"), "A=1\n")
    os.symlink("/x", host.path("ezra/link"))
    return [
        host.folder("ezra"),
        host.folder("ezra/home"),
        host.text("ezra/home/SOUL.md"),
        host.keyed("ezra/home/config.yaml"),
        host.keyed("ezra/home/.env", (), Format.ENV),
        host.link("ezra/link"),
        host.text("ezra/nothing"),
    ]


def test_unchanged_costs_one_look_a_resource_and_gives_the_same_objects(host: Host) -> None:
    queries = all_queries(host)
    first = host.see(*queries)
    host.lstat.paths.clear()
    second = host.see(*queries)
    assert sorted(host.lstat.paths) == sorted(query.path for query in queries)
    assert all(one is other for one, other in zip(first, second, strict=True))


def test_questions_made_anew_are_not_read_again(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    first = host.see(*all_queries(host))
    opened: list[object] = []
    original = os.open
    monkeypatch.setattr(os, "open", lambda *args, **kwargs: opened.append(args) or original(*args, **kwargs))
    again = [host.folder("ezra"), host.text("ezra/home/SOUL.md"), host.keyed("ezra/home/config.yaml")]
    seen = host.see(*again)
    assert opened == []
    assert [seen[0], seen[1], seen[2]] == [first[0], first[2], first[3]]


def test_other_open_keys_are_another_question(host: Host) -> None:
    write(host.path("c"), "a: 1\n")
    (hidden,) = host.see(host.keyed("c"))
    (shown,) = host.see(host.keyed("c", [("a",)]))
    assert isinstance(hidden, Present)
    assert isinstance(shown, Present)
    assert hidden.fields[0] == (("key", "a"), Hidden(digest("1")))
    assert shown.fields[0] == (("key", "a"), known(1))


@pytest.mark.parametrize(
    "name", ["ezra/home/SOUL.md", "ezra/home/config.yaml", "ezra/home/.env", "ezra/link", "ezra/home", "ezra/nothing"]
)
def test_each_change_is_found_and_only_it(host: Host, name: str) -> None:
    queries = all_queries(host)
    before = host.see(*queries)
    path = host.path(name)
    changes: dict[str, Callable[[], object]] = {
        "ezra/link": lambda: (os.unlink(path), os.symlink("/y", path)),
        "ezra/home": lambda: os.chmod(path, 0o711),
        "ezra/home/config.yaml": lambda: write(path, "a: 2\n"),
        "ezra/home/.env": lambda: write(path, "A=2\n"),
    }
    changes.get(name, lambda: write(path, "lous"))()
    after = host.see(*queries)
    changed = [query.resource.key for query, one, other in zip(queries, before, after, strict=True) if one is not other]
    assert changed == [name]


def test_a_write_within_one_tick_of_the_clock_is_found(host: Host) -> None:
    """A kernel with coarse times gives a second write of equal size the same signature."""
    path = host.path("SOUL.md")
    write(path, "one")
    query = host.text("SOUL.md")
    host.lstat.pinned[path] = os.lstat(path)
    host.now = os.lstat(path).st_mtime_ns + 1_000_000
    (first,) = host.see(query)
    write(path, "two")
    (second,) = host.see(query)
    assert isinstance(first, Present)
    assert isinstance(second, Present)
    assert (first.fields[1][1], second.fields[1][1]) == (known("one"), known("two"))


def test_an_old_signature_is_trusted_and_a_full_reread_is_not_fooled(host: Host) -> None:
    path = host.path("SOUL.md")
    write(path, "one")
    query = host.text("SOUL.md")
    host.lstat.pinned[path] = os.lstat(path)
    (first,) = host.see(query)
    write(path, "two")
    assert host.see(query)[0] is first
    (fresh,) = host.see(query, reread=True)
    assert isinstance(fresh, Present)
    assert fresh.fields[1][1] == known("two")


def test_a_file_that_is_always_changing_is_unknown(host: Host) -> None:
    path = host.path("SOUL.md")
    write(path, "x")
    sizes = iter(range(10_000))

    def restless(name: str) -> os.stat_result:
        os.truncate(path, next(sizes))
        return os.lstat(name)

    disk = Disk([host.root], host.root, digest, restless)
    (fact,) = disk.observe([host.text("SOUL.md")]).values()
    assert isinstance(fact, Unknown)
    assert "changes faster" in fact.reason


def test_no_descriptor_is_left_open(host: Host) -> None:
    queries = all_queries(host)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        host.see(*queries, reread=True)
    assert len(os.listdir("/proc/self/fd")) == before
