"""`validate`: the golden fleet, and a table of bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.cli.conftest import Call
from tests.cli.site import FILES, FLEET, wizard

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
    "brackets": ({"fleet/x.yaml": "[" * 50_000}, "fleet/x.yaml:1:65: nesting is deeper than 64 levels"),
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
        (lambda folder: folder.write_text("kind: Fleet\n"), "no such folder"),
    ],
    ids=["missing", "empty", "file"],
)
def test_folders_that_hold_no_fleet(make: object, says: str, call: Call, tmp_path: Path) -> None:
    make(tmp_path / "fleet")  # type: ignore[operator]
    ran = call("validate", str(tmp_path / "fleet"))
    assert ran.code == 1
    assert says in ran.out + ran.err


def test_a_huge_file_and_a_link_are_refused(call: Call, tmp_path: Path) -> None:
    folder = write(tmp_path, {"fleet/huge.yaml": b"#" * (10 * 1024 * 1024 + 1)})
    ran = call("validate", str(folder), "--json")
    assert ran.code == 1
    assert "huge.yaml" in ran.json["error"]["where"]
    (folder / "huge.yaml").unlink()
    (folder / "out.yaml").symlink_to("/etc/passwd")
    ran = call("validate", str(folder))
    assert ran.code == 1
    assert "links are not followed" in ran.err


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
