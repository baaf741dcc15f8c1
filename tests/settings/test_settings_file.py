"""The settings file: what it may say, and how every mistake is told."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from reconciler.errors import Terminal
from reconciler.settings import Settings, load_settings
from reconciler.settings.model import Table
from reconciler.settings.values import duration

MINIMAL = 'host = "vps"\n[source]\nurl = "https://gitea.example/sovereign/fleet.git"\n'
GITEA = '[gitea]\nurl = "http://127.0.0.1:3000"\ntoken = {env = "T"}\n'
FULL = """\
host = "hermes-vps"
root = "/root/wizards"
state = "state"
runtime = "supervisord"
[source]
url = "../fleet.git"
branch = "live"
folder = "."
poll = "500ms"
force_push = "follow"
signed = "ssh"
allowed_signers = "signers"
token = {file = "secret/token"}
ssh_key = "/etc/reconciler/key"
ca_file = "ca.pem"
[apply]
concurrency = 8
gate_hold = "1.5s"
gate_limit = "5m"
soak = "5s"
reread = "1d"
drift = "15s"
[status]
publish = false
heartbeat = "2h"
[web]
enabled = true
bind = "0.0.0.0:9090"
url = "https://fleet.example/"
hosts = ["Fleet.example", "[::1]"]
token = {file = "secret/web"}
webhook_secret = {env = "WEBHOOK"}
insecure_webhooks = false
[gitea]
url = "http://127.0.0.1:3000"
repository = "sovereign/fleet"
token = {file = "secret/gitea"}
ca_file = "gitea.pem"
[notify]
to = [{file = "secret/telegram"}, {env = "MAIL"}]
repeat = "30m"
[log]
format = "json"
level = "detail"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    return tmp_path / "etc" / "reconciler.toml"


def load(file: Path, text: str) -> Settings:
    file.write_text(text)
    return load_settings(str(file), {})


def test_a_minimal_file_gets_the_defaults(file: Path) -> None:
    settings = load(file, MINIMAL)
    assert settings.model_dump() == {
        "host": "vps",
        "root": None,
        "state": Path("/var/lib/reconciler"),
        "runtime": "supervisord",
        "source": {
            "url": "https://gitea.example/sovereign/fleet.git",
            "branch": "main",
            "folder": "fleet",
            "poll": 60.0,
            "force_push": "refuse",
            "signed": None,
            "allowed_signers": None,
            "allowed_keys": None,
            "token": None,
            "ssh_key": None,
            "ca_file": None,
        },
        "apply": {"concurrency": 4, "gate_hold": 10.0, "gate_limit": 120.0, "soak": 30.0, "reread": 86400.0}
        | {"drift": 30.0},
        "status": {"publish": True, "heartbeat": 3600.0},
        "web": {
            "enabled": True,
            "bind": "127.0.0.1:9090",
            "url": None,
            "hosts": (),
            "token": None,
            "webhook_secret": None,
            "insecure_webhooks": False,
        },
        "gitea": None,
        "notify": {"to": (), "repeat": 3600.0},
        "log": {"format": "text", "level": "info"},
    }
    assert settings.origin == str(file)


def test_every_key_and_paths_relative_to_the_file(file: Path) -> None:
    settings = load(file, FULL)
    etc = file.parent
    assert settings.root == Path("/root/wizards")
    assert settings.state == etc / "state"
    source = settings.source
    assert (source.url, source.branch, source.folder) == (str(etc.parent / "fleet.git"), "live", ".")
    assert (source.poll, source.force_push) == (0.5, "follow")
    assert source.token is not None
    assert (source.token.file, source.token.env) == (etc / "secret" / "token", None)
    assert (source.signed, source.allowed_signers, source.allowed_keys) == ("ssh", etc / "signers", None)
    assert source.signing_keys == etc / "signers"
    assert (source.ssh_key, source.ca_file) == (Path("/etc/reconciler/key"), etc / "ca.pem")
    assert (settings.apply.concurrency, settings.apply.gate_hold, settings.apply.gate_limit) == (8, 1.5, 300.0)
    assert (settings.apply.soak, settings.apply.reread) == (5.0, 86400.0)
    assert settings.apply.drift == 15.0
    assert settings.status.model_dump() == {"publish": False, "heartbeat": 7200.0}


def test_the_daemons_tables(file: Path) -> None:
    settings = load(file, FULL)
    etc, web = file.parent, settings.web
    assert (web.enabled, web.bind, web.url, web.hosts) == (
        True,
        "0.0.0.0:9090",
        "https://fleet.example",
        ("fleet.example", "::1"),
    )
    assert web.token is not None
    assert web.webhook_secret is not None
    assert (web.token.file, web.webhook_secret.env, web.insecure_webhooks) == (etc / "secret/web", "WEBHOOK", False)
    assert settings.gitea is not None
    assert (settings.gitea.token.file, settings.gitea.ca_file) == (etc / "secret/gitea", etc / "gitea.pem")
    assert [secret.file or secret.env for secret in settings.notify.to] == [etc / "secret/telegram", "MAIL"]
    assert (settings.notify.repeat, settings.log.format, settings.log.level) == (1800.0, "json", "detail")


@pytest.mark.parametrize(
    ("url", "repository"),
    [
        ("https://gitea.example/sovereign/fleet.git", "sovereign/fleet"),
        ("https://host/gitea/sovereign/fleet", "sovereign/fleet"),
        ("http://127.0.0.1:3000/o/r/", "o/r"),
        ("ssh://git@host:22/o/r.x.git", "o/r.x"),
        ("git@host:o/r.git", "o/r"),
    ],
)
def test_the_repository_is_the_end_of_the_address(file: Path, url: str, repository: str) -> None:
    settings = load(file, f'host = "vps"\nsource.url = "{url}"\n{GITEA}')
    assert settings.gitea_repository == repository


def test_a_repository_that_is_named_wins(file: Path) -> None:
    settings = load(file, f'host = "vps"\nsource.url = "git@host:o/r.git"\n{GITEA}repository = "a/b"')
    assert settings.gitea_repository == "a/b"
    assert load(file, MINIMAL).gitea_repository is None


def tables(table: type[Table], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key that holds a duration."""
    for name, info in table.model_fields.items():
        if any(getattr(mark, "func", None) is duration for mark in info.metadata):
            yield (*above, name)
        for inner in (info.annotation, *get_args(info.annotation)):
            if isinstance(inner, type) and issubclass(inner, Table):
                yield from tables(inner, (*above, name))


def test_there_are_durations() -> None:
    assert ("source", "poll") in DURATIONS
    assert ("notify", "repeat") in DURATIONS


DURATIONS = tuple(tables(Settings))


@pytest.mark.parametrize("key", DURATIONS, ids=".".join)
@pytest.mark.parametrize("text", ["0s", "0.0m", "-1s", "", "1", "soon"])
def test_no_interval_is_zero_or_nonsense(file: Path, key: tuple[str, ...], text: str) -> None:
    place = ".".join(key)
    with pytest.raises(Terminal, match=rf"{place}: must be (longer than zero|a number with its unit)"):
        load(file, f'{place} = "{text}"\nhost = "vps"\nsource.url = "/r"')


@pytest.mark.parametrize(
    "url",
    [
        "https://gitea.example/o/r.git",
        "http://127.0.0.1:3000/o/r.git",
        "ssh://git@host:22/o/r.git",
        "git@host:o/r.git",
        "host:r.git",
        "file:///srv/fleet.git",
        "/srv/fleet.git",
    ],
)
def test_addresses_stay_as_they_are(file: Path, url: str) -> None:
    assert load(file, f'host = "vps"\nsource.url = "{url}"').source.url == url


MISTAKES = {
    "no host": ('source.url = "/r"', "host: is required (or set RECONCILER_HOST)"),
    "no source": ('host = "vps"', "source: is required"),
    "no url": ('host = "vps"\n[source]', "source.url: is required (or set RECONCILER_SOURCE__URL)"),
    "host is no name": ('host = "../x"\nsource.url = "/r"', "host: must be a name of lower-case letters"),
    "signed by what": (MINIMAL + "signed = true", "source.signed: must be 'ssh' or 'gpg'"),
    "signed by whom (ssh)": (MINIMAL + 'signed = "ssh"', 'source: has signed = "ssh", and so needs allowed_signers'),
    "signed by whom (gpg)": (MINIMAL + 'signed = "gpg"', 'source: has signed = "gpg", and so needs allowed_keys'),
    "keys without signed": (MINIMAL + 'allowed_keys = "k"', "source: has allowed_keys, which counts only with signed"),
    "keys of the other kind": (
        MINIMAL + 'signed = "ssh"\nallowed_signers = "a"\nallowed_keys = "k"',
        'source: has allowed_keys, which counts only with signed = "gpg"',
    ),
    "unknown key": (MINIMAL + 'brnch = "x"', "source.brnch: is no setting; did you mean branch?"),
    "unknown table": (MINIMAL + "[aply]", "aply: is no setting; did you mean apply?"),
    "unknown and near to nothing": (MINIMAL + "[zzz]", "zzz: is no setting; there are apply, gitea, host"),
    "bind alone": (MINIMAL + '[web]\nbind = "9090"', "web.bind: must be an address with its port"),
    "bind by name": (MINIMAL + '[web]\nbind = "fleet.example:80"', "web.bind: must begin with an IP address"),
    "bind without brackets": (MINIMAL + '[web]\nbind = "::1:80"', "web.bind: must hold an IPv6 address in brackets"),
    "open to others": (MINIMAL + '[web]\nbind = "0.0.0.0:9090"', "web: binds 0.0.0.0:9090, which others can reach"),
    "secret and insecure": (
        MINIMAL + '[web]\ninsecure_webhooks = true\nwebhook_secret = {env = "S"}',
        "web: has a webhook_secret and insecure_webhooks",
    ),
    "no address of people": (MINIMAL + '[web]\nurl = "fleet.example"', "web.url: must be an address such as"),
    "a host with a port": (MINIMAL + '[web]\nhosts = ["ok", "x:80"]', "web.hosts, entry 2: must be a name such as"),
    "hosts are a list": (MINIMAL + '[web]\nhosts = "x"', "web.hosts: must be a list"),
    "many hosts": (MINIMAL + f"[web]\nhosts = {['x'] * 21}", "web.hosts: must have at most 20 entries"),
    "a relative file without quotes": (MINIMAL + "[web]\ntoken = {file = 3}", "web.token.file: "),
    "gitea without a token": (
        MINIMAL + '[gitea]\nurl = "http://x"',
        "gitea.token: is required (or set RECONCILER_GITEA__TOKEN__FILE or RECONCILER_GITEA__TOKEN__ENV)",
    ),
    "gitea without an address": (
        MINIMAL + '[gitea]\ntoken = {env = "T"}',
        "gitea.url: is required (or set RECONCILER_GITEA__URL)",
    ),
    "a variable that is none": (MINIMAL + 'token = {env = "a b"}', "source.token.env: must be the name of a variable"),
    "a repository alone": (MINIMAL + GITEA + 'repository = "fleet"', "gitea.repository: must be written as owner/name"),
    "a repository of dots": (MINIMAL + GITEA + 'repository = "../x"', "gitea.repository: must be written as owner/"),
    "no repository": ('host = "vps"\nsource.url = "/srv/x/y.git"\n' + GITEA, "gitea.repository is required: "),
    "half a repository": (
        'host = "vps"\nsource.url = "http://x/fleet.git"\n' + GITEA,
        "gitea.repository is required: source.url does not end in it",
    ),
    "notify as text": (MINIMAL + '[notify]\nto = ["tgram://x"]', "notify.to, entry 1: must say where the secret is"),
    "notify by half": (MINIMAL + "[notify]\nto = [{}]", "notify.to, entry 1: needs exactly one of file and env"),
    "notify from home": (MINIMAL + '[notify]\nto = [{file = "~/x"}]', "notify.to, entry 1, file: must be written in"),
    "log format": (MINIMAL + '[log]\nformat = "xml"', "log.format: must be 'text' or 'json'"),
    "log level": (MINIMAL + '[log]\nlevel = "loud"', "log.level: must be 'detail', 'info', 'warning' or 'error'"),
    "never look": (MINIMAL + '[apply]\ndrift = "0s"', "apply.drift: must be longer than zero"),
    "systemd": ('runtime = "systemd"\n' + MINIMAL, "runtime: systemd comes with a later version"),
    "another runtime": ('runtime = "docker"\n' + MINIMAL, "runtime: must be 'supervisord'"),
    "a table as a value": ('host = "vps"\nsource = 1', "source: must be a table"),
    "a value as a table": (MINIMAL + "[source.branch]", "source.branch: must be a valid string"),
    "empty branch": (MINIMAL + 'branch = ""', "source.branch: "),
    "force_push": (MINIMAL + 'force_push = "yes"', "source.force_push: must be 'refuse' or 'follow'"),
    "zero": (MINIMAL + 'poll = "0s"', "source.poll: must be longer than zero"),
    "negative": (MINIMAL + 'poll = "-1s"', "source.poll: must be a number with its unit"),
    "no unit": (MINIMAL + 'poll = "60"', "source.poll: must be a number with its unit"),
    "a bare number": (MINIMAL + "poll = 60", "source.poll: must be a number with its unit"),
    "no end": (MINIMAL + 'poll = "999999999d"', "source.poll: must be longer than zero and at most 366d"),
    "reread never": (MINIMAL + '[apply]\nreread = "0h"', "apply.reread: must be longer than zero"),
    "no concurrency": (MINIMAL + "[apply]\nconcurrency = 0", "apply.concurrency: must be greater than or equal to 1"),
    "text for a number": (MINIMAL + '[apply]\nconcurrency = "4"', "apply.concurrency: must be a valid integer"),
    "true for a number": (MINIMAL + "[apply]\nconcurrency = true", "apply.concurrency: must be a valid integer"),
    "text for yes or no": (MINIMAL + '[status]\npublish = "yes"', "status.publish: must be a valid boolean"),
    "a gate nobody passes": (MINIMAL + '[apply]\ngate_limit = "5s"', "apply: gate_limit must be longer"),
    "tilde": ('state = "~/state"\n' + MINIMAL, "state: must be written in full"),
    "empty path": ('state = ""\n' + MINIMAL, "state: must be a path"),
    "a program as a remote": (
        'host = "vps"\nsource.url = "ext::sh -c x"',
        "source.url: must be an address; remotes that name a program are refused",
    ),
    "an unknown scheme": ('host = "vps"\nsource.url = "ftp://x/y"', "source.url: must start with one of https://"),
    "both secrets": (MINIMAL + 'token = {file = "/a", env = "B"}', "source.token: needs exactly one of file and env"),
    "no secret": (MINIMAL + "token = {}", "source.token: needs exactly one of file and env"),
    "not TOML": ("host = ", "not valid TOML"),
    "a key twice": ('host = "a"\nhost = "b"', "not valid TOML"),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_told_with_file_and_key(file: Path, text: str, message: str) -> None:
    with pytest.raises(Terminal) as caught:
        load(file, text)
    assert str(caught.value).startswith(f"{file}: {message}")


SECRETS = {
    "in the address": 'host = "vps"\nsource.url = "https://me:hunter2@gitea.example/o/r.git"',
    "token in the address": 'host = "vps"\nsource.url = "https://hunter2@gitea.example/o/r.git"',
    "ssh password": 'host = "vps"\nsource.url = "ssh://me:hunter2@gitea.example/o/r.git"',
    "as text": MINIMAL + 'token = "hunter2"',
    "in a wrong place": MINIMAL + 'token = {file = "/x", value = "hunter2"}',
}


@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS.keys())
def test_a_secret_in_the_file_is_refused_and_not_repeated(file: Path, text: str) -> None:
    with pytest.raises(Terminal) as caught:
        load(file, text)
    error: BaseException | None = caught.value
    while error is not None:
        assert "hunter2" not in f"{error}{error!r}"
        error = error.__cause__ or error.__context__


def test_all_mistakes_at_once(file: Path) -> None:
    with pytest.raises(Terminal) as caught:
        load(file, 'hst = "x"\nstate = "~"\n[source]\npoll = "0s"\n[gitea]\n')
    lines = str(caught.value).splitlines()
    assert lines[0] == "7 settings are wrong:"
    places = sorted(line.removeprefix(f"  {file}: ").partition(":")[0] for line in lines[1:])
    assert places == ["gitea.token", "gitea.url", "host", "hst", "source.poll", "source.url", "state"]


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    missing = tmp_path / "none.toml"
    named = {"RECONCILER_CONFIG": str(missing)}
    for path, environ, default in ((str(missing), {}, Path("/x")), (None, named, Path("/x")), (None, {}, missing)):
        with pytest.raises(Terminal, match="no settings file") as caught:
            load_settings(path, environ, default=default)
        assert caught.value.where == str(missing)
        assert "--config" in caught.value.mend
    example = caught.value.mend.partition("\n\n")[2]
    missing.write_text(example)
    assert load_settings(str(missing), {}).host == "my-host"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"host = '\xff'", "not UTF-8"),
        (b"#" * 1_000_001, "larger than 1 MB"),
        (b"a = " + b"[" * 5000, "not valid TOML"),
    ],
    ids=["not UTF-8", "too large", "brackets"],
)
def test_files_that_are_no_settings(file: Path, data: bytes, message: str) -> None:
    file.write_bytes(data)
    with pytest.raises(Terminal, match=message):
        load_settings(str(file), {})


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(Terminal, match="can't be read"):
        load_settings(str(tmp_path), {})


def test_settings_do_not_change(file: Path) -> None:
    settings = load(file, FULL)
    with pytest.raises(ValueError, match="frozen"):
        settings.host = "other"  # type: ignore[misc]
    assert hash(settings.source) == hash(load(file, FULL).source)


def test_importing_settings_is_light() -> None:
    heavy = "{'click', 'deepdiff', 'git', 'httpx', 'jsonschema', 'psutil', 'rich', 'ruamel', 'sqlite3', 'yaml'}"
    code = f"import sys, reconciler.settings; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120)
    assert done.stdout == "[]\n"
