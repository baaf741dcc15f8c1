"""Generations and quarantine, as passes of new processes on one host."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.push()
    made.settle()
    return made


def test_a_failed_gate_goes_back_in_the_same_pass(site: Site) -> None:
    before, pids = (site.home("ada") / "config.yaml").read_bytes(), site.pids()
    site.config("ada", compact=True)
    memory = site.home("ada") / "memories" / "DURING.md"
    site.gateways.ill = lambda program: "deaf" if "ada" in program.name and site.display("ada") else ""
    memory.parent.mkdir(exist_ok=True)
    site.gateways.acts = lambda program: memory.touch()
    report = site.run()
    assert not report.done
    assert report.stuck == ("ada",)
    assert memory.exists()
    assert (site.home("ada") / "config.yaml").read_bytes() == before
    after = site.pids()
    assert {name for name in pids if pids[name] != after[name]} == {"ada"}
    assert after["ada"]
    assert report.left.changes == ()
