"""Files of a commit in a repository of this machine, also while it is still being pushed or about to be made.

Inside a hook, Git keeps what is pushed in a quarantine and names it in the environment, and so it does with the index
of a commit: those few variables are handed on to our own git, and nothing else of GIT_*. Nothing is checked out.
Not done here: whether the fleet is valid, which commits a push brings (git_brought.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from reconciler.adapters.git_brought import Brought, brought
from reconciler.adapters.git_names import check_folder
from reconciler.adapters.git_repo import Around, CommitMissing, Damaged, GitRepo, open_repo
from reconciler.adapters.git_tree import Trees
from reconciler.adapters.git_words import last_words
from reconciler.errors import Terminal
from reconciler.spec.contents import Contents, Limits

_QUARANTINE = ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH")
_INDEX = "GIT_INDEX_FILE"


def read_revision(git_dir: Path, revision: str, folder: str, environ: Mapping[str, str]) -> Contents:
    """What the folder holds at the revision, by path inside the repository.

    Raises Terminal for what can't be read, naming it.
    """
    where = f"{revision} in {git_dir}"
    if not revision or revision.startswith("-"):
        raise Terminal(f"{revision!r} names no commit", where=str(git_dir))
    with _opened(git_dir, where, environ) as repo:
        found = repo.ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if found.code != 0:
            raise Terminal("there is no such commit", where=where, mend=last_words(found.err) if found.err else "")
        return Trees(Limits()).contents(repo, found.out.decode().strip(), check_folder(folder))


def read_staged(git_dir: Path, folder: str, environ: Mapping[str, str]) -> Contents:
    """What the folder holds in the index, which is what the next commit will hold; the index of a commit that is being
    made where the environment names one.

    Writes the tree that `git commit` would write. Raises Terminal for what can't be read, naming it.
    """
    clean, where = check_folder(folder), f"the index of {git_dir}"
    index = {_INDEX: str(Path(environ[_INDEX]).absolute())} if environ.get(_INDEX) else {}
    with _opened(git_dir, where, environ) as repo:
        written = repo.ask("write-tree", environment=index)
        if written.code != 0:
            what = f"no commit can be made of the index: {last_words(written.err)}"
            raise Terminal(what, where=where, mend="resolve and `git add` what is unmerged")
        tree = written.out.decode().strip()
        form = repo.ask("cat-file", "-t", f"{tree}:{clean}").out.strip() if clean else b"tree"
        if form == b"blob":
            mend = "name the folder that holds the fleet files"
            raise Terminal(f"{clean!r} is a file, not a folder", where=where, mend=mend)
        if form != b"tree":
            mend = "`git add` the fleet, or name the folder that holds it"
            raise Terminal(f"nothing is staged in the folder {clean!r}", where=where, mend=mend)
        return Trees(Limits()).contents(repo, tree, clean)


def read_brought(git_dir: Path, tips: Sequence[str], folder: str, environ: Mapping[str, str]) -> Iterator[Brought]:
    """Every file below the folder that these tips (commits or tags) bring and no ref leads to yet.

    Raises Terminal for more than can be gone through at once.
    """
    with _opened(git_dir, str(git_dir), environ) as repo:
        yield from brought(repo, tips, check_folder(folder), Limits())


@contextmanager
def _opened(git_dir: Path, where: str, environ: Mapping[str, str]) -> Iterator[GitRepo]:
    # Git has asked whether it may trust the repository before it ran our hook; it would ask in vain here.
    trusted = {"safe.directory": "*"} if environ.get("GIT_DIR") or environ.get(_INDEX) else {}
    around = Around({name: environ[name] for name in _QUARANTINE if environ.get(name)}, trusted)
    try:
        with open_repo(git_dir.absolute(), around) as repo:
            yield repo
    except CommitMissing as error:
        raise Terminal("there is no such commit", where=where) from error
    except Damaged as error:
        raise Terminal(f"the commit can't be read: {error}", where=where, mend="run git fsck there") from error
