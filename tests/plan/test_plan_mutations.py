"""The properties of the plan notice named mistakes: each is made in a copy of the package, and they run on the copy.

A mutation is killed when its properties run and fail. They all pass on the unmutated copy.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.plan.mutations import MUTATIONS, Mutation

REPOSITORY = Path(__file__).parents[2]
FLOORS = ("spec", "agents", "plan")
PASSED, FAILED = 0, 1
"""Exit codes of pytest; 2 and more say that nothing was run."""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The floors up to plan/, and these tests, in a folder of their own."""
    skip = shutil.ignore_patterns("__pycache__", "test_plan_mutations.py", "__snapshots__")
    for floor in FLOORS:
        shutil.copytree(REPOSITORY / "reconciler" / floor, tmp_path / "reconciler" / floor, ignore=skip)
    shutil.copytree(REPOSITORY / "tests" / "plan", tmp_path / "tests" / "plan", ignore=skip)
    for file in ("reconciler/__init__.py", "reconciler/errors.py", "tests/__init__.py", "pyproject.toml"):
        shutil.copy(REPOSITORY / file, tmp_path / file)
    return tmp_path


def _run(copy: Path, killers: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    tests = [f"tests/plan/{name}" for name in killers]
    options = ["-x", "-q", "--no-header", "--tb=line", "-p", "no:randomly", "-p", "no:cacheprovider"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PLAN_", "PYTEST_", "COV"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=copy,
        env={**kept, "PLAN_PROFILE": "mutants", "PLAN_ROOT": str(copy), "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


@pytest.mark.system
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_mutation_is_killed(copy: Path, mutation: Mutation) -> None:
    file = copy / "reconciler" / "plan" / mutation.file
    text = file.read_text()
    assert text.count(mutation.old) == 1
    file.write_text(text.replace(mutation.old, mutation.new))
    run = _run(copy, mutation.killers)
    assert run.returncode == FAILED, run.stdout[-2000:] + run.stderr[-2000:]
    assert " failed" in run.stdout.splitlines()[-1]


@pytest.mark.system
def test_the_unmutated_copy_passes(copy: Path) -> None:
    run = _run(copy, tuple(dict.fromkeys(killer for mutation in MUTATIONS for killer in mutation.killers)))
    assert run.returncode == PASSED, run.stdout[-2000:] + run.stderr[-2000:]
