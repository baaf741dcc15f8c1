"""`init --gitea` where it can't be done: what is told, and that nothing was changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.set_up.place import Place

BASE = ("init", "--gitea", "http://127.0.0.1:9", "--repo", "o/r")
WRONG = {
    "no folder": (("init",), "Missing argument 'DIR'"),
    "no repository": (("init", "--gitea", "http://x", "--token-file", "t"), "--gitea needs --repo OWNER/NAME"),
    "no token": (BASE, "--gitea needs an access token: name a file"),
    "no address": (("init", "--gitea", "gitea", "--repo", "o/r"), "--gitea must be an address such as"),
    "a password": (("init", "--gitea", "http://u:hunter2@x", "--repo", "o/r"), "--gitea must not hold a user"),
    "no name": (("init", "--gitea", "http://127.0.0.1", "--repo", "fleet"), "--repo must be written as owner/name"),
    "an option of it": (("init", "d", "--protect"), "--protect counts only with --gitea"),
    "another option of it": (("init", "d", "--token-file", "t"), "--token-file counts only with --gitea"),
    "hooks and more": (("init", "d", "--hooks", "."), "--hooks goes alone"),
    "out of reach": (
        ("init", "--gitea", "https://gitea.example", "--repo", "o/r", "--token-file", "t"),
        "--gitea needs --webhook-url: the address at which Gitea reaches the daemon",
    ),
    "no webhook": ((*BASE, "--token-file", "t", "--webhook-url", "9090"), "--webhook-url must be an address such as"),
}


@pytest.mark.parametrize(("words", "says"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_call(
    words: tuple[str, ...], says: str, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITEA_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)
    ran = call("--config", str(tmp_path / "none.toml"), *words)
    assert (ran.code, says in ran.err) == (1, True), ran.err
    assert "hunter2" not in ran.err
    assert list(tmp_path.iterdir()) == []


def refused(place: Place, *more: str, repo: str = "sovereign/fleet") -> str:
    ran = place.init(*more, repo=repo)
    assert ran.code == 1
    assert "bug" not in ran.err
    assert place.token not in ran.out + ran.err
    assert not place.config.exists()
    return ran.err


def test_a_token_that_nobody_knows(place: Place) -> None:
    place.give_token("f" * 40)
    err = refused(place)
    assert "Gitea does not take the token" in err
    assert "make an access token" in err


def test_a_token_that_may_too_little(place: Place) -> None:
    place.give_token(place.gitea.token("sovereign", "read:user", "read:repository"))
    err = refused(place)
    assert "the token may not do that: token does not have at least one of required scope(s): [write:repository]" in err
    assert place.gitea.repos == {}


@pytest.mark.parametrize("text", ["", "two\nlines", "a b", "späth"])
def test_a_file_without_a_token(place: Place, text: str) -> None:
    place.token_file.write_text(text)
    err = refused(place)
    assert "token" in err
    assert place.gitea.calls == []


def test_a_token_file_that_is_not_there(place: Place) -> None:
    place.token_file.unlink()
    assert "No such file" in refused(place)


def test_an_owner_that_is_not_there(place: Place) -> None:
    place.gitea.trouble = lambda method, path: 404 if path.startswith("/orgs/") else None
    err = refused(place, repo="others/fleet")
    assert "there is no repository others/fleet, and no organisation others to make it in" in err
    assert "the token belongs to sovereign" in err


def test_a_repository_that_the_token_can_not_see(place: Place) -> None:
    place.gitea.repository("others/fleet", private=True)
    assert "there is a repository others/fleet, and the token can't see it" in refused(place, repo="others/fleet")


def test_a_repository_that_somebody_else_administers(place: Place) -> None:
    place.gitea.repository("others/fleet")
    err = refused(place, repo="others/fleet")
    assert "webhooks need an administrator" in err
    assert place.gitea.repos["others/fleet"].hooks == {}


def test_a_forge_that_is_away(place: Place) -> None:
    place.gitea.url = "http://127.0.0.1:9"
    err = refused(place)
    assert "Gitea can't be reached" in err
    assert not place.secret_file.exists()


def test_a_folder_with_other_things_in_it(place: Place) -> None:
    (place.folder / "mine").mkdir()
    (place.folder / "mine" / "letter").write_text("x")
    assert "holds files that are no clone" in refused(place, str(place.folder / "mine"))
    assert place.gitea.calls == []


def test_a_secret_that_can_not_be_kept_makes_no_webhook(place: Place) -> None:
    place.secret_file = place.token_file / "secret"
    assert "Not a directory (name another with --secret-file" in refused(place)
    assert place.repo.hooks == {}


def test_settings_that_are_wrong_come_first(place: Place) -> None:
    place.config.write_text("host = 3\n")
    ran = place.init()
    assert (ran.code, place.gitea.calls) == (1, [])
    assert "settings are wrong" in ran.err
