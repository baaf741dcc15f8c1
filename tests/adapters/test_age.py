"""Values encrypted to a host: its key, what it can read, and what it says of what it can't."""

from __future__ import annotations

import base64
import os
import stat
import subprocess
import sys
from pathlib import Path

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.adapters.age import HostKey, sealer
from reconciler.adapters.secrets import HostSecrets
from reconciler.errors import Retryable, Terminal
from reconciler.plan.fact import SecretFact
from reconciler.plan.value import SecretRef
from reconciler.spec.age import age_body, is_whole


def key_of(state: Path) -> HostKey:
    return HostKey(state / "secrets" / "age.key")


def encrypted(text: str, *states: Path) -> SecretRef:
    return SecretRef("age", sealer([key_of(state).public() for state in states])(text))


def missing(state: Path, ref: SecretRef) -> str:
    secrets = HostSecrets(state, {})
    fact = secrets.observe([ref])[ref]
    assert fact.digest == ""
    with pytest.raises(Retryable) as caught:
        secrets.reveal(ref)
    assert fact.missing in str(caught.value)
    assert ref.location not in str(caught.value)
    return fact.missing


def test_the_key_is_made_once_and_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        public = key_of(tmp_path / "state").public()
    finally:
        os.umask(before)
    path = tmp_path / "state" / "secrets" / "age.key"
    assert public == key_of(tmp_path / "state").public()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (path.parent, path.parent.parent)} == {0o700}
    comment, private = path.read_text().splitlines()
    assert comment == f"# public key: {public}"
    assert str(pyrage.x25519.Identity.from_str(private).to_public()) == public


def test_what_is_encrypted_to_it_is_read_and_never_stands_on_disk(tmp_path: Path) -> None:
    ref = encrypted("the text", tmp_path)
    secrets = HostSecrets(tmp_path, {})
    assert secrets.reveal(ref) == "the text"
    assert secrets.observe([ref]) == {ref: SecretFact(secrets.digest("the text"))}
    assert secrets.redact("it is the text") == "it is ***"
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"the text" in path.read_bytes()]


def test_the_digest_is_that_of_the_text(tmp_path: Path) -> None:
    """A restart follows from the digest: encrypting the same text again causes none."""
    one, again, other = (encrypted(text, tmp_path) for text in ("a", "a", "b"))
    facts = HostSecrets(tmp_path, {}).observe([one, again, other])
    assert one != again
    assert facts[one] == facts[again] != facts[other]


def test_several_hosts_read_one_value_and_others_do_not(tmp_path: Path) -> None:
    ref = encrypted("shared", tmp_path / "a", tmp_path / "b")
    assert {HostSecrets(tmp_path / name, {}).reveal(ref) for name in ("a", "b")} == {"shared"}
    stranger = key_of(tmp_path / "c").public()
    assert missing(tmp_path / "c", ref) == (
        f"the encrypted value …{ref.location[-8:]} is not for this host's key, or is damaged "
        f"(encrypt it again, to {stranger})"
    )


def test_looking_makes_no_key(tmp_path: Path) -> None:
    ref = encrypted("x", tmp_path / "a")
    assert "run `reconciler secret key`" in HostSecrets(tmp_path / "b", {}).observe([ref])[ref].missing
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("text", "says"), [("", "is empty"), ("a\nb", "more than one line"), ("x" * 70_000, "over 64 KiB")]
)
def test_what_no_variable_can_hold(tmp_path: Path, text: str, says: str) -> None:
    assert says in missing(tmp_path, encrypted(text, tmp_path))


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    recipient = pyrage.x25519.Recipient.from_str(key_of(tmp_path).public())
    body = base64.b64encode(pyrage.encrypt(b"\xff\xfe", [recipient])).decode()
    assert "is not UTF-8 text" in missing(tmp_path, SecretRef("age", body))


def test_a_damaged_key_says_so_and_is_left_alone(tmp_path: Path) -> None:
    ref = encrypted("x", tmp_path)
    path = tmp_path / "secrets" / "age.key"
    path.write_text("AGE-SECRET-" + "KEY-1NONSENSE\n")
    assert "is damaged (bring it back from a backup" in missing(tmp_path, ref)
    with pytest.raises(Terminal, match="is damaged"):
        key_of(tmp_path).public()
    assert path.read_text().endswith("NONSENSE\n")


def test_a_key_that_is_replaced_is_read_again(tmp_path: Path) -> None:
    ref = encrypted("x", tmp_path / "a")
    secrets = HostSecrets(tmp_path / "a", {})
    assert secrets.observe([ref])[ref].missing == ""
    key_of(tmp_path / "b").public()
    os.replace(tmp_path / "b" / "secrets" / "age.key", tmp_path / "a" / "secrets" / "age.key")
    assert "not for this host's key" in secrets.observe([ref])[ref].missing


@pytest.mark.parametrize("text", ["", "age1", "age1" + "q" * 58, "x", "AGE-SECRET-" + "KEY-1X"])
def test_what_is_no_public_key_is_refused_before_anything_is_read(text: str) -> None:
    with pytest.raises(Terminal, match=r"no public age key|a private key"):
        sealer([text])


@pytest.mark.system
def test_processes_that_race_agree_on_one_key(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from reconciler.adapters.age import HostKey;"
        "print(HostKey(Path(sys.argv[1])).public())"
    )
    path = str(tmp_path / "secrets" / "age.key")
    racers = [subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE, text=True) for _ in "abcd"]
    told = {racer.communicate()[0] for racer in racers}
    assert len(told) == 1
    assert [racer.returncode for racer in racers] == [0] * 4


def test_an_armored_file_of_the_program_age_is_the_same_value(tmp_path: Path) -> None:
    recipient = pyrage.x25519.Recipient.from_str(key_of(tmp_path).public())
    armored = pyrage.encrypt(b"from age itself", [recipient], armored=True).decode()
    assert is_whole(armored)
    assert "\n" not in age_body(armored)
    assert HostSecrets(tmp_path, {}).reveal(SecretRef("age", age_body(armored))) == "from age itself"


IDENTITY = pyrage.x25519.Identity.generate()
BODY = sealer([str(IDENTITY.to_public())])("some text")


def test_a_whole_value_is_whole() -> None:
    assert is_whole(BODY)
    assert is_whole(f"\n  {BODY[:30]}\n  {BODY[30:]}\n")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.2, 0.5, 0.8])
def test_a_value_that_lost_its_end_is_not(share: float) -> None:
    assert not is_whole(BODY[: int(len(BODY) * share)])


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(BODY) - 1), st.sampled_from("ABCxyz012+/="))
def test_a_changed_value_is_never_read_as_another_text(
    tmp_path_factory: pytest.TempPathFactory, at: int, by: str
) -> None:
    state = tmp_path_factory.getbasetemp() / "fuzzed"
    path = state / "secrets" / "age.key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{IDENTITY}\n")
    changed = BODY[:at] + by + BODY[at + 1 :]
    ref = SecretRef("age", changed)
    secrets = HostSecrets(state, {})
    fact = secrets.observe([ref])[ref]
    assert fact.missing or secrets.reveal(ref) == "some text"


# Generated secrets made anew, and versions that are kept

MADE = SecretRef("generate", "ezra/API_SERVER_KEY")


def test_renewing_is_seen_first_and_done_by_make(tmp_path: Path) -> None:
    secrets = HostSecrets(tmp_path, {})
    old = secrets.reveal(MADE)
    before = secrets.observe([MADE])
    secrets.renew(MADE)
    assert secrets.observe([MADE]) == {MADE: SecretFact("")}
    assert secrets.reveal(MADE) == old
    assert HostSecrets(tmp_path, {}).observe([MADE]) == before
    secrets.make(MADE)
    new = secrets.reveal(MADE)
    assert new != old
    assert len(new) == 43
    assert secrets.observe([MADE])[MADE].digest == secrets.digest(new)
    assert HostSecrets(tmp_path, {}).reveal(MADE) == new
    assert secrets.redact(f"{old} {new}") == "*** ***"
    secrets.make(MADE)
    assert secrets.reveal(MADE) == new
    path = tmp_path / "secrets" / "generated" / "ezra" / "API_SERVER_KEY"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["API_SERVER_KEY"]


def test_only_what_this_host_has_made_is_renewed(tmp_path: Path) -> None:
    secrets = HostSecrets(tmp_path, {"A": "x"})
    for ref in (MADE, SecretRef("env", "A"), SecretRef("file", "/x"), encrypted("x", tmp_path)):
        with pytest.raises(Terminal, match="not made by this host"):
            secrets.renew(ref)
    with pytest.raises(Terminal, match="no name"):
        secrets.renew(SecretRef("generate", "../../x"))


def test_make_tells_of_what_is_missing(tmp_path: Path) -> None:
    secrets = HostSecrets(tmp_path, {})
    with pytest.raises(Retryable, match="not set"):
        secrets.make(SecretRef("env", "A"))
    secrets.make(MADE)
    assert secrets.observe([MADE])[MADE].digest


def test_a_pinned_version_stays_when_the_secret_moves_on(tmp_path: Path) -> None:
    secrets = HostSecrets(tmp_path, {})
    old = secrets.reveal(MADE)
    pinned = secrets.pin(MADE)
    assert pinned == secrets.pin(MADE) == secrets.pin(pinned)
    secrets.renew(MADE)
    secrets.make(MADE)
    assert secrets.pin(MADE) != pinned
    again = HostSecrets(tmp_path, {})
    assert again.reveal(pinned) == old
    assert again.observe([pinned])[pinned].digest == again.digest(old)
    path = tmp_path / "secrets" / "pinned" / pinned.location
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.unlink()
    assert "push a commit that names the secret anew" in HostSecrets(tmp_path, {}).observe([pinned])[pinned].missing


@pytest.mark.parametrize("location", ["", "../host.key", "x" * 64, "A" * 64])
def test_a_pinned_secret_can_not_leave_its_folder(tmp_path: Path, location: str) -> None:
    with pytest.raises(Terminal, match="pinned secret"):
        HostSecrets(tmp_path, {}).reveal(SecretRef("pinned", location))
