"""Addresses and names at the door: what is taken, what is refused, and that no credential can be seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.adapters.git_names import check_branch, check_folder, check_writable
from reconciler.adapters.git_remote import Access, parse_remote, redact
from reconciler.adapters.git_source import GitSource
from reconciler.errors import Refused, Terminal


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://gitea.example/o/r.git", "https://gitea.example/o/r.git"),
        ("https://me:pa55@gitea.example:8443/o/r.git", "https://gitea.example:8443/o/r.git"),
        ("https://t0ken@[::1]:3000/o/r.git", "https://[::1]:3000/o/r.git"),
        ("ssh://git@host:22/o/r.git", "ssh://git@host:22/o/r.git"),
        ("git@host.example:o/r.git", "git@host.example:o/r.git"),
        ("host:r", "host:r"),
        ("/srv/fleet.git", "/srv/fleet.git"),
        ("file:///srv/fleet.git", "file:///srv/fleet.git"),
    ],
)
def test_addresses_are_kept_without_credentials(url: str, kept: str) -> None:
    assert parse_remote(url, Access()).url == kept


@pytest.mark.parametrize(
    "url",
    [
        "",
        "-oProxyCommand=touch /nowhere",
        "--upload-pack=evil",
        "ext::sh -c evil",
        "ext::evil",
        "transport::https://host/r",
        "fd::7",
        "ssh://-oProxyCommand=evil/r",
        "-host:path",
        "git@-host:path",
        "ftp://host/r",
        "https:///r",
        "https://[::1/r",
        "https://host:port/r",
        "ssh://git:secret@host/r",
        "../fleet.git",
        "fleet",
        "https://host/r\nx",
        "https://host/a b",
    ],
)
def test_addresses_that_could_mean_something_else_are_refused(url: str) -> None:
    with pytest.raises(Terminal, match=r"write it as|password") as caught:
        parse_remote(url, Access())
    assert "secret" not in str(caught.value)


def test_credentials_of_the_address_leave_it_and_are_not_shown() -> None:
    remote = parse_remote("https://me:p%40ss@host/r.git", Access())
    assert remote.secrets() == ("me", "p@ss")
    assert "p@ss" not in repr(remote)
    assert (
        remote.configuration(remote.secrets())["http.https://host/.extraHeader"] == "Authorization: Basic bWU6cEBzcw=="
    )


def test_a_rotated_token_is_taken_up_and_only_for_http() -> None:
    tokens = iter(["one\n", "two"])
    remote = parse_remote("https://host/r.git", Access(token=lambda: next(tokens)))
    assert [remote.secrets(), remote.secrets()] == [("x-access-token", "one"), ("x-access-token", "two")]
    assert parse_remote("ssh://git@host/r.git", Access(token=lambda: "never")).secrets() == ()


def test_redaction() -> None:
    text = "fatal: unable to access 'https://u:p@host/r': eDpzM2NyM3Q= s3cr3t"
    assert redact(text, ("x", "s3cr3t")) == "fatal: unable to access 'https://***@host/r': *** ***"


def test_the_key_of_ssh_is_quoted() -> None:
    command = parse_remote("git@host:r", Access(ssh_key=Path("/keys/a b;$(x)"))).ssh_command()
    assert "'/keys/a b;$(x)'" in command
    assert "BatchMode=yes" in command


@pytest.mark.parametrize("name", ["main", "release/1.x", "ünïcode", "a-b_c.d"])
def test_branch_names(name: str) -> None:
    assert check_branch(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "-x", "/x", "x/", ".x", "x..y", "x y", "x:y", "x^", "x~1", "x*", "a//b", "a/.b", "a.lock", "@", "a@{1}"],
)
def test_names_that_are_no_branch(name: str, tmp_path: Path) -> None:
    with pytest.raises(Terminal, match="not a branch name"):
        GitSource(tmp_path, "/srv/r.git", name, "fleet")


@pytest.mark.parametrize(("folder", "clean"), [("fleet", "fleet"), ("/a/b/", "a/b"), ("", ""), (".", "")])
def test_folders(folder: str, clean: str) -> None:
    assert check_folder(folder) == clean


@pytest.mark.parametrize("folder", ["..", "a/../b", "a//b", "./a", "a\nb"])
def test_folders_that_leave_the_repository(folder: str) -> None:
    with pytest.raises(Terminal, match="not a folder"):
        check_folder(folder)


@pytest.mark.parametrize("ref", ["main", "status", "other/x", "refs/heads/status/x"])
def test_branches_that_are_not_ours_are_not_written(ref: str) -> None:
    with pytest.raises(Refused):
        check_writable(ref, "main")


def test_the_watched_branch_is_not_written_whatever_its_name() -> None:
    with pytest.raises(Refused, match="watch"):
        check_writable("status/vps", "status/vps")
