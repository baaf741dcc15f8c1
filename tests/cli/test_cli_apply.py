"""`apply` and `run --once`: asking, saved plans, what was not done and why."""

from __future__ import annotations

import json
import os
import socket

import pytest

from reconciler import compose
from reconciler.cli.progress import Lines
from tests.cli.conftest import Call
from tests.cli.site import FILES, Site, files_below, wizard
from tests.cli.terminal import Screen


def test_without_a_terminal_it_wants_a_yes(here: Call, site: Site) -> None:
    ran = here("apply")
    assert ran.code == 1
    assert "Plan: 22 to add, 1 to claim." in ran.out
    assert "say -y to apply without a question" in ran.err
    assert not (site.root / "ada").exists()


def test_yes_applies_and_says_what_was_done(here: Call, site: Site) -> None:
    ran = here("apply", "-y")
    assert ran.code == 0
    assert ran.out.splitlines()[-1].startswith("here, commit ")
    assert "22 added" in ran.out.splitlines()[-1]
    assert (site.root / "ada" / "home" / "config.yaml").is_file()
    again = here("apply", "-y")
    assert again.code == 0
    assert again.out.count("No changes. 2 wizards on here match commit ") == 1


def test_nothing_to_do_needs_no_question(here: Call) -> None:
    assert here("apply", "-y").code == 0
    assert here("apply").code == 0


def test_only_the_named_wizards(here: Call, site: Site) -> None:
    assert here("apply", "ada", "-y").code == 0
    assert (site.root / "ada").is_dir()
    assert not (site.root / "bob").exists()
    ran = here("apply", "adda", "-y")
    assert ran.code == 1
    assert "did you mean ada?" in ran.err


def test_verbose_names_each_step(here: Call) -> None:
    assert "wizard/ada/dir/home" in here("apply", "-y", "-v").err


@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_no_changes_nothing(answer: str, site: Site) -> None:
    terminal = Screen("apply")
    terminal.until("[y/N]")
    terminal.type(answer)
    assert terminal.end() == 1
    assert "nothing was changed" in terminal.said
    assert not (site.root / "ada").exists()


def test_yes_typed_at_a_terminal_applies(site: Site) -> None:
    terminal = Screen("apply")
    terminal.until("[y/N]")
    terminal.type("y\n")
    assert terminal.end() == 0
    assert "22 added" in terminal.said
    assert (site.root / "ada" / "home" / "SOUL.md").is_file()


def test_what_moves_while_a_person_thinks_is_not_applied(site: Site) -> None:
    terminal = Screen("apply")
    terminal.until("[y/N]")
    site.push({"fleet/cat.yaml": wizard("cat", 8650)})
    terminal.type("y\n")
    assert terminal.end() == 3
    assert "stale" in terminal.said
    assert not (site.root / "ada").exists()


def test_the_host_is_not_locked_while_a_person_thinks(here: Call, site: Site) -> None:
    terminal = Screen("apply")
    terminal.until("[y/N]")
    assert here("run", "--once").code == 0
    terminal.type("n\n")
    assert terminal.end() == 1


def test_ctrl_c_at_the_question(site: Site) -> None:
    terminal = Screen("apply")
    terminal.until("[y/N]")
    assert terminal.interrupt() == 130
    assert "interrupted" in terminal.said
    assert not (site.root / "ada").exists()


def test_a_saved_plan_is_applied_exactly(here: Call, site: Site) -> None:
    target = str(site.folder / "next.plan")
    assert here("plan", "ada", "--out", target).code == 2
    ran = here("apply", target)
    assert ran.code == 0
    assert (site.root / "ada").is_dir()
    assert not (site.root / "bob").exists()


def test_a_plan_in_a_file_that_is_named_like_a_wizard(here: Call, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(site.folder)
    assert here("plan", "ada", "--out", "next").code == 2
    ran = here("apply", "next", "-y")
    assert ran.code == 1
    assert "there is no wizard `next`" in ran.err
    assert "`reconciler apply ./next`" in ran.err
    assert here("apply", "./next").code == 0


def test_a_stale_plan_is_refused(here: Call, site: Site) -> None:
    target = str(site.folder / "next.plan")
    assert here("plan", "--out", target).code == 2
    (site.root / "ada").mkdir()
    before = files_below(site.root)
    ran = here("apply", target)
    assert ran.code == 3
    assert "the saved plan is stale: wizard/ada/dir moved since" in ran.err
    assert files_below(site.root) == before
    assert here("plan", "--out", target).code == 2
    site.push({"fleet/cat.yaml": wizard("cat", 8650)})
    ran = here("apply", target)
    assert ran.code == 3
    assert "the branch moved from" in ran.err


def test_a_plan_of_another_host_is_refused(here: Call, site: Site) -> None:
    target = site.folder / "next.plan"
    assert here("plan", "--out", str(target)).code == 2
    target.write_text(json.dumps({**json.loads(target.read_text()), "host": "there"}))
    ran = here("apply", str(target))
    assert ran.code == 3
    assert "was changed after it was written: what it says of host and commit does not fit together" in ran.err


@pytest.mark.parametrize("content", [None, b"", b"{}", b"kind: Fleet\n", b"\xff", b'{"format": 99}'])
def test_files_that_are_no_saved_plan(content: bytes | None, here: Call, site: Site) -> None:
    target = site.folder / "next.plan"
    if content is not None:
        target.write_bytes(content)
    ran = here("apply", str(target))
    assert (ran.code, ran.out) == (1, "")
    assert str(target) in ran.err
    assert "bug" not in ran.err


def test_what_can_not_be_done_is_told_and_the_others_go_on(here: Call, site: Site) -> None:
    (site.root / "ada").write_text("a file where a folder goes")
    ran = here("apply", "-y")
    assert ran.code == 1
    assert "ada" in ran.out.partition("here, commit")[2]
    assert (site.root / "bob" / "home" / "config.yaml").is_file()
    assert (site.root / "ada").read_text() == "a file where a folder goes"


def test_a_port_that_a_stranger_holds_blocks_the_start_and_is_told(here: Call, site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        pool = "ports: {first: 1024, last: 65535}\n---"
        ada = wizard("ada", port, desired="unrobed")
        site.push({"fleet/fleet.yaml": FILES["fleet/fleet.yaml"].replace("---", pool, 1), "fleet/ada.yaml": ada})
        ran = here("run", "--once")
        assert ran.code == 1
        assert f"! wizard/ada/body blocked: port {port} is held by pid {os.getpid()}" in ran.out
        assert (site.root / "bob" / "home" / "config.yaml").is_file()
        assert here("plan").code == 0
        assert "Waiting: " in here("plan").out


def test_another_reconciler_at_work_is_named(here: Call, site: Site) -> None:
    settings = compose.load(str(site.config), {})
    with compose.open_host(settings, Lines(colour=False, verbose=False), {}, change=True):
        ran = here("apply", "-y")
        assert ran.code == 1
        assert f"another reconciler (pid {os.getpid()}" in ran.err
        assert here("plan").code == 2


def test_run_makes_one_pass(here: Call, site: Site) -> None:
    ran = here("run", "--once")
    assert ran.code == 0
    assert ran.out.count("\n") == 1
    assert "22 added" in ran.out
    assert "refs/heads/status/here" in site.remote.git("for-each-ref", "--format=%(refname)")
    again = here("run", "--once")
    assert (again.code, again.err) == (0, "")
    assert again.out.startswith("No changes. ")


def test_run_names_every_problem_of_a_broken_fleet(here: Call, site: Site) -> None:
    site.push({"fleet/cat.yaml": wizard("cat", 8643), "fleet/dog.yaml": wizard("dog", 8644)})
    ran = here("run", "--once")
    assert (ran.code, ran.out) == (1, "")
    assert "fleet/cat.yaml:5:7: " in ran.err
    assert "fleet/dog.yaml:5:7: " in ran.err
    assert not (site.root / "ada").exists()


def test_run_is_refused_by_policy(here: Call, site: Site) -> None:
    assert here("run", "--once").code == 0
    site.push({"fleet/bob.yaml": None})
    ran = here("run", "--once")
    assert ran.code == 3
    assert "--allow-delete bob" in ran.err
    assert (site.root / "bob").is_dir()
    site.push({"fleet/bob.yaml": None}, "bob leaves\n\nAllow-Delete: bob\n")
    assert here("run", "--once").code == 0
    assert not (site.root / "bob").exists()


def test_a_remote_without_a_fleet_changes_nothing(here: Call, site: Site) -> None:
    assert here("run", "--once").code == 0
    before = files_below(site.root)
    site.remote.commit({"README.md": "moved"}, "the fleet is gone")
    ran = here("run", "--once")
    assert ran.code == 1
    assert ran.err.startswith("error: ") or "there is nothing here" in ran.err
    assert files_below(site.root) == before


def test_a_changed_model_is_applied_and_shown(here: Call, site: Site) -> None:
    assert here("run", "--once").code == 0
    site.push({"fleet/fleet.yaml": FILES["fleet/fleet.yaml"].replace("llama3.1:70b", "llama3.3:70b")})
    ran = here("apply", "ada", "-y")
    assert ran.code == 0
    assert "model.default: llama3.1:70b -> llama3.3:70b" in ran.out
