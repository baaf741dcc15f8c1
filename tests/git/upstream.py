"""A remote that other people push to: a bare repository, and a way to commit to it without a checkout."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "Ann Other",
    "GIT_AUTHOR_EMAIL": "ann@example.org",
    "GIT_COMMITTER_NAME": "Ann Other",
    "GIT_COMMITTER_EMAIL": "ann@example.org",
}


def run_git(where: Path, *args: str, feed: bytes = b"", **variables: str) -> str:
    """Output of a git that has to succeed."""
    environment = {"PATH": os.environ["PATH"], **_ENVIRONMENT, **variables, "GIT_DIR": str(where)}
    return subprocess.run(["git", *args], input=feed, env=environment, capture_output=True, check=True).stdout.decode()


class Upstream:
    """A bare repository at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        run_git(path, "init", "--quiet", "--bare", "--initial-branch=main", str(path))

    def git(self, *args: str, feed: bytes = b"", **variables: str) -> str:
        return run_git(self.path, *args, feed=feed, **variables).strip()

    def commit(
        self,
        files: Mapping[str, str | bytes | tuple[str, str]],
        message: str = "change",
        *,
        branch: str = "main",
        parents: tuple[str, ...] | None = None,
    ) -> str:
        """Commits exactly these files (a tuple is mode and object name) on top of the branch, or of `parents`."""
        index = str(self.path / "index.test")
        Path(index).unlink(missing_ok=True)
        for path, content in files.items():
            mode, name = content if isinstance(content, tuple) else ("100644", self.blob(content))
            self.git("update-index", "--add", "--cacheinfo", f"{mode},{name},{path}", GIT_INDEX_FILE=index)
        tree = self.git("write-tree", GIT_INDEX_FILE=index)
        return self.commit_tree(tree, message, branch=branch, parents=parents)

    def commit_tree(
        self, tree: str, message: str, *, branch: str = "main", parents: tuple[str, ...] | None = None
    ) -> str:
        if parents is None:
            tip = self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")
            parents = (tip,) if tip else ()
        options = [part for parent in parents for part in ("-p", parent)]
        commit = self.git("commit-tree", tree, *options, feed=message.encode())
        self.git("update-ref", f"refs/heads/{branch}", commit)
        return commit

    def blob(self, content: str | bytes) -> str:
        data = content.encode() if isinstance(content, str) else content
        return self.git("hash-object", "-w", "--stdin", feed=data)

    def files(self, ref: str) -> dict[str, str]:
        names = self.git("ls-tree", "-r", "--name-only", ref).splitlines()
        return {name: run_git(self.path, "show", f"{ref}:{name}") for name in names}

    def log(self, ref: str) -> list[str]:
        """Subjects, newest first."""
        return self.git("log", "--format=%s", ref).splitlines()
