"""`init` and `new wizard`: what they write is valid, complete, and never written over what is there."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from reconciler.settings import load_settings
from tests.cli.conftest import Call
from tests.cli.site import FILES, FLEET, files_below, wizard


@pytest.fixture
def made(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new repository, and we are in it."""
    assert call("init", str(tmp_path / "My Fleet"), "--host", "vps-1").code == 0
    monkeypatch.chdir(tmp_path / "My Fleet")
    return tmp_path / "My Fleet"


def fleet(folder: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def test_a_new_repository_is_valid(call: Call, made: Path) -> None:
    ran = call("validate")
    assert (ran.code, ran.out) == (0, "fleet is valid: 1 wizard, 1 host, 1 codebase, 1 model.\n")
    assert call("schema", "--check").code == 0


def test_a_new_repository(made: Path, snapshot: SnapshotAssertion) -> None:
    shown = {path: data.decode() for path, (_, _, data) in files_below(made).items() if not path.startswith("schemas/")}
    assert shown == snapshot


def test_what_it_says_to_do_next(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = call("init", "house", "--host", "vps-1", "--wizard", "ada")
    assert ran.code == 0
    assert "wrote house/fleet/wizards/ada.yaml" in ran.out
    assert 'git init -b main && git add . && git commit -m "The fleet"' in ran.out
    assert "On host vps-1, write /etc/reconciler/reconciler.toml" in ran.out


def test_its_settings_are_settings(made: Path) -> None:
    text = (made / "reconciler.example.toml").read_text()
    settings = load_settings(str(made / "reconciler.example.toml"), {})
    assert (settings.host, settings.source.folder) == ("vps-1", "fleet")
    assert tomllib.loads(text.replace("# token", "token"))["source"]["token"] == {"file": "/etc/reconciler/token"}


def test_doing_it_again_changes_nothing(call: Call, made: Path) -> None:
    before = files_below(made)
    ran = call("init", ".", "--host", "other")
    assert (ran.code, ran.out) == (0, "fleet is there already; nothing was changed\n")
    assert files_below(made) == before


def test_files_that_are_there_are_kept(call: Call, tmp_path: Path) -> None:
    fleet(tmp_path / "house", {"README.md": "mine\n"})
    ran = call("init", str(tmp_path / "house"))
    assert ran.code == 0
    assert (tmp_path / "house" / "README.md").read_text() == "mine\n"
    assert f"kept  {tmp_path / 'house' / 'README.md'}" in ran.out


@pytest.mark.parametrize("name", ["../x", "a b", "Ada", "-x", "", "a" * 41])
def test_names_that_no_fleet_may_have(name: str, call: Call, tmp_path: Path) -> None:
    ran = call("init", str(tmp_path / "house"), f"--wizard={name}")
    assert ran.code == 1
    assert "lower-case letters, digits and single hyphens" in ran.err
    assert not (tmp_path / "house").exists()


def test_a_folder_that_can_not_be_written(call: Call, tmp_path: Path) -> None:
    (tmp_path / "house").write_text("a file")
    ran = call("init", str(tmp_path / "house"))
    assert ran.code == 1
    assert "bug" not in ran.err


def test_a_new_wizard(call: Call, made: Path, snapshot: SnapshotAssertion) -> None:
    ran = call("new", "wizard", "ada-two", "--father", "merlin", "--role", "Reads the logs")
    assert ran.code == 0
    assert ran.out == snapshot(name="said")
    assert (made / "fleet" / "wizards" / "ada-two.yaml").read_text() == snapshot(name="written")
    assert "2 wizards" in call("validate").out


def test_the_next_free_port(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past another wizard, a reservation, a service and a Robe; another host's ports are free."""
    pool = "ports: {first: 8643, last: 8648, reserved: {8645: kept}}\n---"
    service = "kind: Service\nname: search\nport: 8646\n"
    robed = wizard("bob", 8644) + "robe: {port: 8647}\n"
    files = {
        **FILES,
        "fleet/fleet.yaml": FLEET.replace("---", pool, 1),
        "fleet/s.yaml": service,
        "fleet/bob.yaml": robed,
    }
    monkeypatch.chdir(fleet(tmp_path, files))
    assert "port 8648 on host here" in call("new", "wizard", "cat", "--host", "here").out
    assert "port 8644 on host there" in call("new", "wizard", "dog", "--host", "there").out
    assert call("validate").code == 0
    ran = call("new", "wizard", "eel", "--host", "here")
    assert ran.code == 1
    assert "no port of 8643-8648 is free on host here" in ran.err


def test_what_it_can_not_choose_it_asks_for(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(
        fleet(tmp_path, {**FILES, "fleet/m.yaml": "kind: Model\nname: big\nid: x\nprovider: anthropic\n"})
    )
    ran = call("new", "wizard", "cat")
    assert (ran.code, "--host NAME: one of here, there" in ran.err) == (1, True)
    ran = call("new", "wizard", "cat", "--host", "here")
    assert (ran.code, "--model NAME: one of big, local" in ran.err) == (1, True)
    ran = call("new", "wizard", "cat", "--host", "here", "--model", "locale")
    assert (ran.code, "did you mean local?" in ran.err) == (1, True)
    assert not (tmp_path / "fleet" / "wizards").exists()
    assert call("new", "wizard", "cat", "--host", "here", "--model", "big").code == 0


@pytest.mark.parametrize("name", ["../x", "a b", "Ada", "merlin", "all", "x\n", "a" * 41, "é"])
def test_names_that_are_taken_or_unsafe(name: str, call: Call, made: Path) -> None:
    before = files_below(made)
    ran = call("new", "wizard", "--", name)
    assert ran.code == 1
    assert "error: " in ran.err
    assert files_below(made) == before


@pytest.mark.parametrize(
    "role",
    [
        "yes",
        "- [x]: {y}",
        'says "hi" # always',
        "12:30",
        "a: b",
        "'",
        " padded ",
        "ends with colon:",
        "🙂",
        "*",
        "a\\b",
    ],
)
def test_any_role_is_kept_word_for_word(role: str, call: Call, made: Path) -> None:
    from reconciler.spec.load import load_fleet

    assert call("new", "wizard", "ada", "--role", role).code == 0
    files = {path: data for path, (_, _, data) in files_below(made).items()}
    loaded = load_fleet(files, "fleet")
    assert loaded.fleet is not None
    assert loaded.fleet.wizards["ada"].role == role


@pytest.mark.parametrize("role", ["\x1b[2J", "two\nlines\x00"])
def test_a_role_that_no_file_may_hold_is_refused(role: str, call: Call, made: Path) -> None:
    before = files_below(made)
    ran = call("new", "wizard", "ada", "--role", role)
    assert ran.code == 1
    assert "nothing was written" in ran.err
    assert "\x1b" not in ran.out + ran.err
    assert files_below(made) == before


def test_a_broken_fleet_is_mended_first(call: Call, made: Path) -> None:
    (made / "fleet" / "x.yaml").write_text("kind: [\n")
    ran = call("new", "wizard", "ada")
    assert ran.code == 1
    assert "fleet/x.yaml:2:1: " in ran.out
    assert not (made / "fleet" / "wizards" / "ada.yaml").exists()


def test_a_fleet_elsewhere(call: Call, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made.parent)
    ran = call("new", "wizard", "ada", "--fleet", "My Fleet/fleet")
    assert ran.code == 0
    text = (made / "fleet" / "wizards" / "ada.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=../../schemas/fleet.schema.json\n")
