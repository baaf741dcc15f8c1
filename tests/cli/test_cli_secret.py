"""`secret`: what comes in by standard input or a prompt leaves encrypted, and nowhere else."""

from __future__ import annotations

import base64
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pyrage
import pytest

from tests.cli.conftest import Call
from tests.cli.site import FLEET, Site, wizard
from tests.cli.terminal import Screen

TEXT = "the-text-of-a-secret"
AGE = re.compile(r'\{age: "([A-Za-z0-9+/=]+)"\}\n')


def pair() -> tuple[pyrage.x25519.Identity, str]:
    identity = pyrage.x25519.Identity.generate()
    return identity, str(identity.to_public())


def decrypted(out: str, identity: pyrage.x25519.Identity) -> str:
    found = AGE.fullmatch(out)
    assert found, out
    return pyrage.decrypt(base64.b64decode(found[1]), [identity]).decode()


def identity_of(site: Site) -> pyrage.x25519.Identity:
    return pyrage.x25519.Identity.from_str((site.state / "secrets" / "age.key").read_text().splitlines()[1])


def written(site: Site, name: str) -> dict[str, str]:
    lines = (site.root / name / "home" / ".env").read_text().splitlines()
    return {line.partition("=")[0]: line.partition("=")[2].strip("'\"") for line in lines}


# key and encrypt


def test_key_prints_the_public_key_and_keeps_the_private_one(here: Call, site: Site) -> None:
    ran = here("secret", "key")
    assert ran.code == 0
    assert re.fullmatch(r"age1[a-z0-9]{58}\n", ran.out)
    assert ran.out == here("secret", "key").out
    path = site.state / "secrets" / "age.key"
    assert str(path) in ran.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().splitlines()[1] not in ran.out + ran.err


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_is_encrypted_for_this_host(end: str, here: Call, site: Site) -> None:
    ran = here("secret", "encrypt", stdin=TEXT + end)
    assert ran.code == 0
    assert TEXT not in ran.out + ran.err
    assert decrypted(ran.out, identity_of(site)) == TEXT


def test_it_can_be_encrypted_for_others_without_any_settings(call: Call) -> None:
    (one, first), (two, second) = pair(), pair()
    ran = call("secret", "encrypt", "--recipient", first, "--recipient", second, stdin=TEXT)
    assert ran.code == 0
    assert decrypted(ran.out, one) == decrypted(ran.out, two) == TEXT
    assert first in ran.err


def test_the_fleet_declares_keys_of_hosts_even_while_it_is_not_valid(call: Call, site: Site) -> None:
    identity, public = pair()
    wrong = wizard("ada", 8643) + "env: {A_PASSWORD: summer}\n"
    folder = site.write_fleet(
        {"fleet/fleet.yaml": FLEET.replace("here: {}", f"here: {{age: {public}}}"), "fleet/ada.yaml": wrong}
    )
    assert call("validate", str(folder)).code == 1
    ran = call("secret", "encrypt", "--host", "here", "--fleet", str(folder), stdin=TEXT)
    assert ran.code == 0
    assert decrypted(ran.out, identity) == TEXT


@pytest.mark.parametrize(
    ("words", "stdin", "says"),
    [
        (["--recipient", "age1x"], TEXT, "this is no public age key"),
        (["--recipient", "AGE-SECRET-" + "KEY-1X"], TEXT, "this is a private key"),
        (["--host", "hre"], TEXT, "did you mean here?"),
        (["--host", "there"], TEXT, "the fleet declares no key for host there"),
        (["--host", "here", "--fleet", "nowhere"], TEXT, "no such folder"),
        ([], "", "there is no secret"),
        ([], f"{TEXT}\n{TEXT}", "more than one line"),
        ([], TEXT * 4000, "over 64 KiB"),
        ([], "é" * 40_000, "over 64 KiB"),
        ([], b"\xff\xfe", "the secret is not UTF-8 text"),
        (["--recipient", pair()[1]], b"\xed\xb3\xbf", "the secret is not UTF-8 text"),
    ],
)
def test_what_can_not_be_encrypted(
    words: list[str], stdin: str | bytes, says: str, here: Call, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(site.write_fleet().parent)
    ran = here("secret", "encrypt", *words, stdin=stdin)
    assert (ran.code, ran.out) == (1, "")
    assert says in ran.err
    assert TEXT not in ran.err


def test_a_fleet_without_a_fleet_document(here: Call, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    ran = here("secret", "encrypt", "--host", "here", "--fleet", str(tmp_path / "none"), stdin=TEXT)
    assert ran.code == 1
    assert "no Fleet document can be read here" in ran.err


@pytest.mark.system
def test_at_a_terminal_it_is_asked_for_without_echo(site: Site) -> None:
    screen = Screen("secret", "encrypt", RECONCILER_CONFIG=str(site.config))
    screen.until("Secret")
    screen.type(f"{TEXT}\n")
    assert screen.end() == 0
    assert TEXT not in screen.said
    assert "age: " in screen.said


# From Git to the wizard's .env


def with_secret(name: str, port: int, value: str) -> str:
    return wizard(name, port) + f'env:\n  A_TOKEN: {{age: "{value}"}}\n'


def encrypted(here: Call, text: str) -> str:
    found = AGE.fullmatch(here("secret", "encrypt", stdin=text).out)
    assert found
    return found[1]


def test_an_encrypted_value_reaches_the_wizard_and_nothing_else(here: Call, site: Site) -> None:
    value = encrypted(here, TEXT)
    site.push({"fleet/ada.yaml": with_secret("ada", 8643, value)})
    shown = [here("plan", "-v"), here("plan", "--json"), here("apply", "-y"), here("status"), here("history")]
    assert written(site, "ada")["A_TOKEN"] == TEXT
    assert "A_TOKEN" not in written(site, "bob")
    assert f"encrypted in Git as …{value[-8:]}" in shown[0].out
    for ran in shown:
        assert TEXT not in ran.out + ran.err
        assert value not in ran.out + ran.err
    held = [p for p in site.state.rglob("*") if p.is_file() and TEXT.encode() in p.read_bytes()]
    assert held == []
    assert here("plan").code == 0


def test_the_same_text_encrypted_again_changes_no_file(here: Call, site: Site) -> None:
    site.push({"fleet/ada.yaml": with_secret("ada", 8643, encrypted(here, TEXT))})
    here("apply", "-y")
    env = site.root / "ada" / "home" / ".env"
    before = env.stat()
    site.push({"fleet/ada.yaml": with_secret("ada", 8643, encrypted(here, TEXT))})
    changes = here("plan", "--json").json["changes"]
    assert {change["action"] for change in changes} <= {"claim"}
    assert here("apply", "-y").code == 0
    assert (env.stat().st_mtime_ns, env.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert here("plan").code == 0
    site.push({"fleet/ada.yaml": with_secret("ada", 8643, encrypted(here, "another"))})
    assert [c["key"] for c in here("plan", "--json").json["changes"]] == ["wizard/ada/file/home/.env"]
    here("apply", "-y")
    assert written(site, "ada")["A_TOKEN"] == "another"


def test_what_can_not_be_decrypted_blocks_its_wizard_and_no_other(here: Call, site: Site) -> None:
    here("secret", "key")
    value = AGE.fullmatch(here("secret", "encrypt", "--recipient", pair()[1], stdin=TEXT).out)
    assert value
    site.push({"fleet/ada.yaml": with_secret("ada", 8643, value[1])})
    ran = here("apply", "-y")
    assert ran.code == 1
    assert f"…{value[1][-8:]} is not for this host's key" in ran.out
    assert value[1] not in ran.out + ran.err
    assert not (site.root / "ada" / "home" / ".env").exists()
    assert written(site, "bob")


# rotate


@pytest.fixture
def applied(here: Call, site: Site) -> Site:
    assert here("apply", "-y").code == 0
    return site


def test_rotate_shows_its_plan_and_renews_the_secret_of_one_wizard(here: Call, applied: Site) -> None:
    before = {name: written(applied, name)["API_SERVER_KEY"] for name in ("ada", "bob")}
    ran = here("secret", "rotate", "ada", "API_SERVER_KEY", "-y")
    assert ran.code == 0, ran.err
    assert "~ file home/.env" in ran.out
    assert "a new secret is made" in ran.out
    assert "bob" not in ran.out
    after = {name: written(applied, name)["API_SERVER_KEY"] for name in ("ada", "bob")}
    assert after["ada"] != before["ada"]
    assert after["bob"] == before["bob"]
    kept = applied.state / "secrets" / "generated" / "ada" / "API_SERVER_KEY"
    assert kept.read_text().strip() == after["ada"]
    assert not {*before.values(), *after.values()} & set(re.findall(r"[\w-]{43}", ran.out + ran.err))
    assert here("plan").code == 0
    told = here("history").out
    assert "secret rotated by hand" in told


@pytest.mark.system
def test_rotate_asks_and_no_changes_nothing(here: Call, applied: Site) -> None:
    before = written(applied, "ada")
    screen = Screen("secret", "rotate", "ada", "API_SERVER_KEY", RECONCILER_CONFIG=str(applied.config))
    screen.until("Apply this plan?")
    screen.type("n\n")
    assert screen.end() == 1
    assert written(applied, "ada") == before
    assert here("plan").code == 0


@pytest.mark.system
def test_rotate_agreed_to_at_the_terminal(here: Call, applied: Site) -> None:
    before = written(applied, "ada")
    screen = Screen("secret", "rotate", "ada", "API_SERVER_KEY", RECONCILER_CONFIG=str(applied.config))
    screen.until("Apply this plan?")
    screen.type("y\n")
    assert screen.end() == 0
    assert written(applied, "ada") != before
    assert here("plan").code == 0


def test_rotate_without_a_terminal_and_without_yes_changes_nothing(here: Call, applied: Site) -> None:
    before = written(applied, "ada")
    assert here("secret", "rotate", "ada", "API_SERVER_KEY").code == 1
    assert written(applied, "ada") == before
    assert here("plan").code == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["adda", "API_SERVER_KEY"], "did you mean ada?"),
        (["ada", "API_KEY"], "generated ones are API_SERVER_KEY"),
        (["../x", "API_SERVER_KEY"], "there is no wizard"),
    ],
)
def test_only_generated_secrets_of_known_wizards_are_rotated(
    words: list[str], says: str, here: Call, applied: Site
) -> None:
    ran = here("secret", "rotate", *words, "-y")
    assert ran.code == 1
    assert says in ran.err


def test_a_paused_wizard_keeps_its_secret(here: Call, applied: Site) -> None:
    before = written(applied, "ada")
    here("pause", "ada")
    ran = here("secret", "rotate", "ada", "API_SERVER_KEY", "-y")
    assert ran.code == 3
    assert "was not rotated: paused since" in ran.err
    here("resume", "ada")
    assert written(applied, "ada") == before
    assert here("plan").code == 0


@pytest.mark.system
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_bytes_that_are_no_text_are_refused_in_any_locale(locale: str) -> None:
    command = [sys.executable, "-m", "reconciler", "secret", "encrypt", "--recipient", pair()[1]]
    environ = {"PATH": os.environ["PATH"], "LC_ALL": locale}
    ran = subprocess.run(command, input=b"\xff\xfe", env=environ, capture_output=True, check=False)
    assert (ran.returncode, ran.stdout) == (1, b"")
    assert b"the secret is not UTF-8 text" in ran.stderr
    assert b"bug" not in ran.stderr
