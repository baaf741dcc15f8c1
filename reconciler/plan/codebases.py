"""Where a codebase version stands on disk, and how it is called.

The path is decided by the whole source: package and version, or commit, and what is installed beside it. So a source
that changes is another folder beside the old one, and wizards move to it as to any other version. Pure.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import assert_never

from reconciler.plan.fields import source_value
from reconciler.plan.resource import CodebaseVersion, GitInstall, Install, PypiInstall
from reconciler.plan.value import FieldPath
from reconciler.spec.kinds import CheckoutSource, Codebase, CodebaseSource, PypiSource

CODEBASES = ".codebases"
CODEBASE: FieldPath = ("codebase",)
PACKAGE: FieldPath = ("package",)
BESIDE: FieldPath = ("with",)
_DIGEST = re.compile(r"-[0-9a-f]{8}$")


def program_version(codebase: Codebase) -> str:
    """The release, or the first twelve digits of the commit: which release that is, nobody knows before it is built."""
    return _version(install_of(codebase.source))


def codebase_path(codebase: Codebase, root: str) -> str:
    return version_path(codebase.name, install_of(codebase.source), root)


def version_path(name: str, source: Install, root: str) -> str:
    """`<root>/.codebases/<name>/0.19.0-1a2b3c4d`: the digits are of the whole source, so that no two share a folder."""
    digest = hashlib.sha256(source_value(source).text.encode()).hexdigest()[:8]
    return f"{root}/{CODEBASES}/{name}/{_version(source)}-{digest}"


def version_key(path: str) -> str:
    """Key of the resource of the codebase version at the path."""
    return f"codebase/{_ends(path)}"


def version_name(path: str) -> str:
    """Name and version of what stands at the path, for people: `hermes-agent/0.19.0`."""
    return _DIGEST.sub("", _ends(path))


def move_text(before: str, after: str) -> str:
    """From one path to another, for people."""
    return f"{name_beside(before, after)} -> {name_beside(after, before)}"


def name_beside(path: str, other: str) -> str:
    """Name and version, with the digits of the source where they alone tell it from the other path's."""
    return _ends(path) if version_name(path) == version_name(other) else version_name(path)


def beside_text(before: Sequence[str], after: Sequence[str]) -> str:
    """`with: aiohttp -> aiohttp, humanize`."""
    return f"with: {', '.join(before) or 'nothing'} -> {', '.join(after) or 'nothing'}"


def codebase_version(codebase: Codebase, root: str) -> CodebaseVersion:
    path = codebase_path(codebase, root)
    return CodebaseVersion(key=version_key(path), wizard=None, path=path, source=install_of(codebase.source))


def install_of(source: CodebaseSource) -> Install:
    match source:
        case PypiSource(pypi=package, version=version, with_=extras):
            return PypiInstall(package, version, tuple(extras))
        case CheckoutSource(git=url, commit=commit, with_=extras):
            return GitInstall(url, commit, tuple(extras))
        case _:
            assert_never(source)


def _version(source: Install) -> str:
    match source:
        case PypiInstall(version=version):
            return version
        case GitInstall(commit=commit):
            return commit[:12]
        case _:
            assert_never(source)


def _ends(path: str) -> str:
    return "/".join(path.split("/")[-2:])
