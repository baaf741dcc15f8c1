"""`schema`: writes what is missing or stale, and tells without writing."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Call
from tests.cli.site import files_below


def test_it_writes_and_then_has_nothing_to_do(call: Call, tmp_path: Path) -> None:
    target = tmp_path / "made" / "schemas"
    ran = call("schema", str(target))
    assert ran.code == 0
    assert f"wrote {target / 'fleet.schema.json'}" in ran.out
    assert all(json.loads(path.read_text())["$schema"] for path in target.iterdir())
    before = files_below(target)
    assert call("schema", str(target)).out == f"{target} is up to date\n"
    assert files_below(target) == before


def test_check_names_what_is_stale_missing_or_too_much(call: Call, tmp_path: Path) -> None:
    assert call("schema", str(tmp_path)).code == 0
    assert call("schema", "--check", str(tmp_path)).code == 0
    (tmp_path / "kind-wizard.schema.json").write_text("{}")
    (tmp_path / "kind-cron.schema.json").unlink()
    (tmp_path / "kind-old.schema.json").write_text("{}")
    before = files_below(tmp_path)
    ran = call("schema", "--check", str(tmp_path))
    assert (ran.code, ran.out) == (1, "")
    for name in ("kind-wizard", "kind-cron", "kind-old"):
        assert f"{name}.schema.json" in ran.err
    assert files_below(tmp_path) == before


def test_a_folder_that_can_not_be_made(call: Call, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    ran = call("schema", str(tmp_path / "file" / "schemas"))
    assert ran.code == 1
    assert "bug" not in ran.err
