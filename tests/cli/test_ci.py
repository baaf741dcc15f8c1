"""What docs/ci.md and the entry for pre-commit tell people to copy does what they say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.site import FILES, FLEET

ROOT = Path(__file__).parents[2]
BLOCKS = [
    yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/ci.md").read_text(), re.DOTALL)
]
WORKFLOW, SCANNING, PRE_COMMIT = BLOCKS


def steps() -> dict[str, dict[str, Any]]:
    return {step["name"]: step for step in WORKFLOW["jobs"]["check"]["steps"] if "name" in step}


def sh(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A step as a runner runs it: bash that ends at the first failure."""
    environ = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "GITHUB_BASE_REF": "main",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    command = ["bash", "-eo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)


@pytest.fixture
def change(tmp_path: Path) -> Path:
    """A clone with a pull request checked out, which changes a port."""
    fleet = FILES | {"fleet/fleet.yaml": FLEET.replace("  there: {}\n", "")}
    script = """
        git init -q --bare -b main ../origin.git && git init -q -b main . && git remote add origin ../origin.git
        git add -A && git -c user.name=T -c user.email=t@example.invalid commit -qm one && git push -q origin main
        sed -i s/8643/8650/ fleet/ada.yaml
    """
    for path, text in fleet.items():
        if path != "fleet/far.yaml":
            target = tmp_path / "work" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
    made = sh(script, tmp_path / "work")
    assert made.returncode == 0, made.stderr
    return tmp_path / "work"


def test_the_workflow_checks_plans_and_writes_a_comment(change: Path) -> None:
    for name in ("validate", "plan"):
        ran = sh(steps()[name]["run"], change)
        assert ran.returncode == 0, ran.stderr
    comment = steps()["comment"]["run"].splitlines()
    assert comment[1].startswith("curl ")
    assert sh(comment[0], change).returncode == 0
    body = json.loads((change / "comment.json").read_text())["body"]
    assert body == (change / "plan.md").read_text()
    assert body.startswith("### Plan for here")
    assert "8643 -> 8650" in body


def test_the_pull_request_that_mends_a_broken_fleet_is_planned(change: Path) -> None:
    """The workflow takes every exit code of `plan` but 1 for a plan."""
    broken = "sed -i s/8650/x/ fleet/ada.yaml && git -c user.name=T -c user.email=t@example.invalid commit -qam broken"
    assert sh(f"{broken} && git push -q origin main && sed -i s/x$/8650/ fleet/ada.yaml", change).returncode == 0
    ran = sh(steps()["plan"]["run"], change)
    assert ran.returncode == 0, ran.stderr
    assert "../before/fleet/ada.yaml:" in ran.stdout
    assert "so this plan begins with nothing" in ran.stdout


@pytest.mark.parametrize("broken", ["validate", "plan"])
def test_the_workflow_fails_for_a_broken_fleet(change: Path, broken: str) -> None:
    (change / "fleet" / "bob.yaml").write_text("kind: Wizard\n")
    assert sh(steps()[broken]["run"], change).returncode == 1


def test_what_policy_refuses_is_shown_and_does_not_fail(change: Path) -> None:
    (change / "fleet" / "bob.yaml").unlink()
    ran = sh(steps()["plan"]["run"], change)
    assert ran.returncode == 0
    assert "Allow-Delete" in ran.stdout


def test_code_scanning_reads_what_is_written(change: Path) -> None:
    validate, upload = SCANNING
    assert sh(validate["run"], change).returncode == 0
    assert json.loads((change / upload["with"]["sarif_file"]).read_text())["version"] == "2.1.0"


def test_the_entry_for_pre_commit_is_the_one_of_the_docs_and_runs(change: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert [hook["id"]] == [entry["id"] for entry in PRE_COMMIT["repos"][0]["hooks"]]
    assert {"id", "name", "entry", "language"} <= set(hook)
    assert hook["pass_filenames"] is False
    # pre-commit passes over a hook with `files` when a commit only deletes or moves files.
    assert hook["always_run"] is True
    assert "files" not in hook
    assert sh(hook["entry"], change).returncode == 0
    (change / "fleet" / "bob.yaml").write_text("kind: Wizard\n")
    assert sh(f"git add fleet && {hook['entry']}", change).returncode == 1
