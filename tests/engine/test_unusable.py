"""A head of the branch that may not be used: what the status says of it, here and at the remote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.engine.reconcile import Reconciler
from reconciler.engine.request import Request
from reconciler.errors import Terminal
from reconciler.plan.status import HostStatus, WizardState
from reconciler.render.status_text import status_text
from tests.engine.site import Site
from tests.git.signers import Draft, SshSigner


class SignedSite(Site):
    """Once `ask` was called, only commits that Ann signed are used."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.ann = SshSigner(folder / "keys", "ann@example.org")
        self.allowed = folder / "allowed_signers"
        self.allowed.write_text(self.ann.allow())

    def ask(self) -> None:
        path = self.folder / "reconciler.toml"
        keys = f'signed = "ssh"\nallowed_signers = "{self.allowed}"\n'
        path.write_text(path.read_text().replace("[apply]", f"{keys}[apply]"))

    def sign(self) -> str:
        """A signed commit of what the branch has, on top of it."""
        head = self.remote.git("rev-parse", "main")
        commit = self.ann.sign(self.remote, Draft(self.remote.git("rev-parse", "main^{tree}"), "signed", (head,)))
        self.remote.git("update-ref", "refs/heads/main", commit)
        return commit

    def published(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.remote.files("status/here")["status.json"])
        return found

    def page(self) -> list[str]:
        """The lines of STATUS.md that are not empty."""
        return [line for line in self.remote.files("status/here")["STATUS.md"].splitlines() if line]

    def seen(self) -> HostStatus:
        with self.bound(change=False) as (_, reconciler):
            return reconciler.status()


@pytest.fixture
def site(tmp_path: Path) -> SignedSite:
    """Three wizards that run as a signed commit declares them."""
    made = SignedSite(tmp_path)
    made.push()
    made.sign()
    made.ask()
    made.settle()
    return made


def nothing_is_used(site: SignedSite, words: str, unsigned: str | None) -> None:
    """Nothing is done, and the status says so wherever it can be read."""
    (site.home("ada") / "SOUL.md").write_text("tampered")
    with pytest.raises(Terminal, match=words):
        site.run()
    assert (site.home("ada") / "SOUL.md").read_text() == "tampered"
    published = site.published()
    assert (published["settled"], published["commit"], published["unsigned"]) == (False, "", unsigned)
    assert words in published["unused"]
    assert {w["name"]: (w["observed"], w["port"]) for w in published["wizards"]} == {
        "ada": ("unrobed", 8643),
        "bo": ("unrobed", 8644),
        "cy": ("unrobed", 8645),
    }
    title, headline, first = site.page()[:3]
    assert title == "# here"
    assert headline == "**No commit may be used, so nothing is changed. 3 wizards as left here.**"
    assert first.startswith("- Not used: ")
    seen = site.seen()
    assert (seen.settled, seen.commit, seen.unused) == (False, "", published["unused"])
    assert [(w.name, w.observed, w.healthy) for w in seen.wizards] == [
        (name, WizardState.UNROBED, True) for name in ("ada", "bo", "cy")
    ]
    assert words in status_text(seen)
    assert "all as desired" not in status_text(seen)


def test_the_signer_has_left_the_file(site: SignedSite) -> None:
    head = site.remote.git("rev-parse", "main")
    site.allowed.write_text(SshSigner(site.folder / "keys", "eve@example.org").allow())
    nothing_is_used(site, "does not allow any more who signed it", head)


def test_the_file_of_keys_is_missing(site: SignedSite) -> None:
    keys = site.allowed.read_text()
    site.allowed.unlink()
    nothing_is_used(site, "the allowed keys can't be read", None)
    site.allowed.write_text(keys)
    site.settle()
    assert (site.published()["settled"], site.published()["unused"]) == (True, None)
    assert "tampered" not in (site.home("ada") / "SOUL.md").read_text()


def test_nothing_was_ever_signed(tmp_path: Path) -> None:
    site = SignedSite(tmp_path)
    head = site.push()
    site.settle()
    site.ask()
    nothing_is_used(site, "it is not signed; no other commit may take its place", head)
    site.sign()
    site.settle()
    assert site.published()["settled"]


def test_a_host_that_knows_nothing_publishes_nothing(tmp_path: Path) -> None:
    site = SignedSite(tmp_path)
    site.push()
    site.ask()
    with pytest.raises(Terminal, match="it is not signed"):
        site.run()
    with pytest.raises(Terminal, match="it is not signed"):
        site.seen()
    assert site.remote.git("for-each-ref", "refs/heads/status") == ""


def test_a_wizard_that_is_down_then_is_shown_as_it_is(site: SignedSite) -> None:
    site.allowed.unlink()
    site.gateways.stop("bo-body", 1)
    seen = {wizard.name: wizard for wizard in site.seen().wizards}
    assert (seen["bo"].observed, seen["bo"].healthy) == (WizardState.DEAD, False)
    assert seen["ada"].healthy


def test_one_process_goes_on_when_the_keys_come_back(site: SignedSite) -> None:
    """Passes that do not ask the remote use nothing either, and the first one that may publishes that all is well."""
    keys = site.allowed.read_text()
    with site.bound() as (_, reconciler):
        reconciler.run(Request("start"))
        site.allowed.unlink()
        for fetch in (True, False):
            (site.home("ada") / "SOUL.md").write_text("tampered")
            with pytest.raises(Terminal, match="can't be read"):
                reconciler.run(Request("drift", fetch=fetch))
            assert (site.home("ada") / "SOUL.md").read_text() == "tampered"
            assert not latest(reconciler).settled
        site.allowed.write_text(keys)
        assert reconciler.run(Request("webhook")).status.settled
        assert latest(reconciler).settled
    assert site.published()["settled"]


def latest(reconciler: Reconciler) -> HostStatus:
    assert reconciler.latest is not None
    return reconciler.latest[1].status


def test_a_last_signed_commit_in_force_is_not_settled(site: SignedSite) -> None:
    good = site.remote.git("rev-parse", "main")
    head = site.push("unsigned")
    assert site.run().unsigned == head
    published = site.published()
    assert (published["settled"], published["commit"], published["unsigned"]) == (False, good, head)
    assert site.page()[1] == f"**The newest commit is not used; {good[:7]} is in force. 3 wizards: all as desired.**"
    assert site.page()[2].startswith("- Not used: ")
    assert len([line for line in site.page() if "is not signed" in line]) == 1
    site.sign()
    site.settle()
    assert (site.published()["settled"], site.published()["unsigned"], site.published()["unused"]) == (True, None, None)


def test_a_last_good_commit_in_force_is_not_settled(site: SignedSite) -> None:
    site.wizards["ada"]["port"] = "none"
    site.push("broken")
    site.sign()
    with site.bound() as (_, reconciler):
        with pytest.raises(Terminal, match="has 1 error"):
            reconciler.run(Request("test"))
        for fetch in (True, False):
            status = reconciler.status(fetch=fetch)
            assert (status.settled, status.unsigned) == (False, "")
            assert "stays in force" in status.unused
    assert (site.published()["settled"], site.published()["unsigned"]) == (False, None)
