"""`init --gitea` against a forge: all at once, again, piece by piece, and after an interruption anywhere."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.settings import load_settings
from reconciler.spec.load import load_fleet
from tests.cli.site import files_below
from tests.forge.gitea import Repository
from tests.forge.state import Hook
from tests.git.upstream import run_git
from tests.set_up.place import Place, verbs

MADE = """\
made    repository sovereign/fleet
made    first commit on main, with a fleet to begin with
made    clone {folder}/my-fleet
made    secret of the webhook
made    webhook to http://127.0.0.1:9090/webhook/gitea
made    protection of main: a merge needs the status reconciler/plan
note    Gitea delivers to http://127.0.0.1:9090/webhook/gitea only when its app.ini says so: \
[webhook] ALLOWED_HOST_LIST = loopback,private
made    settings {folder}/reconciler.toml
"""
FOUND = """\
found   repository sovereign/fleet
found   branch main, with commits of its own
found   clone {folder}/my-fleet
found   webhook to http://127.0.0.1:9090/webhook/gitea
found   protection of main: a merge needs the status reconciler/plan
found   settings {folder}/reconciler.toml
Everything is as it should be; nothing was changed.
"""


def everything(place: Place) -> tuple[str, object]:
    """All that a second run could change."""
    repo = place.repo
    shared = {hook.id: (hook.config, hook.events) for hook in repo.hooks.values()}
    refs = run_git(repo.path, "for-each-ref")
    return json.dumps([shared, repo.protections, refs, repo.private]), files_below(place.folder)


def test_all_of_it_and_again(place: Place) -> None:
    ran = place.init("--protect", str(place.folder / "my-fleet"))
    assert (ran.code, ran.out, ran.err) == (0, MADE.format(folder=place.folder), "")
    before = everything(place)
    again = place.init("--protect", str(place.folder / "my-fleet"))
    assert (again.code, again.out, again.err) == (0, FOUND.format(folder=place.folder), "")
    assert everything(place) == before


def test_the_repository_is_private_and_begins_with_a_valid_fleet(place: Place) -> None:
    place.init("--wizard", "ada")
    assert place.repo.private
    files = Repository(place.gitea, place.repo).upstream.files("main")
    loaded = load_fleet({path: text.encode() for path, text in files.items()}, "fleet")
    assert loaded.fleet is not None
    assert list(loaded.fleet.wizards) == ["ada"]
    assert f'url = "{place.gitea.url}/sovereign/fleet.git"' in files["reconciler.example.toml"]


def test_the_clone_is_one_to_work_in(place: Place) -> None:
    clone = place.folder / "my-fleet"
    place.init(str(clone))
    git = clone / ".git"
    assert (clone / "fleet" / "fleet.yaml").is_file()
    assert run_git(git, "status", "--porcelain", GIT_WORK_TREE=str(clone)) == ""
    assert run_git(git, "rev-parse", "HEAD") == run_git(git, "rev-parse", "main@{upstream}")
    assert place.token not in "".join(path.read_text() for path in git.rglob("config"))


def test_the_settings_are_settings_of_this_host(place: Place) -> None:
    place.init()
    settings = load_settings(str(place.config), {})
    assert (settings.host, settings.source.branch, settings.gitea_repository) == ("vps-1", "main", "sovereign/fleet")
    assert settings.web.webhook_secret is not None
    assert settings.web.webhook_secret.file == place.secret_file
    assert settings.source.token is not None
    assert settings.source.token.file == place.token_file


def test_a_push_is_delivered_with_the_secret(place: Place) -> None:
    place.init("--webhook-url", "http://127.0.0.1:9/hear")
    Repository(place.gitea, place.repo).commit({"README.md": "x"})
    place.gitea.settle()
    assert [d.event for d in place.gitea.deliveries] == ["push"]
    assert place.hook.config["secret"] == place.secret
    assert place.hook.config["url"] == "http://127.0.0.1:9/hear"


def test_the_webhook_tells_of_all_that_the_daemon_hears(place: Place) -> None:
    place.init()
    hook = place.hook
    assert sorted(hook.events) == [
        *("create", "delete", "issue_comment", "pull_request_comment", "pull_request_only", "pull_request_sync"),
        "push",
    ]
    assert (hook.active, hook.type, hook.branch_filter) == (True, "gitea", "*")
    assert hook.config["content_type"] == "json"


def test_secrets_are_private_and_never_shown(place: Place) -> None:
    ran = place.init("--protect", str(place.folder / "my-fleet"))
    assert stat.S_IMODE(place.secret_file.stat().st_mode) == 0o600
    assert len(place.secret) == 64
    written = "".join(path.read_text("utf-8", "replace") for path in place.folder.rglob("*") if path.is_file())
    for secret, count in ((place.secret, 1), (place.token, 1)):
        assert secret not in ran.out + ran.err
        assert written.count(secret) == count


def test_git_is_never_called_with_the_token(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import shutil

    log, real = tmp_path / "argv", shutil.which("git")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{log}\nexec {real} "$@"\n')
    (tmp_path / "bin" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert place.init(str(place.folder / "my-fleet")).code == 0
    said = log.read_text()
    assert "push" in said
    assert "fetch" in said
    assert place.token not in said


def test_a_repository_with_commits_is_left_as_it_is(place: Place) -> None:
    tip = place.gitea.repository("sovereign/fleet").commit({"fleet/x.yaml": "mine"})
    ran = place.init()
    assert verbs(ran)[:2] == ["found", "found"]
    assert Repository(place.gitea, place.repo).tip() == tip


def test_commits_on_another_branch_are_told(place: Place) -> None:
    place.gitea.repository("sovereign/fleet").commit({"x": "mine"}, branch="trunk")
    ran = place.init(str(place.folder / "my-fleet"))
    assert "found   no branch main (the repository has commits" in ran.out
    assert not (place.folder / "my-fleet").exists()


def test_an_empty_repository_gets_its_first_commit(place: Place) -> None:
    place.gitea.repository("sovereign/fleet")
    assert verbs(place.init("--branch", "live"))[:2] == ["found", "made"]
    assert Repository(place.gitea, place.repo).tip("live")
    assert load_settings(str(place.config), {}).source.branch == "live"


FAULTS = {
    "switched off": ({"active": False}, "it was switched off"),
    "a form": ({"config": {"content_type": "form"}}, "it did not send JSON"),
    "pushes alone": ({"events": ["push"]}, "it did not tell of create, delete, pull_request, "),
    "one branch": ({"branch_filter": "live"}, "it told of some branches only"),
}


@pytest.mark.parametrize(("fault", "words"), FAULTS.values(), ids=FAULTS.keys())
def test_a_webhook_that_is_not_as_needed_is_replaced(place: Place, fault: dict[str, object], words: str) -> None:
    place.init()
    hook, secret = place.hook, place.secret
    for name, value in fault.items():
        setattr(hook, name, {**hook.config, **value} if isinstance(value, dict) else value)
    ran = place.init()
    assert f"changed webhook to http://127.0.0.1:9090/webhook/gitea ({words}" in ran.out
    assert place.hook.id != hook.id
    assert place.hook.config["secret"] == place.secret == secret
    assert verbs(place.init()) == ["found"] * 4


def test_other_webhooks_are_left_alone(place: Place) -> None:
    place.init()
    other = Hook(99, {"url": "http://elsewhere.example/", "content_type": "form"}, ["push"], active=False)
    place.repo.hooks[99] = other
    assert verbs(place.init()) == ["found"] * 4
    assert place.repo.hooks[99] is other


def test_a_second_webhook_to_the_same_address_goes(place: Place) -> None:
    place.init()
    kept = place.hook
    kept.id = 900
    place.repo.hooks = {1: Hook(1, {**kept.config, "secret": "old"}, kept.events), 900: kept}
    ran = place.init()
    assert "changed webhook" in ran.out
    assert "an older one with the same address was removed" in ran.out
    assert place.hook is kept


def test_without_the_secret_file_both_sides_get_a_new_one(place: Place) -> None:
    place.init()
    before, old = place.secret, place.hook.id
    place.secret_file.unlink()
    ran = place.init()
    assert "made    secret of the webhook" in ran.out
    assert "it had another secret than this host" in ran.out
    assert place.secret != before
    assert place.hook.config["secret"] == place.secret
    assert place.hook.id != old


def test_a_webhook_that_somebody_took_away_comes_back_with_the_same_secret(place: Place) -> None:
    place.init()
    before = place.secret
    place.repo.hooks.clear()
    assert "made    webhook to" in place.init().out
    assert place.hook.config["secret"] == place.secret == before


def test_a_rule_for_the_branch_is_only_tightened(place: Place) -> None:
    place.gitea.repository("sovereign/fleet")
    rule = {"rule_name": "main", "branch_name": "main", "enable_push": True, "status_check_contexts": ["ci"]}
    place.repo.protections["main"] = {**rule, "enable_status_check": False, "required_approvals": 2}
    assert "changed protection of main" in place.init("--protect").out
    after = place.repo.protections["main"]
    assert (after["enable_push"], after["enable_status_check"], after["required_approvals"]) == (True, True, 2)
    assert after["status_check_contexts"] == ["ci", "reconciler/plan"]
    assert "found   protection of main" in place.init("--protect").out


def test_without_protect_no_rule_is_made(place: Place) -> None:
    place.init()
    assert place.repo.protections == {}


def test_settings_that_differ_are_shown_and_not_touched(place: Place) -> None:
    text = 'host = "vps-1"\n[source]\nurl = "https://elsewhere.example/o/r.git"\n'
    place.config.write_text(text)
    ran = place.init()
    assert "for you to change: source.url, web.webhook_secret, gitea.url, gitea.repository, gitea.token" in ran.out
    assert f'[gitea]\nurl = "{place.gitea.url}"' in ran.out
    assert place.config.read_text() == text
    assert "nothing was changed" not in place.init().out


def test_settings_say_what_the_options_leave_out(place: Place, call: object) -> None:
    place.init("--branch", "live", "--webhook-url", "http://127.0.0.1:9/webhook/gitea")
    place.config.write_text(place.config.read_text().replace("[web]\n", '[web]\nurl = "http://127.0.0.1:9"\n'))
    ran = call("--config", str(place.config), "init", "--gitea", place.gitea.url)  # type: ignore[operator]
    assert verbs(ran) == ["found"] * 4
    assert "nothing was changed" in ran.out


def test_settings_that_can_not_be_written_are_shown(place: Place) -> None:
    place.config = place.folder / "token" / "reconciler.toml"
    ran = place.init()
    assert ran.code == 0
    assert "found   no settings at" in ran.out
    assert '\n[source]\nurl = "' in ran.out


def test_the_token_of_the_environment(place: Place, call: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITEA_TOKEN", place.token)
    words = ("--config", str(place.config), "init", "--gitea", place.gitea.url, "--repo", "sovereign/fleet")
    ran = call(*words, "--host", "vps-1", "--secret-file", str(place.secret_file))  # type: ignore[operator]
    assert ran.code == 0
    assert 'token = {env = "GITEA_TOKEN"}' in place.config.read_text()
    assert place.token not in ran.out + place.config.read_text()


@pytest.mark.parametrize("after", [False, True], ids=["hung up", "killed"])
@pytest.mark.parametrize("number", range(9))
def test_whatever_was_interrupted_is_finished_by_the_next_run(place: Place, number: int, after: bool) -> None:
    """The forge hangs up at the n-th request to the API, or does it while the process is killed."""
    if after:
        kill_at(place, number)
    else:
        seen: list[str] = []
        place.gitea.trouble = lambda method, path: (seen.append(path), 0 if len(seen) == number + 1 else None)[1]
        ran = place.init("--protect")
        assert (ran.code == 0) == (len(seen) <= number)
        place.gitea.trouble = lambda method, path: None
    assert place.init("--protect").code == 0
    assert place.hook.config["secret"] == place.secret
    assert not place.secret_file.with_name("webhook-secret.new").exists()
    assert Repository(place.gitea, place.repo).upstream.log("main") == ["A fleet to begin with"]
    assert place.repo.protections["main"]["status_check_contexts"] == ["reconciler/plan"]
    assert set(verbs(place.init("--protect"))) == {"found"}


def kill_at(place: Place, number: int) -> None:
    """A run that is killed at its n-th request, which the forge still does."""
    words = (
        "--config",
        str(place.config),
        "init",
        "--gitea",
        place.gitea.url,
        "--repo",
        "sovereign/fleet",
        "--protect",
    )
    files = ("--token-file", str(place.token_file), "--secret-file", str(place.secret_file), "--host", "vps-1")
    seen: list[str] = []

    def trouble(method: str, path: str) -> None:
        seen.append(path)
        if len(seen) == number + 1:
            child.kill()
            child.wait()

    with place.gitea.lock:
        place.gitea.trouble = trouble
        child = subprocess.Popen([sys.executable, "-m", "reconciler", *words, *files], stdout=subprocess.DEVNULL)
    child.wait()
    place.gitea.trouble = lambda method, path: None
