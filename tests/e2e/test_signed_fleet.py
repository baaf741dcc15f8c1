"""A host that takes signed commits only, through the command line: real ssh keys, a real remote, files only."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_hard_places import Still
from tests.e2e.world import free_ports
from tests.git.signers import SshSigner

pytestmark = pytest.mark.system


class Signed(Still):
    """Commits are signed by Ann unless `signer` says otherwise; None: not at all."""

    signer: SshSigner | None = None

    def push(self, message: str, *arguments: str) -> str:
        self.git(self.clone, "add", "--all")
        sign = ["-c", "gpg.format=ssh", "-c", f"user.signingkey={self.signer.key}"] if self.signer else []
        how = "-S" if self.signer else "--no-gpg-sign"
        self.git(self.clone, *sign, "commit", "-q", "--allow-empty", how, "-m", message)
        self.git(self.clone, "push", "-q", "origin", "main", *arguments)
        return self.git(self.clone, "rev-parse", "HEAD").strip()

    def write_settings(self) -> None:
        super().write_settings()
        path = self.folder / "reconciler.toml"
        signed = 'signed = "ssh"\nallowed_signers = "allowed_signers"\n[apply]'
        path.write_text(path.read_text().replace("[apply]", signed))

    def soul(self, text: str) -> None:
        self.edit("ezra.yaml", lambda doc: doc.update(soul={"charter": {"identity": text}}))

    def soul_text(self) -> str:
        return (self.home("ezra") / "SOUL.md").read_text()


@pytest.fixture
def signed() -> Iterator[Signed]:
    folder = Path(tempfile.mkdtemp(prefix="fleet-signed-"))
    world = Signed(folder, "http://127.0.0.1:9/v1", free_ports(3))
    world.signer = SshSigner(folder / "keys", "ann@example.org")
    (folder / "allowed_signers").write_text(world.signer.allow())
    try:
        world.make()
        world.converge()
        yield world
    finally:
        world.shutdown()


def test_an_unsigned_head_is_not_applied_and_the_last_signed_fleet_is_kept(signed: Signed) -> None:
    ann = signed.signer
    good = signed.git(signed.clone, "rev-parse", "HEAD").strip()
    signed.signer = None
    signed.soul("written by nobody")
    bad = signed.push("Unsigned")
    (signed.home("ezra") / "SOUL.md").write_text("tampered")
    output = signed.cli("run", "--once", code=1)
    assert bad[:12] in output
    assert "not signed" in output
    assert "a wizard of the tests" in signed.soul_text()  # drift was mended towards the last signed commit
    plan = signed.cli("plan", code=0)
    assert bad[:12] in plan
    assert good[:7] in plan
    assert json.loads(signed.cli("plan", "--json", code=0))["commit"] == good
    status = signed.cli("status")
    assert bad[:12] in status
    published = signed.git(signed.remote, "show", "status/vps:STATUS.md")
    assert bad[:12] in published
    assert "not signed" in published
    signed.cli("run", "--once", code=1)
    signed.signer = ann
    signed.soul("written by Ann")
    signed.push("Signed again")
    signed.converge()
    assert "written by Ann" in signed.soul_text()


def test_an_unsigned_mend_of_a_signed_commit_that_is_broken_is_told_as_unsigned(signed: Signed) -> None:
    good = signed.git(signed.clone, "rev-parse", "HEAD").strip()
    signed.edit("ezra.yaml", lambda doc: doc.update(bogus=1))
    broken = signed.push("Broken, by Ann")
    signed.cli("run", "--once", code=1)
    ann, signed.signer = signed.signer, None
    signed.edit("ezra.yaml", lambda doc: doc.pop("bogus"))
    head = signed.push("Mended, by nobody")
    for words in (("run", "--once"), ("plan",)):
        told = signed.cli(*words, code=1)
        assert f"main is at {head[:12]}, which is not used: " in told
        assert f"nor is the last signed commit: the fleet at {broken[:7]} has 1 error" in told
        assert "push a commit on top that mends the lines named above, signed with an allowed key" in told
    status = json.loads(signed.cli("status", "--json"))
    assert (status["unsigned"], status["commit"]) == (head, good)
    assert head[:12] in signed.cli("status")
    signed.signer = ann
    signed.soul("written by Ann")
    signed.push("Mended, by Ann")
    signed.converge()
    assert "written by Ann" in signed.soul_text()


def test_somebody_elses_key_does_not_count_and_taking_the_commit_away_is_no_force_push(signed: Signed) -> None:
    ann = signed.signer
    good = signed.git(signed.clone, "rev-parse", "HEAD").strip()
    signed.signer = SshSigner(signed.folder / "keys", "eve@example.org")
    signed.soul("written by Eve")
    signed.push("By Eve")
    assert "not made by a valid key of" in signed.cli("run", "--once", code=1)
    assert "Eve" not in signed.soul_text()
    signed.git(signed.clone, "reset", "-q", "--hard", good)
    signed.signer = ann
    signed.soul("written by Ann")
    signed.push("By Ann", "--force")
    signed.converge()
    assert "written by Ann" in signed.soul_text()


def test_going_back_to_an_older_signed_commit_is_a_force_push(signed: Signed) -> None:
    old = signed.git(signed.clone, "rev-parse", "HEAD").strip()
    signed.soul("newer")
    signed.push("Newer")
    signed.converge()
    signed.git(signed.clone, "push", "-q", "--force", "origin", f"{old}:main")
    assert "force-pushed" in signed.cli("run", "--once", code=3)
    assert "newer" in signed.soul_text()


def test_keys_that_are_missing_are_said_everywhere(signed: Signed) -> None:
    """By each verb that needs them, in the status here, and in the one at the remote."""
    (signed.folder / "allowed_signers").unlink()
    for verb in (("plan",), ("run", "--once"), ("status",)):
        output = signed.cli(*verb, code=1)
        assert str(signed.folder / "allowed_signers") in output
        assert "can't be read" in output
        assert "Traceback" not in output
    assert "  ezra " in output
    shown = json.loads(signed.cli("status", "--json", code=1))
    assert (shown["settled"], shown["unsigned"], shown["commit"]) == (False, None, "")
    published = signed.git(signed.remote, "show", "status/vps:STATUS.md")
    assert "can't be read" in published
    assert "as desired" not in published


def test_a_program_that_is_missing_is_said_at_start(signed: Signed) -> None:
    programs = signed.folder / "bin"
    programs.mkdir()
    signed.environ = {"PATH": str(programs)}
    output = signed.cli("plan", code=1)
    assert "there is no ssh-keygen" in output
    assert "openssh-client" in output
