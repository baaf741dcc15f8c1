"""Secrets of a host: made once, read from where the fleet says, and never told by accident."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.adapters.files import Disk
from reconciler.adapters.secrets import HostSecrets
from reconciler.errors import Retryable, Terminal
from reconciler.plan.fact import Present, SecretFact
from reconciler.plan.resource import Format, KeyedFile
from reconciler.plan.value import Hidden, SecretRef
from reconciler.protocols.files import FileQuery

MADE = SecretRef("generate", "ezra/API_SERVER_KEY")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_observing_writes_nothing(tmp_path: Path) -> None:
    secrets = HostSecrets(tmp_path / "state", {"A": "text"})
    facts = secrets.observe([MADE, SecretRef("env", "A")])
    assert facts[MADE] == SecretFact("")
    assert len(facts[SecretRef("env", "A")].digest) == 64
    assert os.listdir(tmp_path) == []


def test_digests_stay_the_same_when_the_key_is_kept(tmp_path: Path) -> None:
    secrets = HostSecrets(tmp_path, {"A": "text"})
    before = secrets.observe([SecretRef("env", "A")])
    secrets.reveal(MADE)
    again = HostSecrets(tmp_path, {"A": "text"})
    assert secrets.observe([SecretRef("env", "A")]) == before == again.observe([SecretRef("env", "A")])
    assert again.digest("text") == before[SecretRef("env", "A")].digest
    assert again.digest("text") != hashlib.sha256(b"text").hexdigest()


def test_two_hosts_give_different_digests(tmp_path: Path) -> None:
    assert HostSecrets(tmp_path / "a", {}).digest("x") != HostSecrets(tmp_path / "b", {}).digest("x")


def test_the_key_of_another_process_counts(tmp_path: Path) -> None:
    late = HostSecrets(tmp_path, {})
    late.digest("before")
    HostSecrets(tmp_path, {}).prepare()
    late.prepare()
    assert late.digest("x") == HostSecrets(tmp_path, {}).digest("x")


def test_a_generated_secret_is_made_once_and_private(tmp_path: Path) -> None:
    secrets = HostSecrets(tmp_path / "state", {})
    before = os.umask(0o000)
    try:
        text = secrets.reveal(MADE)
    finally:
        os.umask(before)
    assert len(text) == 43
    assert text == secrets.reveal(MADE) == HostSecrets(tmp_path / "state", {}).reveal(MADE)
    assert text != secrets.reveal(SecretRef("generate", "allegro/API_SERVER_KEY"))
    assert secrets.observe([MADE])[MADE] == SecretFact(secrets.digest(text))
    folder = tmp_path / "state" / "secrets"
    file = folder / "generated" / "ezra" / "API_SERVER_KEY"
    assert [mode(file), mode(folder / "host.key")] == [0o600, 0o600]
    assert {mode(path) for path in (folder, folder / "generated", file.parent)} == {0o700}
    assert sorted(os.listdir(file.parent)) == ["API_SERVER_KEY"]


@pytest.mark.system
def test_processes_that_race_agree(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from reconciler.adapters.secrets import HostSecrets;"
        "from reconciler.plan.value import SecretRef; s = HostSecrets(Path(sys.argv[1]), {}); s.digest('x');"
        "print(s.reveal(SecretRef('generate', 'ezra/API_SERVER_KEY')), s.digest('x'))"
    )
    racers = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    told = {racer.communicate()[0] for racer in racers}
    assert [racer.returncode for racer in racers] == [0] * 6
    assert len(told) == 1


@pytest.mark.parametrize("location", ["../x/A", "ezra", "ezra/../A", "ezra/A/B", "/etc/passwd", "ezra/a b", ""])
def test_a_generated_secret_can_not_leave_its_folder(tmp_path: Path, location: str) -> None:
    with pytest.raises(Terminal):
        HostSecrets(tmp_path, {}).reveal(SecretRef("generate", location))


def test_from_the_environment(tmp_path: Path) -> None:
    secrets = HostSecrets(tmp_path, {"A": "text", "EMPTY": ""})
    assert secrets.reveal(SecretRef("env", "A")) == "text"
    for name, word in (("MISSING", "not set"), ("EMPTY", "empty")):
        ref = SecretRef("env", name)
        fact = secrets.observe([ref])[ref]
        assert fact.digest == ""
        assert name in fact.missing
        assert word in fact.missing
        assert f"set {name}" in fact.missing
        with pytest.raises(Retryable, match=word):
            secrets.reveal(ref)


def test_bytes_of_the_environment_that_are_no_text_are_no_secret(tmp_path: Path) -> None:
    """They would make the whole file unreadable in which they are written."""
    ref = SecretRef("env", "TOKEN")
    secrets = HostSecrets(tmp_path, {"TOKEN": os.fsdecode(b"geheim\xfc")})
    assert secrets.observe([ref])[ref].missing == (
        "the variable TOKEN is not UTF-8 text (set TOKEN in the reconciler's own environment)"
    )
    with pytest.raises(Retryable, match="not UTF-8"):
        secrets.reveal(ref)


def test_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("text\n")
    os.chmod(path, 0o600)
    ref = SecretRef("file", str(path))
    secrets = HostSecrets(tmp_path / "state", {})
    assert secrets.reveal(ref) == "text"
    assert secrets.exposed([ref, MADE]) == ()
    os.chmod(path, 0o644)
    assert str(path) in secrets.exposed([ref])[0]
    before = secrets.observe([ref])
    path.write_text("other\r\n")
    assert secrets.reveal(ref) == "other"
    assert secrets.observe([ref]) != before


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (b"\n", "empty"),
        (b"a\nb\n", "one line"),
        (b"a\0b", "one line"),
        (b"\xff", "UTF-8"),
        (b"x" * 70_000, "64 KiB"),
    ],
)
def test_a_file_that_holds_no_secret(tmp_path: Path, data: bytes, word: str) -> None:
    (tmp_path / "token").write_bytes(data)
    ref = SecretRef("file", str(tmp_path / "token"))
    fact = HostSecrets(tmp_path / "state", {}).observe([ref])[ref]
    assert fact.digest == ""
    assert word in fact.missing
    assert str(tmp_path / "token") in fact.missing


def test_no_file(tmp_path: Path) -> None:
    secrets = HostSecrets(tmp_path / "state", {})
    for ref, word in (
        (SecretRef("file", str(tmp_path / "no")), "No such file"),
        (SecretRef("file", str(tmp_path)), "not a file"),
    ):
        assert word in secrets.observe([ref])[ref].missing


def test_an_emptied_generated_secret_is_not_made_anew_silently(tmp_path: Path) -> None:
    secrets = HostSecrets(tmp_path, {})
    secrets.reveal(MADE)
    file = tmp_path / "secrets" / "generated" / "ezra" / "API_SERVER_KEY"
    file.write_text("")
    assert "delete it and it is made anew" in secrets.observe([MADE])[MADE].missing


def test_a_damaged_key_is_told_and_not_replaced(tmp_path: Path) -> None:
    HostSecrets(tmp_path, {}).prepare()
    (tmp_path / "secrets" / "host.key").write_text("abc")
    with pytest.raises(Terminal, match="damaged"):
        HostSecrets(tmp_path, {}).digest("x")
    with pytest.raises(Terminal, match="damaged"):
        HostSecrets(tmp_path, {}).reveal(MADE)
    assert (tmp_path / "secrets" / "host.key").read_text() == "abc"


def test_redact(tmp_path: Path) -> None:
    secrets = HostSecrets(tmp_path, {"A": "abcd", "B": "abcdef", "C": "e"})
    text = secrets.reveal(MADE)
    for name in "ABC":
        secrets.reveal(SecretRef("env", name))
    assert secrets.redact(f"key={text}, b=abcdef a=abcd") == "key=***, b=*** a=***"
    assert secrets.redact("healthy: held 3 s") == "healthy: held 3 s", "its places would tell a text that short"


def test_a_secret_equals_the_live_value_in_both_formats(tmp_path: Path) -> None:
    """What the plan compares: the digest of the secret, and the one that the disk gives for what stands in a file."""
    secrets = HostSecrets(tmp_path / "state", {})
    text = secrets.reveal(MADE)
    (tmp_path / "root").mkdir()
    disk = Disk([tmp_path / "root"], tmp_path / "kept", secrets.digest)
    for form, content in ((Format.ENV, f"K='{text}'\n"), (Format.YAML, f"K: '{text}'\n")):
        path = tmp_path / "root" / form.value
        path.write_text(content)
        resource = KeyedFile(form.value, "ezra", str(path), 0o600, form, ())
        fact = disk.observe([FileQuery(resource, str(path), frozenset())])[form.value]
        assert isinstance(fact, Present)
        assert fact.fields[0] == (("key", "K"), Hidden(secrets.observe([MADE])[MADE].digest))
