"""`validate`: the golden fleet, and a table of bad ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.cli.conftest import Call
from tests.cli.site import FILES, FLEET, wizard
from tests.git.upstream import run_git

GOLDEN = Path(__file__).parents[2] / "fleet"


def write(folder: Path, files: dict[str, str | bytes | None]) -> Path:
    for path, content in {**FILES, **files}.items():
        if content is None:
            continue
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder / "fleet"


def test_the_golden_fleet_is_valid(call: Call) -> None:
    ran = call("validate", str(GOLDEN))
    assert ran.code == 0
    assert "is valid: 3 wizards, 1 host, 1 codebase, 2 models, 3 services, 6 cron lines, 3 tasks." in ran.out
    assert ran.err == ""


def test_the_default_is_the_folder_fleet(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {})
    monkeypatch.chdir(tmp_path)
    ran = call("validate")
    assert (ran.code, ran.out) == (0, "fleet is valid: 3 wizards, 2 hosts, 1 codebase, 1 model.\n")


def test_every_problem_is_told_with_its_place_and_its_mend(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, snapshot: SnapshotAssertion
) -> None:
    wrong = wizard("ada", 8643).replace("desired: dead", "desierd: dead\nfather: bbo")
    write(tmp_path, {"fleet/ada.yaml": wrong, "fleet/bob.yaml": wizard("bob", 8643).replace("local", "lcoal")})
    monkeypatch.chdir(tmp_path)
    ran = call("validate", "fleet")
    assert (ran.code, ran.err) == (1, "")
    assert ran.out == snapshot


def test_places_are_named_as_seen_from_here(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "repo", {"fleet/ada.yaml": "kind: Wizard\nname: ada\n"})
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert "\n../repo/fleet/ada.yaml:1:1: " in "\n" + call("validate", "../repo/fleet").out
    assert "\n../repo/fleet/ada.yaml:1:1: " in "\n" + call("validate", str(tmp_path / "repo" / "fleet")).out
    monkeypatch.chdir(tmp_path / "repo" / "fleet")
    assert "\nada.yaml:1:1: " in "\n" + call("validate", ".").out


BAD: dict[str, tuple[dict[str, str | bytes | None], str]] = {
    "malformed": ({"fleet/x.yaml": "kind: [\n"}, "fleet/x.yaml:2:1: "),
    "duplicate-key": ({"fleet/x.yaml": "kind: Model\nkind: Model\n"}, "fleet/x.yaml:2:1: `kind` is given twice"),
    "alias-bomb": (
        {"fleet/x.yaml": "a: &a [x, x]\n" + "".join(f"k{i}: &k{i} [*a, *a]\n" for i in range(200))},
        "more than 100 aliases",
    ),
    "brackets": ({"fleet/x.yaml": "[" * 50_000}, ": nesting is deeper than "),
    "tab": ({"fleet/x.yaml": "kind: Model\n\tname: x\n"}, "fleet/x.yaml:2:1: a tab"),
    "not-utf-8": ({"fleet/x.yaml": b"kind: M\xff\n"}, "fleet/x.yaml:1:8: byte 0xff is not UTF-8"),
    "unknown-field": ({"fleet/ada.yaml": wizard("ada", 8643) + "prot: 1\n"}, "did you mean port?"),
    "wrong-type": ({"fleet/ada.yaml": wizard("ada", 8643).replace("8643", '"8643"')}, "take the quotes away"),
    "unsafe-name": ({"fleet/ada.yaml": wizard("../x", 8643)}, "is not a safe name"),
    "name-with-space": ({"fleet/ada.yaml": wizard("a b", 8643)}, "is not a safe name"),
    "no-wizards": (dict.fromkeys(["fleet/ada.yaml", "fleet/bob.yaml", "fleet/far.yaml"]), "no wizard is declared"),
    "two-fleets": ({"fleet/again.yaml": FLEET.partition("---")[0]}, "a second Fleet document"),
    "escape-in-a-name": ({"fleet/x.yaml": 'kind: "Mod\\x1b[2Jel"\nname: x\n'}, "control character U+001B"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case: str, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, says = BAD[case]
    write(tmp_path, files)
    monkeypatch.chdir(tmp_path)
    ran = call("validate")
    assert ran.code == 1
    assert says in ran.out
    assert ran.err == ""
    assert "\x1b" not in ran.out
    told = call("validate", "--json")
    assert told.code == 1
    assert told.json["valid"] is False
    assert {"file", "line", "column", "severity", "message", "mend", "rule"} == set(told.json["problems"][0])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: None, "no such folder"),
        (lambda folder: folder.mkdir(), "there is nothing here"),
        (lambda folder: folder.write_text("kind: Fleet\n"), "it is a file, not a folder"),
    ],
    ids=["missing", "empty", "file"],
)
def test_folders_that_hold_no_fleet(make: object, says: str, call: Call, tmp_path: Path) -> None:
    make(tmp_path / "fleet")  # type: ignore[operator]
    ran = call("validate", str(tmp_path / "fleet"))
    assert ran.code == 1
    assert says in ran.out + ran.err


HUGE = b"#" * (10 * 1024 * 1024 + 1)
SOUL = wizard("ada", 8643).replace("{charter: {identity: ada of the house}}", "{file: souls/ada.md}")


def spoil(folder: Path, what: str) -> None:
    """Puts something there that no fleet can hold."""
    match what:
        case "link":
            (folder / "bad.yaml").symlink_to("/etc/passwd")
        case "link to a folder":
            (folder / "bad").symlink_to("/etc")
        case "huge":
            (folder / "bad.yaml").write_bytes(HUGE)
        case "huge and no fleet file":
            (folder / "bad.bin").write_bytes(HUGE)
        case "repository":
            (folder / "bad" / ".git").mkdir(parents=True)
        case "name":
            (folder / "bad\n.txt").write_text("x")


SPOILT = {
    "link": ("bad.yaml", "file/link"),
    "link to a folder": ("bad", "file/link"),
    "huge": ("bad.yaml", "file/size"),
    "huge and no fleet file": ("bad.bin", "file/size"),
    "repository": ("bad", "file/submodule"),
    "name": ("bad\n.txt", "file/name"),
}


@pytest.mark.parametrize("what", SPOILT)
def test_what_no_fleet_can_hold_is_told_among_the_others(
    what: str, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path, {"fleet/ada.yaml": wizard("ada", 8643) + "prot: 1\n"})
    spoil(folder, what)
    monkeypatch.chdir(tmp_path)
    name, rule = SPOILT[what]
    found = {(p["file"], p["line"], p["column"], p["rule"]) for p in call("validate", "--json").json["problems"]}
    assert found == {(f"fleet/{name}", 1, 1, rule), ("fleet/ada.yaml", 9, 1, "schema/unknown-field")}
    (run,) = call("validate", "--format", "sarif").json["runs"]
    assert {result["ruleId"] for result in run["results"]} == {rule, "schema/unknown-field"}
    assert f"title={rule}::" in call("validate", "--format", "gitea").out
    ran = call("validate")
    assert (ran.code, ran.err) == (1, "")
    assert "2 errors." in ran.out


@pytest.mark.parametrize("what", [name for name in SPOILT if name != "name"])
def test_a_commit_is_refused_for_the_same(
    what: str, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What files say and what their commit says are one answer."""
    folder = write(tmp_path, {"fleet/.hidden/link": "", "fleet/ada.yaml": SOUL, "fleet/souls/ada.md": "A soul.\n"})
    (folder / ".hidden" / "link").unlink()
    (folder / ".hidden" / "link").symlink_to("/etc/passwd")
    spoil(folder, what)
    if what == "repository":
        (folder / "bad" / ".git").rmdir()
        run_git(folder / "bad" / ".git", "init", "-q", str(folder / "bad"), GIT_WORK_TREE=str(folder / "bad"))
        run_git(folder / "bad" / ".git", "commit", "-q", "--allow-empty", "-m", "x")
    monkeypatch.chdir(tmp_path)
    files = call("validate", "--json")
    assert [problem["rule"] for problem in files.json["problems"]] == [SPOILT[what][1]]
    commit_all(tmp_path)
    committed = call("validate", "--commit", "HEAD", "--json")
    assert (committed.code, committed.json) == (files.code, files.json)


def commit_all(top: Path) -> None:
    git = top / ".git"
    run_git(git, "init", "-q", "-b", "main", str(top), GIT_WORK_TREE=str(top))
    run_git(git, f"--work-tree={top}", "-c", "core.bare=false", "add", "-A", str(top))
    run_git(git, "commit", "-q", "-m", "x")


@pytest.mark.parametrize("link", ["souls/ada.md", "souls"])
def test_a_soul_behind_a_link_is_not_missing(link: str, call: Call, tmp_path: Path) -> None:
    folder = write(tmp_path, {"fleet/ada.yaml": SOUL})
    (tmp_path / "ada.md").write_text("A soul.\n")
    (folder / link).parent.mkdir(exist_ok=True)
    (folder / link).symlink_to(tmp_path if link == "souls" else tmp_path / "ada.md")
    ran = call("validate", str(folder), "--json")
    assert [p["rule"] for p in ran.json["problems"]] == ["file/link"]


@contextmanager
def unprivileged() -> Iterator[None]:
    """As a user who may not read everything; for root, that is another one."""
    user = os.geteuid()
    os.seteuid(65534 if user == 0 else user)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can get to, with a fleet whose wizard is in fleet/wizards."""
    with TemporaryDirectory() as name:
        top = Path(name)
        top.chmod(0o755)
        for path in ("fleet/fleet.yaml", "fleet/wizards/ada.yaml"):
            (top / path).parent.mkdir(exist_ok=True)
            (top / path).write_text(FILES[path.replace("wizards/", "")])
        yield top


@pytest.mark.parametrize("hidden", ["fleet/wizards", "fleet", "fleet/wizards/ada.yaml"])
def test_what_could_not_be_read_is_not_absent(
    hidden: str, call: Call, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(open_folder)
    plan = ("plan", "--fleet", "fleet", "--against", "fleet", "--host", "here")
    assert [call("validate", "--format", "gitea").code, call(*plan).code] == [0, 0]
    (open_folder / hidden).chmod(0)
    with unprivileged():
        ran, planned = call("validate", "--format", "gitea"), call(*plan)
    (open_folder / hidden).chmod(0o755)
    assert ran.out.startswith(f"::error file={hidden},line=1,col=1,title=file/unreadable::")
    assert len(ran.out.splitlines()) == 1
    assert (ran.code, planned.code, planned.out) == (1, 1, "")
    assert f"{hidden}:1:1: it can't be read: Permission denied" in planned.err


@pytest.mark.parametrize("style", ["json", "sarif", "gitea"])
def test_machines_read_something_whatever_is_wrong(style: str, call: Call, tmp_path: Path) -> None:
    ran = call("validate", str(tmp_path / "none"), "--format", style)
    assert ran.code == 1
    assert "there is no such folder" in ran.out
    ran = call("validate", "--commit", "none", "--git-dir", str(tmp_path), "--format", style)
    assert ran.code == 1
    assert "this is no Git repository" in ran.out


@pytest.mark.parametrize("here", [".", "fleet", "elsewhere"])
def test_forges_find_a_file_from_the_top_of_its_repository(
    here: str, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "repo" / "deep", {"fleet/ada.yaml": wizard("ada", 8643) + "prot: 1\n"})
    (tmp_path / "repo" / ".git").mkdir()
    (folder.parent / "elsewhere").mkdir()
    monkeypatch.chdir(folder.parent / here)
    path = os.path.relpath(folder)
    (result,) = call("validate", path, "--format", "sarif").json["runs"][0]["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "deep/fleet/ada.yaml"
    assert "::error file=deep/fleet/ada.yaml,line=9" in call("validate", path, "--format", "gitea").out
    assert call("validate", path).out.startswith(f"{os.path.normpath(f'{path}/ada.yaml')}:9:1: ")


def test_warnings_are_told_and_do_not_fail(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"fleet/fleet.yaml": FLEET.replace(", with: [aiohttp]", "")})
    monkeypatch.chdir(tmp_path)
    ran = call("validate")
    assert ran.code == 0
    assert "warning: " in ran.out
    assert "1 warning.\nfleet is valid" in ran.out


def test_formats_for_machines(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"fleet/ada.yaml": wizard("ada", 8643) + "prot: 1\n"})
    monkeypatch.chdir(tmp_path)
    sarif = call("validate", "--format", "sarif")
    (result,) = sarif.json["runs"][0]["results"]
    assert (sarif.code, result["ruleId"], result["level"]) == (1, "schema/unknown-field", "error")
    place = {"artifactLocation": {"uri": "fleet/ada.yaml"}, "region": {"startLine": 9, "startColumn": 1}}
    assert result["locations"] == [{"physicalLocation": place}]
    gitea = call("validate", "--format", "gitea")
    assert gitea.code == 1
    assert gitea.out.startswith("::error file=fleet/ada.yaml,line=9,col=1,title=schema/unknown-field::fleet/ada.yaml:9")
    assert call("validate", "--format", "json").out == call("validate", "--json").out
    assert call("validate", "--format", "text").out == call("validate").out


def test_a_valid_fleet_in_formats_for_machines(call: Call) -> None:
    assert call("validate", str(GOLDEN), "--format", "gitea").out.endswith("3 tasks.\n")
    ran = call("validate", str(GOLDEN), "--format", "sarif")
    assert ran.code == 0
    assert "error" not in {result["level"] for result in ran.json["runs"][0]["results"]}
