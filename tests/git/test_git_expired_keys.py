"""Keys that expire, are revoked or leave the file: what they signed before, and what they sign afterwards.

The date in a commit is chosen by whoever signs it, so it never makes a key valid.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.errors import Terminal
from tests.git.signers import Clock, GpgSigner, SshSigner, allow, needs_gpg, push_signed, source
from tests.git.upstream import Upstream

BEFORE, SIGNED, EXPIRY, AFTER = (datetime(year, 6, 1, tzinfo=UTC).timestamp() for year in (2022, 2023, 2024, 2025))
DATE = "2023-06-01T00:00:00Z"


@pytest.fixture
def bob(tmp_path: Path) -> SshSigner:
    """His line in the file is good until EXPIRY."""
    return SshSigner(tmp_path / "keys", "bob@example.org")


@pytest.fixture
def allowed(tmp_path: Path, ann: SshSigner, bob: SshSigner) -> Path:
    path = allow(tmp_path, ann)
    until = time.strftime("%Y%m%d%H%M%S", time.localtime(EXPIRY))
    path.write_text(path.read_text() + bob.allow(f'namespaces="git",valid-before="{until}"'))
    return path


def test_an_expired_signer_can_not_date_a_commit_back(
    tmp_path: Path, upstream: Upstream, allowed: Path, ann: SshSigner, bob: SshSigner
) -> None:
    fleet = source(tmp_path, upstream, allowed)
    first = push_signed(ann, upstream, {"fleet/a": "1"})
    fleet.fetch()
    second = push_signed(bob, upstream, {"fleet/a": "2"}, date=DATE)
    for reading in (fleet, source(tmp_path, upstream, allowed)):
        fetched = reading.fetch()
        assert (fetched.commit, fetched.unsigned) == (first, second)
        assert "not valid now, whatever date the commit bears" in fetched.notice
        assert f"{allowed}:3: key has expired" in fetched.notice


def test_nor_at_the_first_contact(tmp_path: Path, upstream: Upstream, allowed: Path, bob: SshSigner) -> None:
    push_signed(bob, upstream, {"fleet/a": "1"}, date=DATE)
    with pytest.raises(Terminal, match="key has expired"):
        source(tmp_path, upstream, allowed).fetch()


def test_nor_where_no_signatures_were_asked_for_before(
    tmp_path: Path, upstream: Upstream, allowed: Path, bob: SshSigner
) -> None:
    """What was used then was no accepted signature."""
    commit = push_signed(bob, upstream, {"fleet/a": "1"}, date=DATE)
    free = source(tmp_path, upstream, None)
    free.fetch()
    free.accept(commit)
    fleet = source(tmp_path, upstream, allowed)
    with pytest.raises(Terminal, match="key has expired"):
        fleet.fetch()
    assert fleet.last_good() is None


@pytest.mark.parametrize("again", [False, True])
def test_a_tip_that_was_accepted_stays_good_when_its_key_expires(
    tmp_path: Path, upstream: Upstream, allowed: Path, bob: SshSigner, again: bool
) -> None:
    now = Clock(SIGNED)
    fleet = source(tmp_path, upstream, allowed, now=now)
    first = push_signed(bob, upstream, {"fleet/a": "1"}, date=DATE)
    fleet.fetch()
    fleet.accept(first)
    now.at = AFTER
    fleet = source(tmp_path, upstream, allowed, now=now) if again else fleet
    assert (fleet.fetch().commit, fleet.fetch().unsigned, fleet.last_good()) == (first, "", first)
    second = push_signed(bob, upstream, {"fleet/a": "2"}, date=DATE)
    fetched = fleet.fetch()
    assert (fetched.commit, fetched.unsigned, fleet.last_good()) == (first, second, first)
    upstream.path.rename(tmp_path / "away.git")
    assert fleet.fetch().commit == first


def test_an_accepted_tip_stays_good_when_the_local_copy_has_to_be_rebuilt(
    tmp_path: Path, upstream: Upstream, allowed: Path, bob: SshSigner
) -> None:
    now = Clock(SIGNED)
    first = push_signed(bob, upstream, {"fleet/a": "1"}, date=DATE)
    source(tmp_path, upstream, allowed, now=now).fetch()
    mirror = tmp_path / "state" / "git" / "source.git"
    for path in (path for path in (mirror / "objects").rglob("*") if path.is_file()):
        path.chmod(0o600)
        path.write_bytes(b"")
    now.at = AFTER
    fetched = source(tmp_path, upstream, allowed, now=now).fetch()
    assert (fetched.commit, fetched.unsigned) == (first, "")
    assert "rebuilt" in fetched.notice


def test_a_signer_whose_time_has_not_come(tmp_path: Path, upstream: Upstream, ann: SshSigner) -> None:
    """Refused now, and taken as soon as it has: no answer of before stands in its way."""
    allowed = tmp_path / "allowed_signers"
    since = time.strftime("%Y%m%d%H%M%S", time.localtime(EXPIRY))
    allowed.write_text(ann.allow(f'namespaces="git",valid-after="{since}"'))
    now = Clock(SIGNED)
    fleet = source(tmp_path, upstream, allowed, now=now)
    commit = push_signed(ann, upstream, {"fleet/a": "1"}, date="2025-06-01T00:00:00Z")
    with pytest.raises(Terminal, match="not valid now"):
        fleet.fetch()
    now.at = AFTER
    assert fleet.fetch().commit == commit


def test_one_of_several_principals(tmp_path: Path, upstream: Upstream, ann: SshSigner) -> None:
    allowed = tmp_path / "allowed_signers"
    ann.name = "ops@example.org,ann@example.org"
    allowed.write_text(ann.allow())
    commit = push_signed(ann, upstream, {"fleet/a": "1"})
    assert source(tmp_path, upstream, allowed).fetch().commit == commit


def test_certificates_of_an_authority(tmp_path: Path, upstream: Upstream, ann: SshSigner, bob: SshSigner) -> None:
    authority = SshSigner(tmp_path / "keys", "authority")
    authority.name = "*@example.org"
    allowed = tmp_path / "allowed_signers"
    allowed.write_text(authority.allow('cert-authority,namespaces="git"'))
    fleet = source(tmp_path, upstream, allowed)
    ann.certificate = authority.certify(ann, ann.name, "20200101:20990101")
    first = push_signed(ann, upstream, {"fleet/a": "1"})
    assert fleet.fetch().commit == first
    bob.certificate = authority.certify(bob, bob.name, "20200101:20240101")
    second = push_signed(bob, upstream, {"fleet/a": "2"}, date=DATE)
    assert (fleet.fetch().commit, fleet.fetch().unsigned) == (first, second)
    ann.certificate = authority.certify(ann, "ann@elsewhere.org", "20200101:20990101")
    third = push_signed(ann, upstream, {"fleet/a": "3"})
    assert (fleet.fetch().commit, fleet.fetch().unsigned) == (first, third)


def test_two_signatures_in_one_commit(
    tmp_path: Path, upstream: Upstream, allowed: Path, ann: SshSigner, bob: SshSigner
) -> None:
    first = push_signed(ann, upstream, {"fleet/a": "1"})
    head, _, text = (upstream.git("cat-file", "commit", first) + "\n").partition("\n\n")
    signature = head[head.index("gpgsig ") :]
    commit = upstream.git(
        "hash-object", "-t", "commit", "-w", "--stdin", feed=f"{head}\n{signature}\n\n{text}".encode()
    )
    upstream.git("update-ref", "refs/heads/main", commit)
    with pytest.raises(Terminal, match="several signatures"):
        source(tmp_path, upstream, allowed).fetch()


def test_who_left_the_file_is_named_beside_an_unsigned_head(
    tmp_path: Path, upstream: Upstream, ann: SshSigner, eve: SshSigner
) -> None:
    fleet = source(tmp_path, upstream, allow(tmp_path, ann, eve))
    first = push_signed(eve, upstream, {"fleet/a": "1"})
    fleet.fetch()
    second = upstream.commit({"fleet/a": "2"}, "unsigned")
    allowed = allow(tmp_path, ann)
    with pytest.raises(Terminal) as caught:
        fleet.fetch()
    assert f"main is at {second[:12]}, which is not used: it is not signed" in caught.value.what
    assert f"{first[:12]}, which was used until now, is not used any more either" in caught.value.what
    assert f"{allowed} does not allow any more who signed it" in caught.value.what


@pytest.fixture
def then() -> Clock:
    return Clock(SIGNED)


@pytest.fixture
def gpg_bob(homes: Path, then: Clock) -> GpgSigner:
    """His key is good from BEFORE until EXPIRY."""
    then.at = BEFORE
    signer = GpgSigner(homes / "bob", "bob", then, expires="2024-06-01")
    then.at = SIGNED
    return signer


@needs_gpg
def test_a_gpg_key_that_expires(
    tmp_path: Path, upstream: Upstream, gpg_ann: GpgSigner, gpg_bob: GpgSigner, then: Clock
) -> None:
    """As with ssh: the accepted tip stays, in the same process and in a new one; nothing new is taken."""
    keys = tmp_path / "allowed.gpg"
    keys.write_bytes(gpg_ann.allow() + gpg_bob.allow())
    now = Clock(SIGNED)
    fleet = source(tmp_path, upstream, keys, "gpg", now=now)
    first = push_signed(gpg_bob, upstream, {"fleet/a": "1"})
    fleet.fetch()
    fleet.accept(first)
    now.at = AFTER
    second = push_signed(gpg_bob, upstream, {"fleet/a": "2"}, date=DATE)
    for reading in (fleet, source(tmp_path, upstream, keys, "gpg", now=now)):
        fetched = reading.fetch()
        assert (fetched.commit, fetched.unsigned, reading.last_good()) == (first, second, first)
        assert "has expired on 2024-0" in fetched.notice
    now.at = time.time()
    third = push_signed(gpg_ann, upstream, {"fleet/a": "3"})
    assert (fleet.fetch().commit, fleet.fetch().unsigned) == (third, "")


@needs_gpg
def test_a_gpg_key_that_is_revoked(tmp_path: Path, upstream: Upstream, gpg_ann: GpgSigner, gpg_eve: GpgSigner) -> None:
    """It vouches for nothing any more, in the process that accepted its commit too."""
    keys = tmp_path / "allowed.gpg"
    keys.write_bytes(gpg_ann.allow() + gpg_eve.allow())
    fleet = source(tmp_path, upstream, keys, "gpg")
    first = push_signed(gpg_eve, upstream, {"fleet/a": "1"})
    fleet.fetch()
    fleet.accept(first)
    gpg_eve.revoke()
    keys.write_bytes(gpg_ann.allow() + gpg_eve.allow())
    with pytest.raises(Terminal, match=r"does not allow any more who signed it .*is revoked"):
        fleet.fetch()
    assert fleet.last_good() is None


@needs_gpg
def test_why_a_gpg_signature_does_not_count(
    tmp_path: Path, upstream: Upstream, gpg_ann: GpgSigner, gpg_eve: GpgSigner
) -> None:
    keys = tmp_path / "allowed.gpg"
    keys.write_bytes(gpg_ann.allow())
    fleet = source(tmp_path, upstream, keys, "gpg")
    first = push_signed(gpg_ann, upstream, {"fleet/a": "1"})
    fleet.fetch()
    push_signed(gpg_eve, upstream, {"fleet/a": "2"})
    assert "is not in it" in fleet.fetch().notice
    honest = upstream.git("cat-file", "commit", first) + "\n"
    forged = honest.replace("signed\n", "forged\n")
    assert forged != honest
    commit = upstream.git("hash-object", "-t", "commit", "-w", "--stdin", feed=forged.encode())
    upstream.git("update-ref", "refs/heads/main", commit)
    fetched = fleet.fetch()
    assert (fetched.commit, fetched.unsigned) == (first, commit)
    assert "it was changed afterwards" in fetched.notice


def test_the_time_zone_of_the_host_is_the_one_of_the_file(
    tmp_path: Path, upstream: Upstream, ann: SshSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`valid-before` without a Z is local time; an hour before it, wherever that is, the key is good."""
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        allowed = tmp_path / "allowed_signers"
        until = time.strftime("%Y%m%d%H%M%S", time.localtime(EXPIRY))
        allowed.write_text(ann.allow(f'namespaces="git",valid-before="{until}"'))
        now = Clock(EXPIRY + 3600)
        commit = push_signed(ann, upstream, {"fleet/a": "1"}, date=DATE)
        fleet = source(tmp_path, upstream, allowed, now=now)
        with pytest.raises(Terminal, match="key has expired"):
            fleet.fetch()
        now.at = EXPIRY - 3600
        assert fleet.fetch().commit == commit
    finally:
        monkeypatch.undo()
        time.tzset()
