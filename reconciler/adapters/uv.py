"""Python codebases: one virtual environment a version, built by uv at its final path, marked whole at the very end.

A virtual environment can't be renamed, so an interrupted one stands at the final path without its marker; the next
install replaces it. What has been marked whole is never cleared or added to: another source is another path. A program
from Git is built from an export of its commit, which is gone before the environment is marked whole: nothing of a
checkout, and least of all its .env, stays where wizards would read it.
Not done here: linking wizards to a version, deciding which are still needed.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import assert_never

from reconciler.adapters.codebase_folder import begin, carries_marker, clear, fact_of, finish, marked, remove
from reconciler.adapters.codebase_use import users_of
from reconciler.adapters.disk_errors import told
from reconciler.adapters.git_checkout import GitCheckouts, forget
from reconciler.adapters.git_project import check_packages, version_variables, with_submodules
from reconciler.adapters.path_lock import held
from reconciler.adapters.uv_run import Subject, UvRun
from reconciler.errors import ReconcilerError, Retryable, Terminal
from reconciler.plan.fact import FileFact, Present
from reconciler.plan.fields import SOURCE, source_value
from reconciler.plan.resource import CodebaseVersion, GitInstall, Install, PypiInstall

CHECKOUT = ".reconciler-checkout"
_LOCK_SECONDS = 1800.0


class UvCodebases:
    """See `protocols.codebases.Codebases`. `environ` is our own environment, of which uv gets an allow-list; `python`
    the interpreter that the environments are made for; without `checkouts` nothing is built from Git."""

    def __init__(
        self, environ: Mapping[str, str], python: str = sys.executable, checkouts: GitCheckouts | None = None
    ) -> None:
        self._environ = environ
        self._python = python
        self._checkouts = checkouts

    def observe(self, versions: Sequence[CodebaseVersion]) -> Mapping[str, FileFact]:
        return {version.key: fact_of(Path(version.path)) for version in versions}

    def install(self, version: CodebaseVersion, cancelled: Callable[[], bool] = lambda: False) -> None:
        path = Path(version.path)
        with _locked(path, cancelled) as lock:
            if not _whole(path, version.source):  # else another process was faster
                # uv inherits the lock: should we be killed, nobody starts over while it still writes.
                run = UvRun(self._environ, path.parent, _subject(version.source), lock, cancelled)
                self._build(version.source, path, run, cancelled)

    def remove(self, version: CodebaseVersion) -> None:
        path = Path(version.path)
        if not os.path.lexists(path):
            return
        with _locked(path):
            users = users_of(version.path)
            if users:
                who = ", ".join(f"pid {pid} ({command})" for pid, command in users[:3])
                raise Retryable(f"still runs: {who}", where=version.path, mend="it is removed once that has ended")
            remove(path)

    def _build(self, source: Install, path: Path, run: UvRun, cancelled: Callable[[], bool]) -> None:
        """Builds a new environment. One that was whole once, and has lost its interpreter, gets another one in place:
        running programs may still import from it."""
        kept = carries_marker(path)
        if kept:
            _check_source(path, source)
        else:
            clear(path)
        begin(path)
        try:
            run("venv", "--quiet", "--allow-existing", "--python", self._python, str(path))
            self._fill(source, path, run, cancelled)
        except BaseException:
            # What it began is of no use to anybody; a kill leaves it to the next pass.
            if not kept:
                with suppress(ReconcilerError):
                    clear(path)
            raise

    def _fill(self, source: Install, path: Path, run: UvRun, cancelled: Callable[[], bool]) -> None:
        python = str(path / "bin" / "python")
        with self._program(source, path, cancelled) as program:
            program.install(run, python, source.extras)
            program.check(path)
        for packages in _packages(path):
            forget(packages / ".env")
        finish(path, source, _listed(path, run))

    @contextmanager
    def _program(self, source: Install, path: Path, cancelled: Callable[[], bool]) -> Iterator[_Program]:
        """What uv is asked to install."""
        match source:
            case PypiInstall(package=package, version=version):
                yield _Program(f"{package}=={version}")
            case GitInstall(url=url, commit=commit):
                if self._checkouts is None:
                    raise Terminal("nothing is built from Git here", where=url)
                checkout = path / CHECKOUT
                shutil.rmtree(checkout, ignore_errors=True)
                try:
                    submodules = self._checkouts.export(url, commit, checkout, cancelled)
                    yield _Program(str(checkout), version_variables(checkout, commit), submodules)
                finally:
                    shutil.rmtree(checkout, ignore_errors=True)
            case _:
                assert_never(source)


@dataclass(frozen=True, slots=True)
class _Program:
    """What uv is asked to install: a requirement, or a folder of which submodules are missing."""

    name: str
    variables: Mapping[str, str] = field(default_factory=dict)
    submodules: tuple[str, ...] = ()

    def install(self, run: UvRun, python: str, extras: Sequence[str]) -> None:
        try:
            run("pip", "install", "--python", python, self.name, *extras, variables=self.variables)
        except Terminal as error:
            raise with_submodules(error, self.submodules) from error

    def check(self, path: Path) -> None:
        check_packages(Path(self.name), self.submodules, _packages(path), str(path))


def _packages(path: Path) -> tuple[Path, ...]:
    return tuple(path.glob("lib/python*/site-packages"))


def _whole(path: Path, source: Install) -> bool:
    return fact_of(path) == Present(((SOURCE, source_value(source)),))


def _check_source(path: Path, source: Install) -> None:
    """Paths follow from sources, so this is a folder that somebody else has filled."""
    found = marked(path)
    if found is not None and found != source_value(source):
        what = f"another program is installed here: {found.text}"
        raise Terminal(what, where=str(path), mend="move the folder away once nothing runs from it")


def _listed(path: Path, run: UvRun) -> dict[str, str]:
    """Installed packages with their versions."""
    listed = json.loads(run("pip", "list", "--format", "json", "--python", str(path / "bin" / "python")))
    return {package["name"]: package["version"] for package in listed}


@contextmanager
def _locked(path: Path, cancelled: Callable[[], bool] = lambda: False) -> Iterator[int]:
    with told(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        with held(path.parent / f".{path.name}.lock", _LOCK_SECONDS, cancelled) as lock:
            yield lock


def _subject(source: Install) -> Subject:
    match source:
        case PypiInstall(package=package, version=version):
            mend = "name a version that the package index has, in the Codebase document"
            return Subject(f"{package}=={version}", mend)
        case GitInstall(url=url, commit=commit):
            mend = "name a commit that holds a Python project which can be built, in the Codebase document"
            return Subject(f"{url} at {commit[:12]}", mend)
        case _:
            assert_never(source)
