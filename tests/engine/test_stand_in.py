"""A wizard that does not run, and whose newest declaration names a secret that can't be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.engine.request import restart
from reconciler.plan.change import Disposition
from reconciler.plan.held import Pause
from reconciler.plan.repeat import LIMIT
from tests.engine.site import Site

KEY = "wizard/ada/file/home/.env"


@pytest.fixture
def token(site: Site) -> Path:
    """A file that ada's token comes from; ada is healthy with it."""
    path = site.folder / "token"
    path.write_text("first\n")
    site.wizards["ada"]["env"] = {"A_TOKEN": {"file": str(path)}}
    site.push("a token")
    site.settle()
    return path


def env(site: Site) -> str:
    return (site.home("ada") / ".env").read_text()


def test_it_runs_on_its_last_generation_until_the_secret_is_there(site: Site, token: Path) -> None:
    commit = site.remote.git("rev-parse", "main")
    token.unlink()
    pid = site.pid("ada")
    site.config("ada", v=2)
    report = site.run()
    assert (site.pid("ada"), site.display("ada")) == (pid, None)
    site.gateways.crash("ada-body", 0)
    report = site.run()
    assert (report.done, report.stuck) == (True, ())
    assert site.pid("ada")
    assert "first" in env(site)
    assert {change.disposition for change in report.left.changes} == {Disposition.BLOCKED}
    assert f"{token} can't be read: " in report.left.change(KEY).obstacle
    body = report.left.change("wizard/ada/body").obstacle
    assert f"{token} can't be read: " in body
    assert body.endswith(f"generation 2 (commit {commit[:7]}) runs instead until then")
    status = site.status("ada")
    assert (status.healthy, status.quarantined) == (True, "")
    assert any("runs instead" in line for line in status.differences)
    pid = site.pid("ada")
    assert site.run().applied.outcomes == ()
    token.write_text("second\n")
    site.settle()
    assert (site.pid("ada") != pid, site.display("ada")) == (True, {"v": 2})
    assert "second" in env(site)


def test_it_can_be_restarted_and_is_not_quarantined_when_it_fails(site: Site, token: Path) -> None:
    token.unlink()
    site.config("ada", v=2)
    site.gateways.crash("ada-body", 0)
    site.gateways.ill = lambda program: "busy" if program.name == "ada-body" else ""
    assert not site.run().done
    assert (site.records().quarantines, site.pid("ada")) == ({}, None)
    site.gateways.ill = lambda program: ""
    assert site.run(restart(frozenset({"ada"}))).done
    assert site.pid("ada")


def test_a_value_for_another_host_never_reaches_it(site: Site) -> None:
    site.wizards["ada"]["env"] = {"A_TOKEN": {"env": "NOT_HERE"}}
    site.push("a token that this host has not")
    site.gateways.crash("ada-body", 0)
    site.run()
    assert site.pid("ada")
    assert "A_TOKEN" not in env(site)


def test_without_a_generation_it_waits(site: Site) -> None:
    site.wizards["di"] = {**site.wizards["ada"], "name": "di", "port": 8646, "soul": {"charter": {"identity": "di"}}}
    site.wizards["di"]["env"] = {"A_TOKEN": {"env": "NOT_HERE"}}
    site.push("a new wizard")
    site.run()
    assert site.pid("di") is None


def test_a_paused_one_stays_as_it_is(site: Site, token: Path) -> None:
    token.unlink()
    site.config("ada", v=2)
    site.gateways.crash("ada-body", 0)
    with site.bound() as (host, _):
        host.ledger.pause(Pause("ada", "", "2026-01-01T00:00:00Z"))
    site.run()
    assert site.pid("ada") is None


def test_one_whose_root_moves_runs_where_it_was(site: Site) -> None:
    settings = site.folder / "reconciler.toml"
    settings.write_text(settings.read_text().replace(f'root = "{site.root}"', f'root = "{site.folder}/other"'))
    before = site.pids()
    assert site.run().applied.outcomes == ()
    site.gateways.crash("ada-body", 0)
    report = site.run()
    body = report.plan.change("wizard/ada/body").reasons
    assert body[0].text.startswith("ended with exit code 0")
    assert body[1].text.startswith(f"runs where it was: would move from {site.home('ada')} to ")
    assert {name for name, pid in before.items() if site.pid(name) != pid} == {"ada"}
    assert (report.done, bool(site.pid("ada"))) == (True, True)
    assert "would move from" in report.left.change("wizard/ada/body").obstacle
    assert site.run().applied.outcomes == ()
    pid = site.pid("ada")
    assert site.run(restart(frozenset({"ada"}))).done
    assert site.pid("ada") not in (None, pid)


def test_one_whose_root_moves_is_not_started_again_and_again(site: Site) -> None:
    settings = site.folder / "reconciler.toml"
    settings.write_text(settings.read_text().replace(f'root = "{site.root}"', f'root = "{site.folder}/other"'))
    site.run()
    site.gateways.crash("ada-body", 0)
    site.gateways.ill = lambda program: "broken" if program.name == "ada-body" else ""
    for _ in range(LIMIT):
        assert not site.run().done
    report = site.run()
    assert (report.applied.outcomes, site.records().quarantines) == ((), {})
    assert "and did not last" in report.left.change("wizard/ada/body").obstacle
    with site.bound() as (host, _):
        host.ledger.repeat({})
        host.ledger.pause(Pause("ada", "", "2026-01-01T00:00:00Z"))
    assert site.run().applied.outcomes == ()


def test_one_whose_folder_a_person_has_moved_begins_nothing_in_the_old_place(site: Site) -> None:
    settings = site.folder / "reconciler.toml"
    settings.write_text(settings.read_text().replace(f'root = "{site.root}"', f'root = "{site.folder}/other"'))
    site.gateways.crash("ada-body", 0)
    (site.folder / "other").mkdir()
    (site.root / "ada").rename(site.folder / "other" / "ada")
    site.run()
    assert (site.pid("ada"), (site.root / "ada").exists()) == (None, False)
