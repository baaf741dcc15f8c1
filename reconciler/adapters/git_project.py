"""What a project that is built from an export of a commit has to be told, and what is missing in it.

Nothing of Git is in the export: a version that a project takes from its tags is not to be had, and neither are its
submodules. Not done here: fetching (git_checkout.py), building (uv.py).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from reconciler.errors import Terminal


def version_variables(checkout: Path, commit: str) -> Mapping[str, str]:
    """For setuptools-scm, and what builds on it: `0+g` and the first twelve digits of the commit. For this project
    alone: what it needs may be built beside it and has versions of its own. Empty where the project says no name."""
    try:
        project = tomllib.loads((checkout / "pyproject.toml").read_text()).get("project", {})
    except (OSError, ValueError):
        return {}
    name = project.get("name") if isinstance(project, dict) else None
    if not isinstance(name, str):
        return {}
    variable = re.sub(r"[-_.]+", "_", name).upper()
    return {f"SETUPTOOLS_SCM_PRETEND_VERSION_FOR_{variable}": f"0+g{commit[:12]}"}


def check_packages(checkout: Path, submodules: Sequence[str], packages: Sequence[Path], where: str) -> None:
    """Refuses a program of which a part lies in a submodule: a folder inside a package that has been installed."""
    for path in submodules:
        parent = Path(path).parent
        inside = Path(*parent.parts[1:]) if parent.parts[:1] == ("src",) else parent
        package = (checkout / parent / "__init__.py").exists()
        if package and inside.parts and any((folder / inside).is_dir() for folder in packages):
            raise Terminal(f"{path} is a submodule inside a package, and {NOT_FETCHED}", where=where, mend=MEND)


def with_submodules(error: Terminal, submodules: Sequence[str]) -> Terminal:
    """The error of a build, with what the export did not have."""
    if not submodules:
        return error
    return Terminal(f"{error.what}; {NOT_FETCHED}: {', '.join(submodules[:5])}", where=error.where, mend=error.mend)


NOT_FETCHED = "submodules are not fetched"
MEND = "name a commit that has these files itself, in the Codebase document"
