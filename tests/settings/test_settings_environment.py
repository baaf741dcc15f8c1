"""Settings from the environment: alone, over a file, and with names that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.errors import Terminal
from reconciler.settings import load_settings
from reconciler.settings.layers import known_keys, variable

ENOUGH = {"RECONCILER_HOST": "vps", "RECONCILER_SOURCE__URL": "/srv/fleet.git"}
FILE = """\
host = "from-file"
state = "/from/file"
[source]
url = "/from/file.git"
token = {file = "/from/file.token"}
[apply]
concurrency = 2
"""


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    return tmp_path / "none.toml"


@pytest.fixture
def file(tmp_path: Path) -> str:
    made = tmp_path / "reconciler.toml"
    made.write_text(FILE)
    return str(made)


def test_host_and_address_need_no_file(nowhere: Path) -> None:
    settings = load_settings(None, ENOUGH, default=nowhere)
    assert (settings.host, settings.source.url, settings.origin) == ("vps", "/srv/fleet.git", "the environment")


@pytest.mark.parametrize("missing", ENOUGH)
def test_one_of_them_is_not_enough(nowhere: Path, missing: str) -> None:
    with pytest.raises(Terminal, match="no settings file"):
        load_settings(None, {name: text for name, text in ENOUGH.items() if name != missing}, default=nowhere)


def test_a_file_that_was_asked_for_is_needed_all_the_same(nowhere: Path) -> None:
    with pytest.raises(Terminal, match="no settings file"):
        load_settings(str(nowhere), ENOUGH)


def test_the_order_of_files(tmp_path: Path, nowhere: Path) -> None:
    files = [tmp_path / name for name in ("asked.toml", "environment.toml", "default.toml")]
    for path in files:
        path.write_text(f'host = "{path.stem}"\nsource.url = "/r"')
    asked, environment, default = files
    environ = {"RECONCILER_CONFIG": str(environment)}
    assert load_settings(str(asked), environ, default=default).host == "asked"
    assert load_settings(None, environ, default=default).host == "environment"
    assert load_settings(None, {}, default=default).host == "default"
    assert load_settings(None, {"RECONCILER_CONFIG": ""}, default=default).host == "default"


def test_a_variable_wins_over_the_file_key_by_key(file: str) -> None:
    environ = {
        "RECONCILER_STATE": "/from/environment",
        "RECONCILER_SOURCE__TOKEN__ENV": "GIT_TOKEN",
        "RECONCILER_SOURCE__POLL": "5m",
        "RECONCILER_APPLY__CONCURRENCY": "9",
        "RECONCILER_STATUS__PUBLISH": "false",
        "HOME": "/root",
    }
    settings = load_settings(file, environ)
    assert (settings.host, settings.state) == ("from-file", Path("/from/environment"))
    assert (settings.source.url, settings.source.poll) == ("/from/file.git", 300.0)
    assert settings.source.token is not None
    assert (settings.source.token.file, settings.source.token.env) == (None, "GIT_TOKEN")
    assert (settings.apply.concurrency, settings.status.publish) == (9, False)
    assert settings.origin == file


def test_every_key_has_its_variable(file: str) -> None:
    texts = {
        "host": "vps",
        "runtime": "supervisord",
        "url": "/r",
        "force_push": "follow",
        "signed": "ssh",
        "concurrency": "3",
        "publish": "no",
        "poll": "1s",
        "gate_hold": "1s",
        "gate_limit": "2s",
        "soak": "3s",
        "reread": "1h",
        "heartbeat": "1h",
        "drift": "5s",
        "enabled": "yes",
        "bind": "127.0.0.1:9999",
        "hosts": "fleet.example, 10.0.0.1",
        "insecure_webhooks": "off",
        "repository": "sovereign/fleet",
        "context": "reconciler/vps",
        "to": "TELEGRAM,MAIL",
        "repeat": "2h",
        "format": "json",
        "level": "error",
    }
    addresses = {("web", "url"), ("gitea", "url")}
    either = {key for key in known_keys() if key[-1] == "env"} | {("source", "allowed_keys")}
    keys = [key for key in known_keys() if key not in either]
    environ = {variable(key): texts.get(key[-1], f"/from/{key[-1]}") for key in keys}
    environ |= {variable(key): "https://fleet.example" for key in addresses}
    settings = load_settings(file, environ)
    assert "from-file" not in repr(settings)
    assert "/from/file." not in repr(settings)
    assert settings.web.hosts == ("fleet.example", "10.0.0.1")
    assert [secret.env for secret in settings.notify.to] == ["TELEGRAM", "MAIL"]
    assert settings.gitea is not None
    assert settings.gitea.url == settings.web.url == "https://fleet.example"


MISTAKES = {
    "one underscore": ("RECONCILER_SOURCE_URL", "x", "is no setting.*did you mean RECONCILER_SOURCE__URL"),
    "misspelt": ("RECONCILER_HOTS", "x", "is no setting.*did you mean RECONCILER_HOST"),
    "small letters": ("RECONCILER_host", "x", "is no setting"),
    "a table": ("RECONCILER_SOURCE", "x", "is no setting"),
    "a stranger": ("RECONCILER_ZZZZZZZZ", "x", "is no setting"),
    "no prefix": ("RECONCILER_", "x", "is no setting"),
    "a number": ("RECONCILER_APPLY__CONCURRENCY", "many", "must be a valid integer"),
    "a number out of range": ("RECONCILER_APPLY__CONCURRENCY", "0", "must be greater than"),
    "yes or no": ("RECONCILER_STATUS__PUBLISH", "maybe", "must be a valid boolean"),
    "a duration": ("RECONCILER_SOURCE__POLL", "60", "must be a number with its unit"),
    "a relative path": ("RECONCILER_STATE", "state", "must be an absolute path"),
    "a relative address": ("RECONCILER_SOURCE__URL", "../fleet.git", "must be an absolute path"),
    "nothing": ("RECONCILER_HOST", "", "must be a name"),
    "no host name": ("RECONCILER_WEB__HOSTS", "a.example,https://b", "entry 2 must be a name such as"),
    "an address for a variable": ("RECONCILER_NOTIFY__TO", "tgram://x/y", "entry 1 must be the name of a variable"),
    "a zero": ("RECONCILER_APPLY__DRIFT", "0s", "must be longer than zero"),
}


@pytest.mark.parametrize(("name", "text", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_told_with_the_variable(file: str, name: str, text: str, message: str) -> None:
    with pytest.raises(Terminal, match=f"^{name}: {message}"):
        load_settings(file, {name: text})


def test_what_is_missing_names_every_variable_that_would_do(file: str) -> None:
    with pytest.raises(Terminal, match=r"(?s)GITEA__TOKEN__FILE or RECONCILER_GITEA__TOKEN__ENV"):
        load_settings(file, {"RECONCILER_GITEA__URL": "http://127.0.0.1:3000"})


def test_a_table_that_does_not_fit_names_file_and_variables(file: str) -> None:
    with pytest.raises(Terminal) as caught:
        load_settings(file, {"RECONCILER_WEB__BIND": "0.0.0.0:9090"})
    assert str(caught.value).startswith(f"{file} and RECONCILER_WEB__BIND: web: binds 0.0.0.0:9090, which others can")


def test_an_empty_list_takes_the_files_entries_away(file: str) -> None:
    with open(file, "a") as stream:
        stream.write('[web]\nhosts = ["fleet.example"]\n')
    assert load_settings(file, {}).web.hosts == ("fleet.example",)
    assert load_settings(file, {"RECONCILER_WEB__HOSTS": ""}).web.hosts == ()


def test_a_variable_that_holds_the_token_is_no_setting(nowhere: Path) -> None:
    environ = ENOUGH | {"RECONCILER_SOURCE__TOKEN__ENV": "RECONCILER_GIT_TOKEN", "RECONCILER_GIT_TOKEN": "hunter2"}
    settings = load_settings(None, environ, default=nowhere)
    assert "hunter2" not in repr(settings)


def test_what_an_agent_inherits_from_its_gateway_is_no_setting(file: str) -> None:
    environ = {
        "RECONCILER_PROGRAM": "ezra-body",
        "RECONCILER_INPUTS": "abcdef",
        "RECONCILER_OWNER": "/somewhere/else",
        "RECONCILER_MAIN": "12 34",
    }
    assert load_settings(file, environ).state == Path("/from/file")
