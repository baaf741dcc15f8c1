"""Hooks of a repository on this machine: looks at what is there, puts ours there, and never touches another's.

Ours carry a mark in their second line. Where a folder such as pre-receive.d is there, as Gitea makes it, ours goes into
that, beside the others. Not done here: what hooks do (hooks/, cli/verbs/hook.py).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from reconciler.adapters.disk_errors import told
from reconciler.adapters.git_process import gitpython
from reconciler.errors import Terminal
from reconciler.protocols.set_up import Installed

MARK = "\n# reconciler: "


@dataclass(frozen=True, slots=True)
class HookFolder:
    """See `protocols.set_up.GitHooks`. `path` is the folder of the hooks."""

    path: Path
    bare: bool

    def place(self, name: str) -> Path:
        beside = self.path / f"{name}.d"
        return beside / "reconciler" if beside.is_dir() else self.path / name

    def install(self, name: str, script: str) -> Installed:
        """Puts the script there unless another's hook stands there."""
        target = self.place(name)
        with told(str(target)):
            there = _text(target)
            if there == script and os.access(target, os.X_OK):
                return Installed.FOUND
            if there is not None and MARK not in there:
                return Installed.FOREIGN
            target.parent.mkdir(parents=True, exist_ok=True)
            fresh = target.with_name(f".{target.name}.new-{os.getpid()}")
            fresh.write_text(script, encoding="utf-8")
            fresh.chmod(0o755)
            fresh.replace(target)
        return Installed.MADE if there is None else Installed.CHANGED


def git_dir_of(path: Path) -> Path:
    """The repository that the path is, or is in."""
    return Path(_open(path, parents=True)[0])


def hook_folder(path: Path) -> HookFolder:
    """Of the repository at the path: a bare one, or a folder with files of its own."""
    _, common, bare, configured = _open(path, parents=False)
    if configured:
        base = Path(common) if bare else path.absolute()
        return HookFolder(base / Path(configured).expanduser(), bare)
    return HookFolder(Path(common) / "hooks", bare)


def _open(path: Path, *, parents: bool) -> tuple[str, str, bool, str]:
    """Its own folder, the one it shares with other work trees, whether it is bare, and core.hooksPath."""
    git = gitpython()
    try:
        with git.Repo(path.absolute(), search_parent_directories=parents, expand_vars=False) as repo:
            with repo.config_reader("repository") as config:
                hooks = str(config.get_value("core", "hooksPath", ""))
            return str(repo.git_dir), str(repo.common_dir), bool(repo.bare), hooks
    except (git.exc.InvalidGitRepositoryError, git.exc.NoSuchPathError) as error:
        mend = "name a bare repository, or the top folder of one with files"
        raise Terminal("this is no Git repository", where=str(path), mend=mend) from error


def _text(target: Path) -> str | None:
    """What stands there, as far as it matters; None when nothing does."""
    try:
        return target.read_text("utf-8", "replace")
    except FileNotFoundError:
        if target.is_symlink():
            return ""
        return None
