"""Resources: the smallest things that are observed, diffed and applied on a host.

A closed set of frozen values. `key` names a resource for ever (`wizard/ezra/file/home/config.yaml`); `wizard` is
its owner, or None for what wizards share. Paths are absolute text; nothing here touches a disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from reconciler.plan.value import FieldPath, Known, SecretRef


class Format(Enum):
    """How a file that is owned per key is written."""

    YAML = "yaml"
    ENV = "env"


@dataclass(frozen=True, slots=True)
class OwnedKey:
    """One key that Git declares in a file shared with the agent. Lists are atomic."""

    path: FieldPath
    value: Known | SecretRef


@dataclass(frozen=True, slots=True)
class Directory:
    key: str
    wizard: str | None
    path: str
    mode: int
    type: Literal["directory"] = "directory"


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file that is ours as a whole."""

    key: str
    wizard: str | None
    path: str
    mode: int
    text: str
    type: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class KeyedFile:
    """A file in which only the listed keys are ours; comments and all other keys stay."""

    key: str
    wizard: str | None
    path: str
    mode: int
    format: Format
    keys: tuple[OwnedKey, ...]
    type: Literal["keyed"] = "keyed"


@dataclass(frozen=True, slots=True)
class Symlink:
    key: str
    wizard: str | None
    path: str
    target: str
    type: Literal["symlink"] = "symlink"


@dataclass(frozen=True, slots=True)
class PypiInstall:
    """A package of the index at one version, and what is installed beside it."""

    package: str
    version: str
    extras: tuple[str, ...]
    type: Literal["pypi"] = "pypi"


@dataclass(frozen=True, slots=True)
class GitInstall:
    """A Python project at one commit of a repository, and what is installed beside it. `commit` has all 40 digits and
    is what counts: the same commit from another address is the same program."""

    url: str
    commit: str
    extras: tuple[str, ...]
    type: Literal["git"] = "git"


Install = PypiInstall | GitInstall


@dataclass(frozen=True, slots=True)
class CodebaseVersion:
    """One version of a program, installed at a path of its own that never moves."""

    key: str
    wizard: str | None
    path: str
    source: Install
    type: Literal["codebase"] = "codebase"


@dataclass(frozen=True, slots=True)
class Process:
    """A long-running program of a wizard.

    `start_values` are the owned values that the program reads only at start, by a readable path such as
    ("config.yaml", "platforms", "api_server", "extra", "port"). Together with codebase, argv, env and cwd they make
    the `inputs` digest; a difference of it is a restart. `stop_seconds` is how long a stop may take before it is
    forced. `env` is complete: nothing else reaches the program but the marker variables of the runtime.
    """

    key: str
    wizard: str | None
    program: str
    version: str
    codebase: str
    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    cwd: str
    log: str
    port: int
    run: bool
    start_values: tuple[OwnedKey, ...]
    api_key: SecretRef
    identity: str
    stop_signal: str
    stop_seconds: int
    home: str
    type: Literal["process"] = "process"


FileResource = Directory | TextFile | KeyedFile | Symlink
Resource = Directory | TextFile | KeyedFile | Symlink | CodebaseVersion | Process
