"""Hooks as Git calls them: real pushes to real bare repositories, by path and over smart HTTP, and real commits."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.web.deliveries import Pushed, Watched, parse
from reconciler.web.signature import objection
from tests.cli.conftest import Call
from tests.cli.site import FILES, wizard
from tests.git.http_backend import smart_http
from tests.git.upstream import Upstream, run_git
from tests.set_up.daemon import Daemon, heard, listening
from tests.spec.secret_samples import SAMPLES

BROKEN = {"fleet/ada.yaml": wizard("ada", 8643).replace("8643", "none")}
SECRET = "s3cret-of-the-webhook"


class Clone:
    """A repository somebody pushes from. Its commits hold exactly the files that are given."""

    def __init__(self, path: Path, remote: str) -> None:
        self.upstream = Upstream(path)
        self.remote = remote

    def push(self, changes: dict[str, str] | None = None, *refs: str) -> subprocess.CompletedProcess[str]:
        """Commits the standard fleet with these changes on its main, and pushes that (or `refs`)."""
        if changes is not None:
            self.upstream.commit({**FILES, **changes})
        command = ["git", "push", self.remote, *(refs or ("main",))]
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "RECONCILER_"))}
        environ |= {"GIT_DIR": str(self.upstream.path), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, errors="replace")


@pytest.fixture
def server(call: Call, tmp_path: Path) -> Upstream:
    """A bare repository with our hooks."""
    made = Upstream(tmp_path / "srv" / "fleet.git")
    ran = call("init", "--hooks", str(made.path))
    assert (ran.code, ran.err) == (0, "")
    return made


@pytest.fixture
def clone(server: Upstream, tmp_path: Path) -> Clone:
    return Clone(tmp_path / "work.git", str(server.path))


def tip(server: Upstream, branch: str = "main") -> str:
    return server.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")


def test_a_valid_fleet_is_taken(server: Upstream, clone: Clone) -> None:
    ran = clone.push({})
    assert ran.returncode == 0, ran.stderr
    assert tip(server) == clone.upstream.git("rev-parse", "main")


def test_the_pusher_reads_file_line_and_mend(server: Upstream, clone: Clone) -> None:
    clone.push({})
    before = tip(server)
    ran = clone.push(BROKEN)
    assert ran.returncode != 0
    assert "remote: fleet/ada.yaml:5:7: port must be a whole number, not a string" in ran.stderr
    assert "remote: reconciler refuses this push: the fleet at " in ran.stderr
    assert "pre-receive hook declined" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert tip(server) == before


def test_what_was_refused_leaves_nothing_behind(server: Upstream, clone: Clone) -> None:
    clone.push({})
    before = sorted(path.name for path in (server.path / "objects").rglob("*") if path.is_file())
    clone.push(BROKEN)
    assert sorted(path.name for path in (server.path / "objects").rglob("*") if path.is_file()) == before


def test_the_first_push_of_a_broken_fleet(server: Upstream, clone: Clone) -> None:
    assert clone.push(BROKEN).returncode != 0
    assert tip(server) == ""


def test_a_push_over_http(server: Upstream, tmp_path: Path) -> None:
    with smart_http(server.path.parent) as url:
        clone = Clone(tmp_path / "work.git", f"{url}/fleet.git")
        assert clone.push({}).returncode == 0
        ran = clone.push(BROKEN)
    assert ran.returncode != 0
    assert "remote: fleet/ada.yaml:5:7: " in ran.stderr
    assert tip(server) == clone.upstream.git("rev-parse", "main~")


def test_a_large_push_is_kept_in_a_pack(server: Upstream, clone: Clone) -> None:
    """Over receive.unpackLimit, Git keeps the quarantined objects as a pack."""
    server.git("config", "receive.unpackLimit", "1")
    assert clone.push({}).returncode == 0
    assert clone.push(BROKEN).returncode != 0


def test_other_branches_and_tags_are_nobodys_business(server: Upstream, clone: Clone) -> None:
    clone.push({})
    ran = clone.push(BROKEN, "main:draft", "main:refs/tags/v1")
    assert ran.returncode == 0, ran.stderr
    assert "ada.yaml" not in ran.stderr


def test_one_bad_ref_refuses_all_of_the_push(server: Upstream, clone: Clone) -> None:
    clone.push({})
    assert clone.push(BROKEN, "main:draft", "main").returncode != 0
    assert tip(server, "draft") == ""


def test_the_branch_may_be_deleted_and_rewritten(server: Upstream, clone: Clone) -> None:
    server.git("config", "receive.denyDeleteCurrent", "ignore")
    clone.push({})
    assert clone.push(None, ":main").returncode == 0
    assert tip(server) == ""
    assert clone.push({}).returncode == 0
    clone.upstream.commit({**FILES, "fleet/n.txt": "x"}, parents=())
    assert clone.push(None, "+main").returncode == 0
    clone.upstream.commit({**FILES, **BROKEN}, parents=())
    assert clone.push(None, "+main").returncode != 0


def test_branch_and_folder_are_said_in_the_repository(server: Upstream, clone: Clone) -> None:
    server.git("config", "reconciler.branch", "live")
    server.git("config", "reconciler.folder", "here/fleet")
    assert clone.push(BROKEN).returncode == 0
    clone.upstream.commit({f"here/{path}": text for path, text in {**FILES, **BROKEN}.items()})
    ran = clone.push(None, "main:live")
    assert ran.returncode != 0
    assert "remote: here/fleet/ada.yaml:5:7: " in ran.stderr
    clone.upstream.commit({f"here/{path}": text for path, text in FILES.items()})
    assert clone.push(None, "main:live").returncode == 0


def test_a_commit_without_the_folder(server: Upstream, clone: Clone) -> None:
    clone.upstream.commit({"README.md": "x"})
    ran = clone.push()
    assert ran.returncode != 0
    assert "the folder 'fleet' does not exist at commit" in ran.stderr
    assert "git config reconciler.folder" in ran.stderr


def test_a_link_in_the_fleet(server: Upstream, clone: Clone) -> None:
    link = clone.upstream.blob("/etc/passwd")
    clone.upstream.commit({**FILES, "fleet/x.yaml": ("120000", link)})
    ran = clone.push()
    assert ran.returncode != 0
    assert "remote: fleet/x.yaml:1:1: is a symbolic link" in ran.stderr
    assert "reconciler refuses this push: the fleet at " in ran.stderr


def test_names_that_could_play_with_the_terminal(server: Upstream, clone: Clone) -> None:
    ran = clone.push({"fleet/\x1b[2J.yaml": "kind: [\n"})
    assert ran.returncode != 0
    assert "\x1b[2J" not in ran.stderr


def test_without_the_command_nothing_gets_in(server: Upstream, clone: Clone) -> None:
    hook = server.path / "hooks" / "pre-receive"
    hook.write_text(hook.read_text().replace("/reconciler}", "/no-such-command}"))
    ran = clone.push({})
    assert ran.returncode != 0
    assert "no-such-command" in ran.stderr


# Secrets that a push brings


KEY = SAMPLES["Anthropic"]
LEAK = {"fleet/ada.yaml": f"{wizard('ada', 8643)}# {KEY}\n"}


def refused_for_secrets(ran: subprocess.CompletedProcess[str], *where: str) -> None:
    """The push was refused for exactly these secrets, and nobody repeats them."""
    assert ran.returncode != 0
    told = [line.split(": a key of")[0] for line in ran.stderr.splitlines() if "a key of a model provider" in line]
    assert told == [f"remote: {place}" for place in where], ran.stderr
    assert "Mend: rewrite so that no commit ever held one (`git rebase -i " in ran.stderr
    assert "Revoke" in ran.stderr
    assert KEY not in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("limit", ["1", "1000"])
@pytest.mark.parametrize("ref", ["main", "main:draft", "main:refs/tags/v1"])
def test_a_secret_that_a_later_commit_takes_out(ref: str, limit: str, server: Upstream, clone: Clone) -> None:
    """Whatever it is pushed to, as a pack or as single objects."""
    server.git("config", "receive.unpackLimit", limit)
    assert clone.push({}).returncode == 0
    leak = clone.upstream.commit({**FILES, **LEAK})
    clone.upstream.commit(FILES)
    before = server.git("for-each-ref")
    refused_for_secrets(clone.push(None, ref), f"commit {leak[:7]}: fleet/ada.yaml:9:3")
    assert server.git("for-each-ref") == before
    assert leak not in server.git("cat-file", "--batch-all-objects", "--batch-check")


def test_a_secret_in_the_first_push_in_a_soul_and_in_any_file(server: Upstream, clone: Clone) -> None:
    notes = b"\xff\n" + KEY.encode()
    first = clone.upstream.commit({**FILES, "fleet/notes": notes, "fleet/s.md": f"a {KEY}\n"})
    clone.upstream.commit(FILES)
    refused_for_secrets(clone.push(), f"commit {first[:7]}: fleet/notes:2:1", f"commit {first[:7]}: fleet/s.md:1:3")


def test_a_password_under_a_name_that_says_so(clone: Clone) -> None:
    leak = clone.upstream.commit({**FILES, "fleet/ada.yaml": f"{wizard('ada', 8643)}env: {{A_PASSWORD: summer}}\n"})
    clone.upstream.commit(FILES)
    ran = clone.push()
    assert ran.returncode != 0
    assert f"remote: commit {leak[:7]}: fleet/ada.yaml:9:19: A_PASSWORD looks like a secret" in ran.stderr


def test_a_secret_at_the_tip_is_told_once(clone: Clone) -> None:
    clone.push({})
    leak = clone.upstream.commit({**FILES, **LEAK})
    refused_for_secrets(clone.push(), f"commit {leak[:7]}: fleet/ada.yaml:9:3")


def test_a_secret_that_a_merge_brings_and_none_of_its_parents_has(clone: Clone) -> None:
    base = clone.upstream.commit(FILES)
    clone.push()
    side = clone.upstream.commit({**FILES, "fleet/n.txt": "x"}, branch="side", parents=(base,))
    main = clone.upstream.commit({**FILES, "fleet/m.txt": "x"})
    merge = clone.upstream.commit({**FILES, **LEAK, "fleet/n.txt": "x", "fleet/m.txt": "x"}, parents=(main, side))
    clone.upstream.commit(FILES)
    refused_for_secrets(clone.push(), f"commit {merge[:7]}: fleet/ada.yaml:9:3")


def test_a_secret_in_a_tag_of_a_tree(clone: Clone) -> None:
    clone.push({})
    leak = clone.upstream.commit({**FILES, **LEAK}, branch="elsewhere")
    tree = clone.upstream.git("rev-parse", f"{leak}^{{tree}}")
    refused_for_secrets(clone.push(None, f"{tree}:refs/tags/t"), f"commit {tree[:7]}: fleet/ada.yaml:9:3")


def test_what_is_there_already_refuses_nothing(server: Upstream, clone: Clone) -> None:
    """A repository whose history holds one from before the hook stays in use."""
    hook = server.path / "hooks" / "pre-receive"
    hook.rename(hook.with_suffix(".off"))
    clone.upstream.commit({**FILES, **LEAK})
    clone.upstream.commit(FILES)
    assert clone.push().returncode == 0
    hook.with_suffix(".off").rename(hook)
    assert clone.push({"fleet/n.txt": "x"}).returncode == 0
    assert clone.push(None, "main~2:refs/heads/old", "main:refs/tags/v1").returncode == 0
    merged = clone.upstream.commit({**FILES, "fleet/o.txt": "x"}, parents=("main", "main~2"))
    assert clone.push(None, f"{merged}:refs/heads/merged").returncode == 0


def test_what_the_author_excused_what_is_binary_and_what_is_elsewhere(clone: Clone) -> None:
    excused = {"fleet/ada.yaml": f"{wizard('ada', 8643)}# {KEY} # reconciler: not-a-secret\n"}
    clone.upstream.commit({**FILES, **excused, "fleet/x.bin": f"\0{KEY}", "docs/x.md": KEY, "fleets/x.md": KEY})
    clone.upstream.commit(FILES)
    ran = clone.push()
    assert ran.returncode == 0, ran.stderr


def test_more_than_can_be_searched_is_refused_in_words(server: Upstream, clone: Clone) -> None:
    clone.upstream.commit({**FILES, "fleet/big.bin": b"#" * (10 * 1024 * 1024 + 1)})
    clone.upstream.commit(FILES)
    ran = clone.push(None, "main:draft")
    assert ran.returncode != 0
    assert "reconciler refuses this push: fleet/big.bin: the file has 10485761 bytes in commit " in ran.stderr
    assert "Mend: " in ran.stderr
    assert tip(server, "draft") == ""


def test_a_secret_below_the_folder_that_the_repository_names(server: Upstream, clone: Clone) -> None:
    server.git("config", "reconciler.folder", ".")
    leak = clone.upstream.commit({"ada.txt": KEY})
    clone.upstream.commit({"ada.txt": "none"})
    refused_for_secrets(clone.push(None, "main:draft"), f"commit {leak[:7]}: ada.txt:1:1")


def test_a_ref_whose_name_is_no_text(server: Upstream, clone: Clone) -> None:
    clone.push({})
    clone.upstream.commit({**FILES, **LEAK})
    name = os.fsdecode(b"refs/heads/\xff")
    assert clone.push(None, f"main:{name}").returncode != 0
    assert clone.push(None, f"main~:{name}").returncode == 0


# Waking the daemon


@pytest.fixture
def settings(server: Upstream, tmp_path: Path) -> Callable[[str], None]:
    """Writes the settings of the machine, with these lines in [web], and names them in the repository."""
    server.git("config", "reconciler.config", str(tmp_path / "reconciler.toml"))
    (tmp_path / "secret").write_text(f"{SECRET}\n")

    def write(web: str) -> None:
        text = f'host = "here"\nsource.url = "http://127.0.0.1:9/sovereign/fleet.git"\n[web]\n{web}\n'
        (tmp_path / "reconciler.toml").write_text(text)

    return write


@pytest.fixture
def daemon(settings: Callable[[str], None]) -> Daemon:
    made = Daemon()
    settings(f'bind = "{made.bind}"\nwebhook_secret = {{file = "secret"}}')
    return made


def test_a_push_wakes_the_daemon(daemon: Daemon, server: Upstream, clone: Clone) -> None:
    with listening(daemon):
        ran = clone.push({})
    assert ran.returncode == 0
    assert "remote: reconciler: woken, and looks at this push now" in ran.stderr
    headers, body = heard(daemon)
    signature = [(name, value) for name, value in headers.items() if name == "x-gitea-signature"]
    assert objection(signature, [daemon.raw], SECRET.encode()) == ""
    watched = Watched("sovereign/fleet", "main")
    assert parse(headers["x-gitea-event"], body, watched) == Pushed("main", "0" * 40, tip(server))
    assert SECRET not in ran.stderr


def test_other_branches_wake_nobody(daemon: Daemon, server: Upstream, clone: Clone) -> None:
    with listening(daemon):
        assert clone.push({}, "main:draft").returncode == 0
    assert daemon.raw == b""


def test_a_daemon_that_is_down_fails_no_push(daemon: Daemon, server: Upstream, clone: Clone) -> None:
    daemon.close()
    ran = clone.push({})
    assert ran.returncode == 0
    assert (
        f"remote: reconciler: not woken: nothing listens on {daemon.bind}; it looks by itself every 60 s" in ran.stderr
    )
    assert tip(server)


def test_a_daemon_that_hangs_holds_no_push(daemon: Daemon, server: Upstream, clone: Clone) -> None:
    """It listens, and never answers: what a stopped process looks like."""
    ran = clone.push({})
    daemon.close()
    assert ran.returncode == 0
    assert "not woken: it did not answer within 3 s" in ran.stderr


def test_a_daemon_that_refuses_is_told(daemon: Daemon, server: Upstream, clone: Clone) -> None:
    daemon.status = 401
    with listening(daemon):
        ran = clone.push({})
    assert ran.returncode == 0
    assert "not woken: it answered 401 said" in ran.stderr


SILENT = {
    "no secret": ("", "web.webhook_secret is not set, so it believes nobody"),
    "no secret file": ('webhook_secret = {file = "none"}', "No such file or directory"),
    "broken settings": ('bind = "x"', "not woken: must be an address with its port"),
}


@pytest.mark.parametrize(("web", "words"), SILENT.values(), ids=SILENT.keys())
def test_settings_that_do_not_do_fail_no_push(
    web: str, words: str, settings: Callable[[str], None], server: Upstream, clone: Clone
) -> None:
    settings(web)
    ran = clone.push({})
    assert ran.returncode == 0
    assert words in ran.stderr
    assert tip(server)


# Installing


def test_again_changes_nothing(call: Call, server: Upstream) -> None:
    hooks = {path: path.read_text() for path in (server.path / "hooks").iterdir()}
    ran = call("init", "--hooks", str(server.path))
    assert [line.split()[0] for line in ran.out.splitlines()] == ["found", "found"]
    assert {path: path.read_text() for path in (server.path / "hooks").iterdir()} == hooks
    old = server.path / "hooks" / "pre-receive"
    old.write_text(f"{old.read_text()}# from an older version\n")
    assert call("init", "--hooks", str(server.path)).out.startswith("changed ")
    assert old.read_text() == hooks[old]


def test_a_hook_of_somebody_else_stays_and_can_call_ours(call: Call, tmp_path: Path) -> None:
    server = Upstream(tmp_path / "srv.git")
    foreign = server.path / "hooks" / "pre-receive"
    foreign.parent.mkdir(exist_ok=True)
    foreign.write_text("#!/bin/sh\nlines=$(cat)\necho mine\n")
    foreign.chmod(0o755)
    ran = call("init", "--hooks", str(server.path))
    assert ran.code == 1
    assert f"kept    {foreign}, which is not ours" in ran.out
    assert "echo mine" in foreign.read_text()
    line = next(line.strip() for line in ran.out.splitlines() if line.startswith("  printf"))
    foreign.write_text(f"{foreign.read_text()}{line}\n")
    clone = Clone(tmp_path / "work.git", str(server.path))
    assert clone.push({}).returncode == 0
    refused = clone.push(BROKEN)
    assert refused.returncode != 0
    assert "remote: mine" in refused.stderr
    assert "fleet/ada.yaml:5:7: " in refused.stderr


def test_beside_the_hooks_of_gitea(call: Call, tmp_path: Path) -> None:
    server = Upstream(tmp_path / "srv.git")
    own = server.path / "hooks" / "pre-receive.d" / "gitea"
    own.parent.mkdir(parents=True)
    own.write_text("#!/bin/sh\n")
    (server.path / "hooks" / "pre-receive").write_text("#!/bin/sh\n# AUTO GENERATED BY GITEA\n")
    ran = call("init", "--hooks", str(server.path))
    assert ran.code == 0
    assert (own.parent / "reconciler").stat().st_mode & 0o111
    assert "AUTO GENERATED" in (server.path / "hooks" / "pre-receive").read_text()


def work_tree(path: Path) -> Path:
    path.mkdir()
    run_git(path / ".git", "init", "--quiet", "-b", "main", str(path), GIT_WORK_TREE=str(path))
    for name, text in FILES.items():
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_text(text)
    return path


def git(path: Path, *args: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command as a person types it in the folder."""
    who = ["-c", "user.name=T", "-c", "user.email=t@example.invalid"]
    environ = {"PATH": os.environ["PATH"], "HOME": str(path), "GIT_CONFIG_NOSYSTEM": "1", **variables}
    return subprocess.run(["git", *who, *args], cwd=path, env=environ, capture_output=True, text=True, check=False)


def commit(path: Path) -> subprocess.CompletedProcess[str]:
    assert git(path, "add", "-A").returncode == 0
    return git(path, "commit", "-qm", "x", "--allow-empty")


@pytest.fixture
def work(call: Call, tmp_path: Path) -> Path:
    """A work tree with our hook and no commit yet."""
    made = work_tree(tmp_path / "work")
    assert call("init", "--hooks", str(made)).code == 0
    return made


def test_a_clone_gets_the_check_before_a_commit(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = work_tree(tmp_path / "work")
    monkeypatch.chdir(work)
    ran = call("init", "--hooks")
    assert (ran.code, ran.out) == (0, f"made    {work}/.git/hooks/pre-commit\n")
    assert commit(work).returncode == 0
    (work / "fleet" / "ada.yaml").write_text(BROKEN["fleet/ada.yaml"])
    refused = commit(work)
    assert refused.returncode != 0
    assert "fleet/ada.yaml:5:7: " in refused.stdout + refused.stderr


@pytest.mark.parametrize("first", [True, False])
def test_what_is_staged_counts_and_not_what_the_files_say(first: bool, work: Path) -> None:
    if not first:
        assert commit(work).returncode == 0
    ada = work / "fleet" / "ada.yaml"
    ada.write_text(LEAK["fleet/ada.yaml"])
    assert git(work, "add", "-A").returncode == 0
    ada.write_text(FILES["fleet/ada.yaml"])
    refused = git(work / "fleet", "commit", "-qm", "x")
    assert refused.returncode != 0
    assert "fleet/ada.yaml:9:3: a key of a model provider" in refused.stdout + refused.stderr
    assert git(work, "rev-parse", "-q", "--verify", "HEAD").returncode == (1 if first else 0)
    assert git(work, "add", "-A").returncode == 0
    ada.write_text(LEAK["fleet/ada.yaml"])
    assert git(work, "commit", "-qm", "x", "--allow-empty").returncode == 0
    assert KEY not in git(work, "show", "HEAD:fleet/ada.yaml").stdout


@pytest.mark.parametrize("words", [("fleet/ada.yaml",), ("-a",), ("-i", "fleet/ada.yaml")])
def test_a_commit_of_some_files(words: tuple[str, ...], work: Path) -> None:
    assert commit(work).returncode == 0
    (work / "fleet" / "ada.yaml").write_text(LEAK["fleet/ada.yaml"])
    refused = git(work, "commit", "-qm", "x", *words)
    assert refused.returncode != 0
    assert "fleet/ada.yaml:9:3: " in refused.stdout + refused.stderr
    (work / "fleet" / "bob.yaml").write_text(FILES["fleet/bob.yaml"] + "role: b\n")
    ran = git(work, "commit", "-qm", "x", "fleet/bob.yaml")
    assert ran.returncode == 0, ran.stderr


def test_a_fleet_in_a_subfolder(work: Path) -> None:
    (work / "deep").mkdir()
    (work / "fleet").rename(work / "deep" / "fleet")
    refused = commit(work)
    assert refused.returncode != 0
    assert "nothing is staged in the folder 'fleet'" in refused.stderr
    ran = git(work / "deep", "commit", "-qm", "x", FLEET_FOLDER="./deep/fleet/")
    assert ran.returncode == 0, ran.stderr
    (work / "deep" / "fleet" / "ada.yaml").write_text(BROKEN["fleet/ada.yaml"])
    refused = git(work / "deep", "commit", "-aqm", "x", FLEET_FOLDER="deep/fleet")
    assert refused.returncode != 0
    assert "deep/fleet/ada.yaml:5:7: " in refused.stdout + refused.stderr


def test_a_commit_in_a_second_work_tree(work: Path, tmp_path: Path) -> None:
    assert commit(work).returncode == 0
    second = tmp_path / "second"
    assert git(work, "worktree", "add", "-q", str(second)).returncode == 0
    (second / "fleet" / "ada.yaml").write_text(BROKEN["fleet/ada.yaml"])
    refused = git(second, "commit", "-aqm", "x")
    assert refused.returncode != 0
    assert "fleet/ada.yaml:5:7: " in refused.stdout + refused.stderr
    assert git(second, "commit", "-qm", "x", "--allow-empty").returncode == 0
    (second / "fleet" / "ada.yaml").write_text(FILES["fleet/ada.yaml"] + "role: a\n")
    ran = git(second, "commit", "-aqm", "x")
    assert ran.returncode == 0, ran.stderr


def test_an_index_that_can_be_no_commit(call: Call, work: Path) -> None:
    git(work, "add", "-A")
    blob = git(work, "rev-parse", ":fleet/ada.yaml").stdout.strip()
    lines = "".join(f"100644 {blob} {stage}\tfleet/ada.yaml\n" for stage in (1, 2, 3))
    run_git(work / ".git", "update-index", "--force-remove", "fleet/ada.yaml", GIT_WORK_TREE=str(work))
    run_git(work / ".git", "update-index", "--index-info", feed=lines.encode(), GIT_WORK_TREE=str(work))
    ran = call("validate", "--staged", "--git-dir", str(work))
    assert ran.code == 1
    assert "no commit can be made of the index" in ran.err
    assert "unmerged" in ran.err
    ran = call("validate", "--staged", "--commit", "HEAD")
    assert "--commit and --staged don't go together" in ran.err


def test_where_the_repository_says_its_hooks_are(call: Call, tmp_path: Path) -> None:
    work = work_tree(tmp_path / "work")
    run_git(work / ".git", "config", "core.hooksPath", ".hooks")
    assert call("init", "--hooks", str(work)).code == 0
    assert (work / ".hooks" / "pre-commit").is_file()
    (work / "fleet" / "ada.yaml").write_text(BROKEN["fleet/ada.yaml"])
    assert commit(work).returncode != 0


def test_a_second_work_tree_shares_the_hooks(call: Call, tmp_path: Path) -> None:
    work = work_tree(tmp_path / "work")
    assert commit(work).returncode == 0
    run_git(work / ".git", "worktree", "add", "-q", str(tmp_path / "second"))
    assert call("init", "--hooks", str(tmp_path / "second")).code == 0
    assert (work / ".git" / "hooks" / "pre-commit").is_file()


@pytest.mark.parametrize("name", ["none", "plain"])
def test_what_is_no_repository(name: str, call: Call, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    ran = call("init", "--hooks", str(tmp_path / name))
    assert ran.code == 1
    assert "this is no Git repository" in ran.err
    assert list((tmp_path / "plain").iterdir()) == []


def test_the_scripts_are_sh(server: Upstream) -> None:
    shell = shutil.which("dash") or "sh"
    for path in (server.path / "hooks" / name for name in ("pre-receive", "post-receive")):
        assert subprocess.run([shell, "-n", str(path)], check=False).returncode == 0


# A commit without its files


def test_a_commit_is_checked_where_it_is(call: Call, tmp_path: Path) -> None:
    server = Upstream(tmp_path / "srv.git")
    good = server.commit(FILES)
    server.commit({**FILES, **BROKEN})
    ran = call("validate", "--commit", "main", "--git-dir", str(server.path))
    assert ran.code == 1
    assert "fleet/ada.yaml:5:7: " in ran.out
    ran = call("validate", "--commit", good[:12], "--git-dir", str(server.path))
    assert (ran.code, ran.out.startswith("fleet is valid: 3 wizards")) == (0, True)


@pytest.mark.parametrize("revision", ["none", "-h", "--all", "", "main:fleet", "0" * 40])
def test_what_is_no_commit(revision: str, call: Call, tmp_path: Path) -> None:
    server = Upstream(tmp_path / "srv.git")
    server.commit(FILES)
    ran = call("validate", f"--commit={revision}", "--git-dir", str(server.path))
    assert ran.code == 1
    assert "commit" in ran.err
    assert "bug" not in ran.err


def test_a_git_dir_alone(call: Call) -> None:
    ran = call("validate", "--git-dir", ".")
    assert (ran.code, "--git-dir counts only with --commit" in ran.err) == (1, True)
