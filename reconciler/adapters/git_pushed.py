"""Files of a commit in a repository of this machine, also while it is still being pushed.

Inside a hook, Git keeps what is pushed in a quarantine and names it in the environment: those few variables are handed
on to our own git, and nothing else of GIT_*. Nothing is checked out and nothing written.
Not done here: whether the fleet is valid.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reconciler.adapters.git_names import check_folder
from reconciler.adapters.git_repo import Around, CommitMissing, Damaged, open_repo
from reconciler.adapters.git_tree import Limits, Trees
from reconciler.adapters.git_words import last_words
from reconciler.errors import Terminal

_QUARANTINE = ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH")


def read_revision(git_dir: Path, revision: str, folder: str, environ: Mapping[str, str]) -> Mapping[str, bytes]:
    """Every file below the folder at the revision, by its path inside the repository.

    Raises Terminal for what can't be read, naming it.
    """
    # Git has asked whether it may trust the repository before it ran our hook; it would ask in vain here.
    trusted = {"safe.directory": "*"} if environ.get("GIT_DIR") else {}
    around = Around({name: environ[name] for name in _QUARANTINE if environ.get(name)}, trusted)
    where = f"{revision} in {git_dir}"
    if not revision or revision.startswith("-"):
        raise Terminal(f"{revision!r} names no commit", where=str(git_dir))
    try:
        with open_repo(git_dir.absolute(), around) as repo:
            found = repo.ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
            if found.code != 0:
                raise Terminal("there is no such commit", where=where, mend=last_words(found.err) if found.err else "")
            return Trees(Limits()).read(repo, found.out.decode().strip(), check_folder(folder))
    except CommitMissing as error:
        raise Terminal("there is no such commit", where=where) from error
    except Damaged as error:
        raise Terminal(f"the commit can't be read: {error}", where=where, mend="run git fsck there") from error
