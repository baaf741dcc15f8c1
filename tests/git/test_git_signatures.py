"""Only what an allowed key has signed becomes the tip: real ssh-keygen, real gpg, real remotes."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from reconciler.adapters.git_signature import Signatures
from reconciler.errors import Refused, Retryable, Terminal
from tests.git.signers import GpgSigner, SshSigner, allow, needs_gpg, push_signed, source
from tests.git.upstream import Upstream


def test_a_signed_tip_is_used_and_an_unsigned_one_is_not(tmp_path: Path, upstream: Upstream, ann: SshSigner) -> None:
    fleet = source(tmp_path, upstream, allow(tmp_path, ann))
    first = push_signed(ann, upstream, {"fleet/a": "1"})
    assert (fleet.fetch().commit, fleet.fetch().notice, fleet.fetch().unsigned) == (first, "", "")
    second = upstream.commit({"fleet/a": "2"}, "unsigned")
    for _ in range(2):
        fetched = fleet.fetch()
        assert (fetched.commit, fetched.unsigned) == (first, second)
        assert second[:12] in fetched.notice
        assert "it is not signed" in fetched.notice
        assert first[:12] in fetched.notice
    assert dict(fleet.read(first)) == {"fleet/a": b"1"}
    third = push_signed(ann, upstream, {"fleet/a": "3"})
    assert (fleet.fetch().commit, fleet.fetch().notice, fleet.fetch().unsigned) == (third, "", "")


def test_a_new_process_stays_on_the_last_signed_one(tmp_path: Path, upstream: Upstream, ann: SshSigner) -> None:
    allowed = allow(tmp_path, ann)
    first = push_signed(ann, upstream, {"fleet/a": "1"})
    source(tmp_path, upstream, allowed).fetch()
    second = upstream.commit({"fleet/a": "2"})
    fetched = source(tmp_path, upstream, allowed).fetch()
    assert (fetched.commit, fetched.unsigned) == (first, second)


def test_a_valid_signature_of_somebody_else(tmp_path: Path, upstream: Upstream, ann: SshSigner, eve: SshSigner) -> None:
    fleet = source(tmp_path, upstream, allow(tmp_path, ann))
    first = push_signed(ann, upstream, {"fleet/a": "1"})
    fleet.fetch()
    second = push_signed(eve, upstream, {"fleet/a": "2"})
    fetched = fleet.fetch()
    assert (fetched.commit, fetched.unsigned) == (first, second)
    assert "not made by a valid key of" in fetched.notice
    assert fetched.notice.isprintable()


def test_a_signature_that_was_made_for_another_commit(tmp_path: Path, upstream: Upstream, ann: SshSigner) -> None:
    fleet = source(tmp_path, upstream, allow(tmp_path, ann))
    first = push_signed(ann, upstream, {"fleet/a": "1"})
    fleet.fetch()
    honest = upstream.git("cat-file", "commit", first) + "\n"
    other = upstream.commit({"fleet/a": "evil"}, branch="evil", parents=())
    tree = upstream.git("rev-parse", f"{other}^{{tree}}")
    forged = honest.replace(honest.split("\n")[0], f"tree {tree}\nparent {first}")
    commit = upstream.git("hash-object", "-t", "commit", "-w", "--stdin", feed=forged.encode())
    upstream.git("update-ref", "refs/heads/main", commit)
    fetched = fleet.fetch()
    assert (fetched.commit, fetched.unsigned) == (first, commit)


def test_only_the_namespace_of_git_counts(tmp_path: Path, upstream: Upstream, ann: SshSigner) -> None:
    allowed = tmp_path / "allowed_signers"
    allowed.write_text(ann.allow('namespaces="file"'))
    push_signed(ann, upstream, {"fleet/a": "1"})
    with pytest.raises(Terminal, match="no earlier commit is known that is signed"):
        source(tmp_path, upstream, allowed).fetch()


def test_nothing_signed_yet_is_an_error_with_its_mend(tmp_path: Path, upstream: Upstream, ann: SshSigner) -> None:
    unsigned = upstream.commit({"fleet/a": "1"})
    source(tmp_path, upstream, None).fetch()  # the setting came later: what was used till now is not signed either
    fleet = source(tmp_path, upstream, allow(tmp_path, ann))
    with pytest.raises(Terminal, match="it is not signed") as caught:
        fleet.fetch()
    assert unsigned[:12] in caught.value.what
    assert "allowed key" in caught.value.mend
    signed = push_signed(ann, upstream, {"fleet/a": "1"})
    assert fleet.fetch().commit == signed


def test_who_left_the_file_is_not_trusted_any_more(
    tmp_path: Path, upstream: Upstream, ann: SshSigner, eve: SshSigner
) -> None:
    fleet = source(tmp_path, upstream, allow(tmp_path, ann, eve))
    first = push_signed(ann, upstream, {"fleet/a": "1"})
    fleet.fetch()
    second = push_signed(eve, upstream, {"fleet/a": "2"})
    assert fleet.fetch().commit == second
    allow(tmp_path, ann)
    with pytest.raises(Terminal, match="no other commit may take its place"):
        fleet.fetch()
    third = push_signed(ann, upstream, {"fleet/a": "1"})
    assert fleet.fetch().commit == third
    assert first != third


def test_what_was_applied_before_signatures_were_asked_for_is_no_good_fleet(
    tmp_path: Path, upstream: Upstream, ann: SshSigner
) -> None:
    before = upstream.commit({"fleet/a": "1"}, "unsigned")
    free = source(tmp_path, upstream, None)
    free.fetch()
    free.accept(before)
    assert free.last_good() == before
    assert free.usable(before)
    asking = source(tmp_path, upstream, allow(tmp_path, ann))
    assert asking.last_good() is None
    assert not asking.usable(before)
    assert not asking.usable("1" * 40)


def test_who_left_the_file_has_signed_no_good_fleet(
    tmp_path: Path, upstream: Upstream, ann: SshSigner, eve: SshSigner
) -> None:
    fleet = source(tmp_path, upstream, allow(tmp_path, ann, eve))
    first = push_signed(eve, upstream, {"fleet/a": "1"})
    fleet.fetch()
    fleet.accept(first)
    assert fleet.last_good() == first
    assert fleet.usable(first)
    allow(tmp_path, ann)
    assert fleet.last_good() is None
    assert not fleet.usable(first)


def test_an_unsigned_commit_can_be_taken_away_again_and_an_older_signed_one_is_a_force_push(
    tmp_path: Path, upstream: Upstream, ann: SshSigner
) -> None:
    fleet = source(tmp_path, upstream, allow(tmp_path, ann))
    first = push_signed(ann, upstream, {"fleet/a": "1"})
    second = push_signed(ann, upstream, {"fleet/a": "2"})
    assert fleet.fetch().commit == second
    upstream.commit({"fleet/a": "3"}, "unsigned")
    assert fleet.fetch().commit == second
    third = push_signed(ann, upstream, {"fleet/a": "4"}, parents=(second,))
    assert (fleet.fetch().commit, fleet.fetch().notice) == (third, "")
    upstream.git("update-ref", "refs/heads/main", first)  # a replay
    with pytest.raises(Refused, match="force-pushed"):
        fleet.fetch()
    follower = source(tmp_path, upstream, allow(tmp_path, ann), force_push="follow")
    fetched = follower.fetch()
    assert (fetched.commit, fetched.unsigned) == (first, "")
    assert "force-pushed" in fetched.notice


def test_a_force_push_to_something_unsigned_changes_nothing(tmp_path: Path, upstream: Upstream, ann: SshSigner) -> None:
    fleet = source(tmp_path, upstream, allow(tmp_path, ann), force_push="follow")
    first = push_signed(ann, upstream, {"fleet/a": "1"})
    fleet.fetch()
    upstream.commit({"fleet/a": "evil"}, parents=())
    assert fleet.fetch().commit == first


def test_with_the_remote_away_the_last_signed_one_serves(
    tmp_path: Path, upstream: Upstream, ann: SshSigner, eve: SshSigner
) -> None:
    fleet = source(tmp_path, upstream, allow(tmp_path, ann))
    first = push_signed(ann, upstream, {"fleet/a": "1"})
    fleet.fetch()
    upstream.commit({"fleet/a": "2"})
    fleet.fetch()
    upstream.path.rename(tmp_path / "away.git")
    assert fleet.fetch().commit == first
    allow(tmp_path, eve)
    with pytest.raises(Retryable, match="is not used"):
        fleet.fetch()


def test_nothing_of_the_users_own_configuration_counts(
    tmp_path: Path, upstream: Upstream, ann: SshSigner, eve: SshSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who trusts Eve, and whose programs say yes to everything."""
    first = push_signed(ann, upstream, {"fleet/a": "1"})
    second = push_signed(eve, upstream, {"fleet/a": "2"}, parents=(first,))
    (tmp_path / "theirs").write_text(eve.allow())
    config = f'[gpg]\nprogram = /bin/true\n[gpg "ssh"]\nprogram = /bin/true\nallowedSignersFile = {tmp_path}/theirs\n'
    (tmp_path / ".gitconfig").write_text(config)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / ".gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", f"'gpg.ssh.allowedSignersFile={tmp_path}/theirs'")
    with pytest.raises(Terminal, match="not made by a valid key of"):
        source(tmp_path, upstream, allow(tmp_path, ann)).fetch()
    assert upstream.git("rev-parse", "main") == second


@needs_gpg
@pytest.mark.parametrize("options", [(), ("--armor",)])
def test_gpg(
    tmp_path: Path, upstream: Upstream, gpg_ann: GpgSigner, gpg_eve: GpgSigner, options: tuple[str, ...]
) -> None:
    keys = tmp_path / "allowed.asc"
    keys.write_bytes(gpg_ann.allow(*options))
    fleet = source(tmp_path, upstream, keys, "gpg")
    first = push_signed(gpg_ann, upstream, {"fleet/a": "1"})
    assert (fleet.fetch().commit, fleet.fetch().unsigned) == (first, "")
    second = push_signed(gpg_eve, upstream, {"fleet/a": "2"})
    fetched = fleet.fetch()
    assert (fetched.commit, fetched.unsigned) == (first, second)
    third = upstream.commit({"fleet/a": "3"}, "unsigned")
    assert fleet.fetch().unsigned == third
    fourth = push_signed(gpg_ann, upstream, {"fleet/a": "4"})
    assert (fleet.fetch().commit, fleet.fetch().unsigned) == (fourth, "")


@needs_gpg
def test_the_other_kind_of_signature_does_not_count(
    tmp_path: Path, upstream: Upstream, ann: SshSigner, gpg_ann: GpgSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the user's own keyring knows and trusts the key."""
    monkeypatch.setenv("GNUPGHOME", str(gpg_ann.home))
    push_signed(gpg_ann, upstream, {"fleet/a": "1"})
    with pytest.raises(Terminal, match=r"another kind \(gpg, not ssh\)"):
        source(tmp_path, upstream, allow(tmp_path, ann)).fetch()
    keys = tmp_path / "allowed.asc"
    keys.write_bytes(gpg_ann.allow())
    push_signed(ann, upstream, {"fleet/a": "2"})
    with pytest.raises(Terminal, match=r"another kind \(ssh, not gpg\)"):
        source(tmp_path, upstream, keys, "gpg").fetch()


@needs_gpg
def test_keys_that_gpg_can_not_read(tmp_path: Path, upstream: Upstream, gpg_ann: GpgSigner) -> None:
    keys = tmp_path / "allowed.asc"
    keys.write_text("these are no keys\n")
    push_signed(gpg_ann, upstream, {"fleet/a": "1"})
    with pytest.raises(Terminal, match="gpg can't read the keys") as caught:
        source(tmp_path, upstream, keys, "gpg").fetch()
    assert caught.value.where == str(keys)


@pytest.mark.parametrize("kind", ["ssh", "gpg"])
def test_a_missing_program_is_said_at_start(tmp_path: Path, ann: SshSigner, kind: Literal["ssh", "gpg"]) -> None:
    with pytest.raises(Terminal, match="there is no") as caught:
        Signatures(kind, allow(tmp_path, ann), path=str(tmp_path)).check()
    assert "install" in caught.value.mend
    assert "source.signed" in caught.value.where
