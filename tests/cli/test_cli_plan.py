"""`plan`: exit codes, texts and JSON against a host of its own, which it never changes."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.cli.site import FILES, Site, files_below, wizard


def test_a_host_that_differs(here: Call, site: Site) -> None:
    before = files_below(site.root)
    ran = here("plan")
    assert ran.code == 2
    assert ran.out.startswith("Plan for here, commit ")
    assert "Plan: 22 to add, 1 to claim." in ran.out
    assert "\x1b" not in ran.out
    assert files_below(site.root) == before
    assert not (site.state / "ledger.db").exists()


def test_a_host_that_is_as_git_wants_it(here: Call) -> None:
    assert here("apply", "-y").code == 0
    ran = here("plan")
    assert ran.code == 0
    assert ran.out.endswith("No changes. 2 wizards on here match commit " + ran.out.rsplit(" ", 1)[1])


def test_json_has_stable_keys(here: Call) -> None:
    ran = here("plan", "--json")
    assert ran.code == 2
    assert set(ran.json) == {
        *("format", "host", "commit", "wizards", "refused", "summary", "changes"),
        *("refusals", "warnings", "unmanaged", "unenforced", "quarantined"),
    }
    assert set(ran.json["changes"][0]) == {
        *("key", "wizard", "action", "sign", "title", "disposition", "obstacle", "reasons", "fields"),
    }
    secret = next(
        field
        for change in ran.json["changes"]
        for field in change["fields"]
        if change["key"] == "wizard/ada/file/home/.env" and field["name"] == "API_SERVER_KEY"
    )
    assert secret["after"] == {"secret": True, "changed": True}


def test_only_the_named_wizards(here: Call) -> None:
    ran = here("plan", "ada", "--json")
    assert ran.code == 2
    assert {change["wizard"] for change in ran.json["changes"]} == {None, "ada"}


def test_an_unknown_wizard_and_one_of_another_host(here: Call) -> None:
    ran = here("plan", "aad")
    assert (ran.code, ran.out) == (1, "")
    assert "there is no wizard `aad`" in ran.err
    assert "did you mean ada?" in ran.err
    ran = here("plan", "far")
    assert ran.code == 1
    assert "runs on another host" in ran.err


def test_a_removed_wizard_is_refused_until_it_is_allowed(here: Call, site: Site) -> None:
    assert here("apply", "-y").code == 0
    site.push({"fleet/bob.yaml": None})
    ran = here("plan")
    assert ran.code == 3
    assert "the fleet allows 0 at once" in ran.out
    assert here("plan", "--json").json["refused"] is True
    assert here("apply", "-y").code == 3
    assert (site.root / "bob").is_dir()
    assert here("plan", "bob", "--allow-delete", "bob").code == 2
    assert here("apply", "-y", "--allow-delete", "bob").code == 0
    assert not (site.root / "bob").exists()


def test_a_folder_that_is_not_committed(here: Call, site: Site) -> None:
    assert here("apply", "-y").code == 0
    folder = site.write_fleet({"fleet/cat.yaml": wizard("cat", 8650)})
    ran = here("plan", "--fleet", str(folder))
    assert ran.code == 2
    assert "Plan for here, uncommitted" in ran.out
    assert "cat (new)" in ran.out
    assert here("plan").code == 0


def test_a_folder_of_another_name_and_one_seen_from_inside(here: Call, site: Site, monkeypatch: object) -> None:
    folder = site.write_fleet().rename(site.folder / "checkout" / "draft")
    assert here("plan", "--fleet", str(folder)).code == 2
    monkeypatch.chdir(folder)  # type: ignore[attr-defined]
    assert here("plan", "--fleet", ".").code == 2


def test_an_invalid_folder_names_every_problem(here: Call, site: Site) -> None:
    folder = site.write_fleet({"fleet/cat.yaml": wizard("cat", 8643), "fleet/dog.yaml": wizard("dog", 8644)})
    ran = here("plan", "--fleet", str(folder))
    assert (ran.code, ran.out) == (1, "")
    assert "fleet/bob.yaml" in ran.err
    assert "fleet/cat.yaml:5:7: port 8643" in ran.err
    assert "fleet/dog.yaml:5:7: port 8644" in ran.err
    told = here("plan", "--fleet", str(folder), "--json")
    assert told.code == 1
    assert len(told.json["error"]["problems"]) == 2


def test_a_broken_commit(here: Call, site: Site) -> None:
    site.push({"fleet/ada.yaml": "kind: Wizard\nname: [\n"})
    ran = here("plan")
    assert ran.code == 1
    assert "fleet/ada.yaml:3:1: " in ran.err
    assert "nothing of it is applied" in ran.err


def test_a_saved_plan_is_private_and_whole(here: Call, site: Site) -> None:
    target = site.folder / "next.plan"
    target.write_text("older")
    target.chmod(0o644)
    ran = here("plan", "--out", str(target))
    assert ran.code == 2
    assert f"`reconciler apply {target}` applies exactly this plan" in ran.err
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert target.read_text().startswith("{")
    assert [path.name for path in site.folder.iterdir() if path.name.startswith(".")] == []


def test_a_saved_plan_that_can_not_be_written(here: Call, site: Site) -> None:
    ran = here("plan", "--out", str(site.folder / "missing" / "next.plan"))
    assert ran.code == 1
    assert "can't be written (No such file or directory)" in ran.err


def test_a_refused_plan_is_not_saved(here: Call, site: Site) -> None:
    assert here("apply", "-y").code == 0
    site.push({"fleet/bob.yaml": None})
    ran = here("plan", "--out", str(site.folder / "next.plan"))
    assert ran.code == 3
    assert not (site.folder / "next.plan").exists()


def test_no_settings(call: Call, tmp_path: Path) -> None:
    ran = call("--config", str(tmp_path / "none.toml"), "plan", "--json")
    assert ran.code == 1
    assert ran.json["error"] == {
        "what": "there is no settings file",
        "where": str(tmp_path / "none.toml"),
        "mend": ran.json["error"]["mend"],
    }
    assert "  where: " in ran.err


def test_settings_may_be_named_after_the_verb(call: Call, site: Site, monkeypatch: object) -> None:
    monkeypatch.delenv("RECONCILER_CONFIG")  # type: ignore[attr-defined]
    assert call("plan", "--config", str(site.config)).code == 2


def test_a_host_that_the_fleet_does_not_know(here: Call, site: Site) -> None:
    site.config.write_text(site.config.read_text().replace('host = "here"', 'host = "nowhere"'))
    ran = here("plan")
    assert ran.code == 1
    assert "this host is called 'nowhere'" in ran.err


def test_a_remote_that_is_away(here: Call, site: Site) -> None:
    assert here("plan").code == 2
    site.remote.path.rename(site.folder / "gone.git")
    ran = here("plan")
    assert ran.code == 2
    assert "warning: " in ran.out


def test_a_remote_that_was_never_there(here: Call, site: Site) -> None:
    site.remote.path.rename(site.folder / "gone.git")
    ran = here("plan")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: ")


def test_markdown_for_a_comment(here: Call) -> None:
    ran = here("plan", "--markdown")
    assert ran.code == 2
    assert ran.out.startswith("### Plan for here, ")
    assert "<details>" in ran.out
    assert ran.out.endswith("\n")
    assert "\x1b" not in ran.out


# Between two folders, on no host


@pytest.fixture
def folders(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Two equal fleets of one host, and no settings."""
    monkeypatch.chdir(tmp_path)
    for name in ("before", "after"):
        for path, text in {**FILES, "fleet/far.yaml": None}.items():
            if text is not None:
                target = tmp_path / name / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text.replace("  there: {}\n", "").replace("desired: dead", "desired: unrobed"))
    return tmp_path / "before" / "fleet", tmp_path / "after" / "fleet"


BETWEEN = ("plan", "--fleet", "after/fleet", "--against", "before/fleet")


def test_equal_folders_have_no_changes_between_them(call: Call, folders: tuple[Path, Path]) -> None:
    ran = call(*BETWEEN)
    assert (ran.code, ran.err) == (0, "")
    assert "No changes." in ran.out


def test_a_review_sees_what_a_commit_would_do_without_any_host(call: Call, folders: tuple[Path, Path]) -> None:
    ada = folders[1] / "ada.yaml"
    ada.write_text(ada.read_text().replace("8643", "8650"))
    ran = call(*BETWEEN, "--json")
    assert ran.code == 2
    assert {(c["key"], c["action"]) for c in ran.json["changes"]} == {
        ("wizard/ada/file/home/config.yaml", "update"),
        ("wizard/ada/body", "restart"),
    }
    assert "8643 -> 8650" in call(*BETWEEN, "--markdown").out
    assert call(*BETWEEN, "bob").code == 0


def test_a_review_sees_what_policy_refuses(call: Call, folders: tuple[Path, Path]) -> None:
    (folders[1] / "bob.yaml").unlink()
    ran = call(*BETWEEN)
    assert ran.code == 3
    assert "Allow-Delete" in ran.out
    assert call(*BETWEEN, "--allow-delete", "bob").code == 2


def test_a_review_of_a_broken_fleet_tells_every_problem(call: Call, folders: tuple[Path, Path]) -> None:
    (folders[1] / "bob.yaml").write_text("kind: Wizard\nname: bob\n")
    ran = call(*BETWEEN)
    assert ran.code == 1
    assert "after/fleet/bob.yaml:1:1: port is missing" in ran.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["plan", "--against", "before/fleet"], "--against needs --fleet"),
        (["plan", "--host", "here"], "--against needs --fleet"),
        ([*BETWEEN, "--out", "x.plan"], "--out and --fleet don't go together"),
        ([*BETWEEN, "--host", "hre"], "did you mean here?"),
        ([*BETWEEN, "bbo"], "did you mean bob?"),
        ([*BETWEEN[:-1], "nowhere"], "no such folder"),
    ],
)
def test_folders_that_can_not_be_compared(words: list[str], says: str, call: Call, folders: tuple[Path, Path]) -> None:
    ran = call(*words)
    assert (ran.code, ran.out) == (1, "")
    assert says in ran.err


def test_a_fleet_of_several_hosts_wants_to_know_which(call: Call, folders: tuple[Path, Path]) -> None:
    for folder in folders:
        fleet = folder / "fleet.yaml"
        fleet.write_text(fleet.read_text().replace("  here: {}\n", "  here: {}\n  there: {}\n"))
    ran = call(*BETWEEN)
    assert ran.code == 1
    assert "say --host NAME: one of here, there" in ran.err
    assert call(*BETWEEN, "--host", "there").code == 0


BROKEN_BEFORE = "so this plan begins with nothing"


@pytest.mark.parametrize("broken", ["invalid", "empty", "link"])
def test_the_change_that_mends_a_broken_fleet_can_be_reviewed(
    broken: str, call: Call, folders: tuple[Path, Path]
) -> None:
    ada = folders[0] / "ada.yaml"
    match broken:
        case "invalid":
            ada.write_text("kind: Wizard\nname: ada\n")
        case "empty":
            for path in folders[0].iterdir():
                path.unlink()
        case "link":
            ada.unlink()
            ada.symlink_to("/etc/passwd")
    ran = call(*BETWEEN, "--json")
    assert (ran.code, ran.err) == (2, "")
    (warning,) = ran.json["warnings"]
    assert warning.startswith("the fleet before, in before/fleet, has ")
    assert "before/fleet" in warning
    assert BROKEN_BEFORE in warning
    assert {"wizard/ada/body", "wizard/bob/body"} <= {change["key"] for change in ran.json["changes"]}
    for style in ((), ("--markdown",)):
        assert BROKEN_BEFORE in call(*BETWEEN, *style).out


def test_the_first_fleet_of_a_repository_can_be_reviewed(call: Call, folders: tuple[Path, Path]) -> None:
    (folders[0].parent / "none" / ".git").mkdir(parents=True)
    ran = call(*BETWEEN[:-1], "before/none/fleet")
    assert ran.code == 2
    assert f"the commit before has no folder before/none/fleet, {BROKEN_BEFORE}" in ran.out


def test_a_review_says_which_side_is_broken(call: Call, folders: tuple[Path, Path]) -> None:
    for folder in folders:
        (folder / "bob.yaml").write_text("kind: Wizard\nname: bob\n")
    ran = call(*BETWEEN)
    assert (ran.code, ran.out) == (1, "")
    assert "error: the fleet of --fleet in after/fleet has 4 errors" in ran.err
    assert "before/fleet" not in ran.err


def rename_host(folder: Path) -> None:
    for path in folder.iterdir():
        path.write_text(path.read_text().replace("  here: {}", "  new: {}").replace("host: here", "host: new"))


@pytest.mark.parametrize("host", ["new", "here", None])
def test_a_host_that_leaves_the_fleet_is_told(host: str | None, call: Call, folders: tuple[Path, Path]) -> None:
    rename_host(folders[1])
    ran = call(*BETWEEN, *(["--host", host] if host else []), "--json")
    assert ran.code == (0 if host == "here" else 2), ran.err
    assert ran.json["host"] == (host or "new")
    told = [warning for warning in ran.json["warnings"] if warning.startswith("host here leaves the fleet: ")]
    assert len(told) == 1
    assert "ada, bob run on there" in told[0]


def test_hosts_that_neither_side_knows_are_refused(call: Call, folders: tuple[Path, Path]) -> None:
    rename_host(folders[1])
    ran = call(*BETWEEN, "--host", "hrre")
    assert ran.code == 1
    assert "did you mean here?" in ran.err


def test_an_uncommitted_fleet_with_a_link_is_refused_whole(here: Call, site: Site) -> None:
    folder = site.write_fleet()
    (folder / "wizards").symlink_to("/etc")
    ran = here("plan", "--fleet", str(folder))
    assert ran.code == 1
    assert "fleet/wizards:1:1: is a symbolic link; links are not followed" in ran.err


def test_the_state_folder_is_its_owners_whatever_is_done_first(here: Call, site: Site) -> None:
    shutil.rmtree(site.state, ignore_errors=True)
    assert here("plan").code == 2
    assert stat.S_IMODE(site.state.stat().st_mode) == 0o700
