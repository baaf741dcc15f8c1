"""A commit that the policy refuses: nothing of it is applied, and the commit in force goes on being kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.engine.reconcile import Reconciler
from reconciler.engine.request import Request
from reconciler.errors import Refused, Retryable
from reconciler.plan.build import Rules
from reconciler.protocols.ledger import Result
from reconciler.protocols.runtime import Program
from tests.engine.site import Site


def refused(site: Site, request: Request | None = None) -> str:
    with pytest.raises(Refused) as told:
        site.run(request)
    return str(told.value)


def without_cy(site: Site) -> str:
    """cy leaves, and nobody says so in a trailer; bo is changed as well."""
    del site.wizards["cy"]
    site.wizards["bo"]["config"] = {"display": {"compact": True}}
    return site.push("cy leaves")


def disturb(site: Site) -> None:
    site.gateways.stop("ada-body", 1)
    (site.home("bo") / "SOUL.md").write_text("by hand\n")


def healed(site: Site) -> bool:
    return site.pid("ada") is not None and "bo of the house" in (site.home("bo") / "SOUL.md").read_text()


def test_what_crashed_or_drifted_is_healed_all_the_same(site: Site) -> None:
    pids = site.pids()
    without_cy(site)
    disturb(site)
    assert "it would remove 1 wizard (cy)" in refused(site)
    assert healed(site)
    assert site.display("bo") is None
    assert {name: site.pid(name) for name in ("bo", "cy")} == {name: pids[name] for name in ("bo", "cy")}
    disturb(site)
    refused(site)
    assert healed(site)


def test_history_and_status_say_both(site: Site) -> None:
    good = site.push()
    site.settle()
    head, told_before = without_cy(site), len(site.remote.log("status/here"))
    with site.bound() as (host, reconciler):
        for _ in range(3):
            with pytest.raises(Refused):
                reconciler.run(Request("test"))
        assert reconciler.attempted == head
        assert reconciler.latest is not None
        seen, report = reconciler.latest
        assert (seen.plan.commit, report.status.commit) == (good, good)
        (notice,) = report.status.notices
        assert notice.startswith(f"commit {head[:7]}: the plan is refused whole: it would remove 1 wizard (cy)")
        assert notice.endswith(f"until that is mended, commit {good[:7]} stays in force")
        told = [one for one in host.ledger.passes(10) if one.commit == head]
        assert [one.result for one in told] == [Result.FAILED]
        assert host.store is not None
        assert f"commit {good[:7]} stays in force" in host.store.read("status/here")["STATUS.md"].decode()
    assert len(site.remote.log("status/here")) == told_before + 1, "said once"


def test_once_a_trailer_says_it_all_of_it_is_applied(site: Site) -> None:
    without_cy(site)
    refused(site)
    site.push("said\n\nAllow-Delete: cy")
    site.settle()
    assert site.pid("cy") is None
    assert site.display("bo") == {"compact": True}


def test_in_force_is_what_ran_last_though_not_all_of_it_held(site: Site) -> None:
    """Going back to the last commit that was good would restart those for whom the newer one went well."""
    site.gateways.ill = lambda program: "deaf" if program.name == "ada-body" and site.display("ada") else ""
    for name in ("ada", "cy"):
        site.wizards[name]["config"] = {"display": {"compact": True}}
    site.push("ada fails on it")
    assert site.run().stuck == ("ada",)
    pids = site.pids()
    without_cy(site)
    refused(site)
    assert {**site.pids(), "cy": site.pid("cy")} == pids
    assert site.display("cy") == {"compact": True}


@pytest.mark.parametrize(
    "request_",
    [
        Request("test", bound=True),
        Request("test", Rules(only=frozenset({"ada", "cy"})), bound=True),
        Request("test", Rules(only=frozenset({"ada", "bo"})), bound=True),
    ],
    ids=["all", "who leaves", "others"],
)
def test_what_a_person_asks_for_is_done_or_not(site: Site, request_: Request) -> None:
    without_cy(site)
    disturb(site)
    assert "it would remove 1 wizard (cy)" in refused(site, request_)
    assert not healed(site)


def test_what_waits_for_its_next_try_goes_on_waiting(site: Site) -> None:
    """Looking at the commit that is refused makes nothing due that the commit in force had to wait for."""
    without_cy(site)
    tried: list[str] = []

    class Full:
        """A runtime whose disk has no room for another program."""

        def __init__(self, runtime: Any) -> None:
            self._runtime = runtime

        def __getattr__(self, name: str) -> Any:
            return getattr(self._runtime, name)

        def start(self, program: Program) -> None:
            tried.append(program.name)
            raise Retryable("no space left on the disk")

    site.gateways.stop("ada-body", 1)
    with site.bound() as (host, _):
        reconciler = Reconciler(replace(host, runtime=Full(host.runtime)))
        for _ in range(3):
            with pytest.raises(Refused):
                reconciler.run(Request("test", patient=True))
    assert tried == ["ada-body"]
