"""Codebases from real Git repositories: built by commit, without leaving anything of the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import psutil
import pytest

from reconciler.adapters.codebase_folder import MARKER
from reconciler.adapters.git_checkout import GitCheckouts, same_place
from reconciler.adapters.git_remote import Access
from reconciler.adapters.git_repo import make_bare
from reconciler.adapters.uv import CHECKOUT, UvCodebases
from reconciler.errors import Interrupted, Retryable, Terminal
from reconciler.plan.codebases import version_path
from reconciler.plan.fact import Absent, Present
from reconciler.plan.fields import SOURCE, source_value
from reconciler.plan.resource import CodebaseVersion, GitInstall
from tests.adapters.silent import silent
from tests.git.http_backend import smart_http
from tests.git.upstream import Upstream

PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
BACKEND = '''\
"""A build backend that needs nothing: zips the module, and ships a .env as a careless project would."""
import zipfile
def build_wheel(folder, settings=None, metadata=None):
    name = "spell-1.2-py3-none-any.whl"
    info = "spell-1.2.dist-info"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.write("spell.py")
        wheel.writestr(".env", "LEAKED=1")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: spell\\nVersion: 1.2\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return name
'''


def project(word: str) -> dict[str, str]:
    return {
        "pyproject.toml": PROJECT,
        "backend.py": BACKEND,
        "spell.py": f"WORD = {word!r}\nSECRET = {'LEAKED'!r} in __import__('os').environ\n",
        ".env": "LEAKED=1\n",
    }


def codebases(tmp_path: Path) -> UvCodebases:
    checkouts = GitCheckouts(tmp_path / "state", lambda _: Access(seconds=20.0, first_seconds=20.0))
    return UvCodebases(os.environ, checkouts=checkouts)


def version(tmp_path: Path, url: str | Path, commit: str, *extras: str) -> CodebaseVersion:
    source = GitInstall(str(url), commit, extras)
    return CodebaseVersion(
        f"codebase/spell/{commit}", None, version_path("spell", source, str(tmp_path / "root")), source
    )


def word(wanted: CodebaseVersion) -> str:
    code = "import spell; print(spell.WORD)"
    return subprocess.check_output([f"{wanted.path}/bin/python", "-c", code], text=True).strip()


def mirror(tmp_path: Path) -> Path:
    (found,) = (tmp_path / "state" / "git" / "codebases").glob("*.git")
    return found


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    return Upstream(tmp_path / "upstream.git")


@pytest.mark.system
def test_commits_stand_side_by_side_and_nothing_of_a_checkout_stays(tmp_path: Path, upstream: Upstream) -> None:
    first, second = upstream.commit(project("one")), upstream.commit(project("two"))
    built = codebases(tmp_path)
    for commit, said in ((first, "one"), (second, "two")):
        wanted = version(tmp_path, upstream.path, commit)
        assert built.observe([wanted])[wanted.key] == Absent()
        built.install(wanted)
        assert built.observe([wanted])[wanted.key] == Present(((SOURCE, source_value(wanted.source)),))
        assert word(wanted) == said
        assert '"spell": "1.2"' in Path(wanted.path, MARKER).read_text()
        left = {path.name for path in Path(wanted.path).rglob("*")}
        assert not left & {".env", ".git", CHECKOUT, "backend.py", f"{CHECKOUT}.index"}
    assert word(version(tmp_path, upstream.path, first)) == "one"
    assert mirror(tmp_path).is_dir()


@pytest.mark.system
def test_the_same_commit_from_another_address_is_the_same_program(tmp_path: Path, upstream: Upstream) -> None:
    commit = upstream.commit(project("one"))
    built = codebases(tmp_path)
    built.install(version(tmp_path, upstream.path, commit))
    elsewhere = version(tmp_path, "https://git.example.invalid/spell.git", commit)
    built.install(elsewhere)  # asks nobody
    assert built.observe([elsewhere])[elsewhere.key] == Present(((SOURCE, source_value(elsewhere.source)),))


@pytest.mark.system
def test_a_commit_that_the_remote_does_not_have(tmp_path: Path, upstream: Upstream) -> None:
    upstream.commit(project("one"))
    wanted = version(tmp_path, upstream.path, "1" * 40)
    with pytest.raises(Terminal, match="there is no commit 1111") as caught:
        codebases(tmp_path).install(wanted)
    assert caught.value.where == str(upstream.path)
    assert not Path(wanted.path).exists()


@pytest.mark.system
def test_a_commit_that_is_no_python_project(tmp_path: Path, upstream: Upstream) -> None:
    commit = upstream.commit({"README.md": "nothing to build"})
    wanted = version(tmp_path, upstream.path, commit)
    with pytest.raises(Terminal, match="can't be installed") as caught:
        codebases(tmp_path).install(wanted)
    assert commit[:12] in caught.value.where
    assert not Path(wanted.path).exists()


@pytest.mark.system
def test_a_remote_that_is_away_and_a_mirror_that_still_knows(tmp_path: Path, upstream: Upstream) -> None:
    known, unknown = upstream.commit(project("one")), upstream.commit(project("two"))
    built = codebases(tmp_path)
    built.install(version(tmp_path, upstream.path, known))
    upstream.path.rename(tmp_path / "away.git")
    away = version(tmp_path, upstream.path, unknown)
    with pytest.raises(Retryable, match="can't be reached"):
        built.install(away)
    assert not Path(away.path).exists()
    shutil.rmtree(version(tmp_path, upstream.path, known).path)
    built.install(version(tmp_path, upstream.path, known))
    assert word(version(tmp_path, upstream.path, known)) == "one"


@pytest.mark.system
@pytest.mark.parametrize("shallow_before", [False, True])
def test_a_remote_that_gives_no_single_commits(tmp_path: Path, upstream: Upstream, shallow_before: bool) -> None:
    """An old server can only be asked for its branches and tags, so everything is fetched."""
    commits = [upstream.commit(project(said)) for said in ("one", "two", "three")]
    built = codebases(tmp_path)
    with smart_http(tmp_path, old=True) as base:
        url = f"{base}/upstream.git"
        if shallow_before:
            built.install(version(tmp_path, url, commits[2]))
            assert (mirror(tmp_path) / "shallow").exists()
        built.install(version(tmp_path, url, commits[0]))
        with pytest.raises(Terminal, match="there is no commit"):
            built.install(version(tmp_path, url, "2" * 40))
    assert word(version(tmp_path, url, commits[0])) == "one"


@pytest.mark.system
def test_a_damaged_mirror_is_made_anew(tmp_path: Path, upstream: Upstream) -> None:
    commit = upstream.commit(project("one"))
    built = codebases(tmp_path)
    wanted = version(tmp_path, upstream.path, commit)
    built.install(wanted)
    shutil.rmtree(wanted.path)
    for pack in (mirror(tmp_path) / "objects").rglob("*"):
        if pack.is_file():
            pack.unlink()
    built.install(wanted)
    assert word(wanted) == "one"


@pytest.mark.system
def test_hooks_filters_and_links_of_a_repository_do_nothing(tmp_path: Path, upstream: Upstream) -> None:
    files = {**project("one"), ".gitattributes": "* filter=evil\n", "link": ("120000", upstream.blob("/etc/passwd"))}
    commit = upstream.commit(files)
    checkouts = GitCheckouts(tmp_path / "state", lambda _: Access())
    checkouts.export(str(upstream.path), commit, tmp_path / "first")
    hook = mirror(tmp_path) / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    checkouts.export(str(upstream.path), commit, tmp_path / "second")
    assert not (tmp_path / "ran").exists()
    assert (tmp_path / "second" / "link").is_symlink()
    assert (tmp_path / "second" / "spell.py").read_text() == files["spell.py"]
    assert not (tmp_path / "second" / ".env").exists()
    assert sorted(os.listdir(tmp_path)) == ["first", "second", "state", "upstream.git"]


@pytest.mark.system
def test_many_commits_of_one_repository_at_once(tmp_path: Path, upstream: Upstream) -> None:
    """A pass installs several codebases in threads of its own; the mirror is one."""
    commits = [upstream.commit({**project(str(n)), "big": os.urandom(4_000_000)}) for n in range(4)]
    checkouts = GitCheckouts(tmp_path / "state", lambda _: Access())
    with ThreadPoolExecutor(4) as pool:
        jobs = [
            pool.submit(checkouts.export, str(upstream.path), commit, tmp_path / f"out-{number}")
            for number, commit in enumerate(commits)
        ]
        assert [job.result() for job in jobs] == [()] * 4
    said = [(tmp_path / f"out-{number}" / "spell.py").read_text()[:10] for number in range(4)]
    assert said == [f"WORD = '{number}'" for number in range(4)]
    assert {path.suffix for path in mirror(tmp_path).parent.iterdir()} == {".git", ".lock"}


def test_two_that_make_one_repository_at_once_both_have_it(tmp_path: Path) -> None:
    together = Barrier(2)

    def make() -> None:
        together.wait()
        make_bare(tmp_path / "one.git")

    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(make) for _ in range(2)]
        assert [job.result() for job in jobs] == [None, None]
    assert os.listdir(tmp_path) == ["one.git"]


@pytest.mark.system
def test_what_hangs_ends_when_it_is_cancelled_and_leaves_nothing(tmp_path: Path) -> None:
    with silent() as (address, asked):
        wanted = version(tmp_path, f"{address}/spell.git", "1" * 40)
        checkouts = GitCheckouts(tmp_path / "state", lambda _: Access(first_seconds=3600.0))
        with pytest.raises(Interrupted):
            UvCodebases(os.environ, checkouts=checkouts).install(wanted, asked.is_set)
    assert not Path(wanted.path).exists()
    assert not [child for child in psutil.Process().children(recursive=True) if "git" in child.name()]
    assert not list(mirror(tmp_path).rglob("*.lock"))


@pytest.mark.system
@pytest.mark.parametrize("kind", ["tree", "tag"])
def test_digits_of_something_else_are_no_commit(tmp_path: Path, upstream: Upstream, kind: str) -> None:
    commit = upstream.commit(project("one"))
    upstream.git("tag", "-a", "v1", "-m", "words", GIT_COMMITTER_DATE="1700000000 +0000")
    digits = upstream.git("rev-parse", f"{commit}^{{tree}}" if kind == "tree" else "v1")
    with pytest.raises(Terminal, match=f"{digits} is a {kind}, not a commit") as caught:
        codebases(tmp_path).install(version(tmp_path, upstream.path, digits))
    assert "git rev-parse" in caught.value.mend


@pytest.mark.system
def test_a_folder_called_like_the_environment_is_left_out_too(tmp_path: Path, upstream: Upstream) -> None:
    files = {name: text for name, text in project("one").items() if name != ".env"}
    commit = upstream.commit({**files, ".env/secrets": "LEAKED=1", ".env/more/deep": "x"})
    wanted = version(tmp_path, upstream.path, commit)
    codebases(tmp_path).install(wanted)
    assert word(wanted) == "one"


@pytest.mark.system
def test_a_version_that_is_taken_from_git_is_told_to_the_build(tmp_path: Path, upstream: Upstream) -> None:
    """As setuptools-scm asks for it, by the name of the project."""
    commit = upstream.commit(
        {
            **project("one"),
            "pyproject.toml": PROJECT + '[project]\nname = "spell.Book"\ndynamic = ["version"]\n',
            "backend.py": "import os\nVERSION = os.environ['SETUPTOOLS_SCM_PRETEND_VERSION_FOR_SPELL_BOOK']\n"
            + BACKEND.replace('"spell-1.2', 'f"spell_book-{VERSION}')
            .replace("Name: spell", "Name: spell-book")
            .replace('Version: 1.2\\n"', 'Version: " + VERSION + "\\n"'),
        }
    )
    wanted = version(tmp_path, upstream.path, commit)
    codebases(tmp_path).install(wanted)
    assert f'"spell-book": "0+g{commit[:12]}"' in Path(wanted.path, MARKER).read_text()


@pytest.mark.system
def test_a_build_that_fails_says_its_last_words_and_which_submodules_are_missing(
    tmp_path: Path, upstream: Upstream
) -> None:
    words = "raise SystemExit('no folder called inner')\n"
    commit = upstream.commit({**project("one"), "backend.py": words, "inner": ("160000", "3" * 40)})
    with pytest.raises(Terminal, match=r"no folder called inner.*submodules are not fetched: inner"):
        codebases(tmp_path).install(version(tmp_path, upstream.path, commit))


@pytest.mark.system
def test_a_package_that_lies_in_a_submodule_in_part_is_refused(tmp_path: Path, upstream: Upstream) -> None:
    """It would be built, and silently be empty. A submodule that is no part of a package does no harm."""
    packs = BACKEND.replace(
        'wheel.write("spell.py")', 'wheel.write("spell.py"); wheel.write("src/book/__init__.py", "book/__init__.py")'
    )
    files = {**project("one"), "backend.py": packs, "src/book/__init__.py": "", "docs/theme": ("160000", "3" * 40)}
    harmless = version(tmp_path, upstream.path, upstream.commit(files))
    codebases(tmp_path).install(harmless)
    assert word(harmless) == "one"
    commit = upstream.commit({**files, "src/book/pages": ("160000", "3" * 40)})
    wanted = version(tmp_path, upstream.path, commit)
    with pytest.raises(Terminal, match="src/book/pages is a submodule inside a package"):
        codebases(tmp_path).install(wanted)
    assert not Path(wanted.path).exists()


@pytest.mark.parametrize("url", ["ext::sh -c true", "--upload-pack=touch x", "", "ftp://x/y"])
def test_addresses_that_are_none(tmp_path: Path, url: str) -> None:
    with pytest.raises(Terminal) as caught:
        GitCheckouts(tmp_path, lambda _: Access()).export(url, "1" * 40, tmp_path / "out")
    assert "Codebase" in caught.value.where


def test_a_branch_is_no_commit(tmp_path: Path, upstream: Upstream) -> None:
    upstream.commit(project("one"))
    with pytest.raises(Terminal, match="not a commit"):
        GitCheckouts(tmp_path / "s", lambda _: Access()).export(str(upstream.path), "main", tmp_path / "out")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://git.example/a/b.git", "https://git.example/c.git", True),
        ("https://git.example/a/b.git", "https://git.example:8443/c.git", False),
        ("https://git.example/a/b.git", "http://git.example/c.git", False),
        ("https://git.example/a.git", "https://git.example.evil/a.git", False),
        ("git@git.example:a/b.git", "ssh://git@git.example/c.git", True),
        ("git@git.example:a/b.git", "git@other.example:a/b.git", False),
        ("/srv/fleet.git", "/srv/other.git", False),
    ],
)
def test_only_the_same_server_is_the_same_place(one: str, other: str, same: bool) -> None:
    assert same_place(one, other) is same
    assert same_place(other, one) is same
