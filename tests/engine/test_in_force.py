"""A head that can't be used leaves wizards where the newest usable commit has brought them, never further back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.engine.desired import InvalidFleet
from reconciler.engine.in_force import RAN
from reconciler.engine.reconcile import Reconciler
from reconciler.engine.request import Request, restart, rollback
from reconciler.errors import Interrupted, ReconcilerError
from reconciler.plan.build import Rules
from reconciler.protocols.runtime import Program
from tests.engine.site import NEW, OLD, Site, deaf, release
from tests.engine.test_unusable import SignedSite

ALL = ("ada", "bo", "cy")


def typo(site: Site) -> str:
    return site.remote.commit({"fleet/fleet.yaml": "kind: [typo"}, "a hasty mend")


def without_trailer(site: Site) -> str:
    """A head that is refused: cy leaves, and nobody says so."""
    del site.wizards["cy"]
    return site.push("cy leaves")


def whole(site: Site) -> None:
    """A pass like any other, whose trouble is not what matters here."""
    try:
        site.run()
    except ReconcilerError:
        return


def cy_is_deaf_on_new(site: Site) -> None:
    def ill(program: Program) -> str:
        return "deaf" if program.name == "cy-body" and release(program) == NEW else ""

    site.gateways.ill = ill


@pytest.fixture
def older(tmp_path: Path) -> Site:
    """Three wizards on the older version."""
    made = Site(tmp_path)
    made.version(OLD)
    made.settle()
    return made


@pytest.fixture
def moved(older: Site) -> Site:
    """Ada and bo hold on the newer version, and cy went back."""
    cy_is_deaf_on_new(older)
    older.version(NEW)
    assert older.run().stuck == ("cy",)
    assert [older.running(name) for name in ALL] == [NEW, NEW, OLD]
    return older


def test_a_typo_moves_nobody_back_who_holds(moved: Site) -> None:
    good, pids = moved.remote.git("rev-parse", "main"), moved.pids()
    typo(moved)
    for _ in range(2):
        with pytest.raises(InvalidFleet, match=f"; commit {good[:7]} stays in force"):
            moved.run()
        assert moved.pids() == pids


def test_what_went_back_counts_for_no_commit(moved: Site) -> None:
    """All others held in the same pass, so that commit is good."""
    with moved.bound() as (host, _):
        assert host.source.last_good() == moved.remote.git("rev-parse", "main")


def test_nor_while_somebody_was_blocked(site: Site) -> None:
    site.gateways.refuse_start("cy-body", "spawn error: no room")
    for name in ("bo", "cy"):
        site.config(name, v=4)
    for _ in range(3):
        whole(site)
    pid = site.pid("bo")
    typo(site)
    for _ in range(2):
        whole(site)
    assert (site.display("bo"), site.pid("bo")) == ({"v": 4}, pid)


@pytest.mark.parametrize("head", [typo, without_trailer], ids=["invalid", "refused"])
def test_nor_of_a_pass_that_was_abandoned_half_way(older: Site, head: Any) -> None:
    older.version(NEW)
    with older.bound() as (_, reconciler), pytest.raises(Interrupted):
        reconciler.run(Request("push"), lambda: any("after ada" in t and "starting" in t for t in older.told.texts))
    pid = older.pid("ada")
    assert [older.running(name) for name in ALL] == [NEW, NEW, OLD]
    head(older)
    whole(older)
    assert older.pid("ada") == pid
    assert [older.running(name) for name in ALL] == [NEW, NEW, NEW]


class Killed(BaseException):
    """This process is gone."""


def test_a_kill_before_anything_is_done_hurts_nobody(older: Site) -> None:
    class Deadly:
        def __init__(self, ledger: Any) -> None:
            self._ledger = ledger

        def __getattr__(self, name: str) -> Any:
            return getattr(self._ledger, name)

        def begin(self, commit: str, trigger: str) -> int:
            raise Killed

    pids, head = older.pids(), older.version(NEW)
    with older.bound() as (host, _):
        deadly: Any = Deadly(host.ledger)
        with pytest.raises(Killed):
            Reconciler(replace(host, ledger=deadly)).run(Request("test"))
        assert host.ledger.get(RAN) == head
    assert older.pids() == pids
    typo(older)
    whole(older)
    assert [older.running(name) for name in ALL] == [NEW, NEW, NEW]


def test_what_is_asked_for_by_name_is_about_the_same_commit(moved: Site) -> None:
    typo(moved)
    assert moved.run(restart(frozenset({"bo"}))).done
    assert moved.running("bo") == NEW
    moved.run(rollback("bo"))
    assert moved.running("bo") == OLD
    whole(moved)
    assert moved.running("bo") == OLD


def test_what_was_refused_never_comes_in_force(site: Site) -> None:
    good = site.config("bo", v=1)
    site.settle()
    site.wizards["bo"]["config"] = {"display": {"v": 2}}
    without_trailer(site)
    whole(site)
    typo(site)
    with pytest.raises(InvalidFleet, match=f"; commit {good[:7]} stays in force"):
        site.run()
    assert site.display("bo") == {"v": 1}


def test_a_commit_that_is_not_here_any_more_gives_way_to_the_last_good_one(site: Site) -> None:
    good = site.remote.git("rev-parse", "main")
    with site.bound() as (host, _):
        host.ledger.put(RAN, "0" * 40)
    typo(site)
    with pytest.raises(InvalidFleet, match=f"; commit {good[:7]} stays in force"):
        site.run()


def test_what_one_wizard_has_got_already_stays(site: Site) -> None:
    """Also before any whole pass for that commit: what a person applied, and what they rolled back."""
    for v in (1, 2):
        site.config("bo", v=v)
        site.settle()
    site.config("bo", v=3)
    site.run(Request("apply", Rules(only=frozenset({"bo"})), bound=True))
    typo(site)
    whole(site)
    assert site.display("bo") == {"v": 3}
    site.config("bo", v=4)
    site.run(rollback("bo"))
    assert site.display("bo") == {"v": 2}
    typo(site)
    whole(site)
    assert site.display("bo") == {"v": 2}


def test_a_part_that_needed_an_allowance_puts_nothing_in_force(site: Site) -> None:
    good = site.remote.git("rev-parse", "main")
    site.config("bo", v=2)
    without_trailer(site)
    site.run(Request("apply", Rules(only=frozenset({"bo"}), deletions=frozenset({"cy"})), bound=True))
    with site.bound() as (host, _):
        assert host.ledger.get(RAN) == good


def test_one_that_nobody_signed_gives_way_as_well(tmp_path: Path) -> None:
    """What was begun before signatures were asked for gives way to the last good commit that is signed."""
    site = SignedSite(tmp_path)
    free = (tmp_path / "reconciler.toml").read_text()
    site.push()
    good = site.sign()
    site.ask()
    site.settle()
    (tmp_path / "reconciler.toml").write_text(free)
    site.gateways.refuse_start("cy-body", "spawn error: no room")
    for name in ("bo", "cy"):
        unsigned = site.config(name, v=4)
    whole(site)
    with site.bound() as (host, _):
        assert (host.ledger.get(RAN), host.source.last_good()) == (unsigned, good)
    site.ask()
    typo(site)
    site.sign()
    with pytest.raises(InvalidFleet, match=f"; commit {good[:7]} stays in force"):
        site.run()
    assert site.display("bo") is None


def test_what_a_person_rejected_stays_so_while_they_keep_it_away(site: Site) -> None:
    """An older commit may have to be in force that declares it, and does not say that it is wanted again."""
    for v in (1, 2):
        site.config("bo", v=v)
        site.settle()
    good = site.remote.git("rev-parse", "main")
    site.gateways.refuse_start("cy-body", "spawn error: no room")
    site.wizards["cy"]["config"] = {"display": {"v": 3}}
    site.config("bo", v=3)
    whole(site)
    for v in (2, 1):
        site.run(rollback("bo"))
        assert site.display("bo") == {"v": v}
    with site.bound() as (host, _):
        host.ledger.put(RAN, "0" * 40)
        assert host.source.last_good() == good
    typo(site)
    whole(site)
    site.push("the typo is mended")
    whole(site)
    whole(site)
    assert site.display("bo") == {"v": 1}


def test_deaf_on_the_head_is_still_what_git_declares(site: Site) -> None:
    """A quarantine is compared with the commit in force that made it."""
    site.config("ada", bad=True)
    deaf(site)
    site.run()
    pid = site.pid("ada")
    typo(site)
    whole(site)
    with site.bound(change=False) as (_, reconciler):
        seen = {wizard.name: wizard for wizard in reconciler.status().wizards}
    assert seen["ada"].quarantined
    assert site.pid("ada") == pid


def blocked_on_a_newer_one(site: Site) -> int | None:
    """bo holds on a commit that is not good, because cy can't start; then cy is removed, and that is refused."""
    site.config("bo", v=1)
    site.settle()
    site.gateways.refuse_start("cy-body", "spawn error: no room")
    site.wizards["cy"]["config"] = {"display": {"v": 2}}
    site.config("bo", v=2)
    whole(site)
    whole(site)
    without_trailer(site)
    whole(site)
    assert site.display("bo") == {"v": 2}
    return site.pid("bo")


def test_an_allowed_apply_that_is_cut_short_moves_nobody_back(site: Site) -> None:
    pid = blocked_on_a_newer_one(site)
    allowed = Request("apply", Rules(deletions=frozenset({"cy"})), bound=True)
    with site.bound() as (_, reconciler), pytest.raises(Interrupted):
        reconciler.run(allowed, lambda: True)
    whole(site)
    whole(site)
    assert (site.display("bo"), site.pid("bo")) == ({"v": 2}, pid)


def test_an_allowed_apply_is_in_force_once_no_pass_refuses_it(site: Site) -> None:
    blocked_on_a_newer_one(site)
    site.run(Request("apply", Rules(deletions=frozenset({"cy"})), bound=True))
    typo(site)
    whole(site)
    assert not site.pid("cy")
    with site.bound() as (host, _):
        assert host.ledger.get(RAN) == site.remote.git("rev-parse", "main~1")


@pytest.mark.parametrize("ask", [restart(frozenset({"bo"})), rollback("bo")], ids=["restart", "rollback"])
def test_what_is_asked_by_name_is_about_the_head_that_is_in_force_itself(site: Site, ask: Request) -> None:
    """A token of two is changed, and only one may be restarted: a pass over the head is refused, and these are not."""
    token = site.folder / "token"
    token.write_text("t1\n")
    for name in ("ada", "bo"):
        site.wizards[name]["env"] = {"T": {"file": str(token)}}
    for number in (1, 2):
        site.config("bo", v=number)
        site.settle()
    site.policy = {"max_restarts": 1}
    site.gateways.refuse_start("cy-body", "spawn error: no room")
    site.config("cy", v=3)
    whole(site)
    site.config("bo", v=3)
    whole(site)
    token.write_text("t2\n")
    site.run(ask)
    assert site.display("bo") == {"v": 3 if ask.rules.restart else 2}
    with site.bound() as (host, _):
        assert host.ledger.get(RAN) == site.remote.git("rev-parse", "main")
