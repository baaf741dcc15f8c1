"""What is asked of some wizards while the head is refused whole: it is about the commit in force, and stays."""

from __future__ import annotations

import pytest

from reconciler.engine.request import Request, restart, retry, rollback
from reconciler.errors import ReconcilerError
from reconciler.plan.build import Rules
from tests.engine.site import Document, Site

BO = frozenset({"bo"})


def whole(site: Site) -> None:
    """A pass like any other, whose trouble is not what matters here."""
    try:
        site.run()
    except ReconcilerError:
        return


@pytest.fixture
def cy(site: Site) -> Document:
    """What cy was: bo is on its second config, and the head, which is refused, has a third one and no cy."""
    for v in (1, 2):
        site.config("bo", v=v)
        site.settle()
    leaves = site.wizards.pop("cy")
    site.config("bo", v=3)
    whole(site)
    assert site.display("bo") == {"v": 2}
    return leaves


@pytest.fixture
def back(site: Site, cy: Document) -> Document:
    """Bo was rolled back since."""
    assert site.run(rollback("bo")).done
    assert site.display("bo") == {"v": 1}
    return cy


def test_a_rollback_stays(site: Site, back: Document) -> None:
    pid = site.pid("bo")
    for _ in range(3):
        whole(site)
        assert (site.display("bo"), site.pid("bo")) == ({"v": 1}, pid)


@pytest.mark.parametrize("v", [2, 3], ids=["as in force", "as the head had it"])
def test_it_stays_when_the_head_is_mended_without_a_change_of_the_wizard(site: Site, back: Document, v: int) -> None:
    site.wizards["cy"] = back
    site.config("bo", v=v)
    for _ in range(2):
        whole(site)
        assert site.display("bo") == {"v": 1}
    assert site.status("bo").quarantined


def test_a_commit_that_changes_the_wizard_ends_it(site: Site, back: Document) -> None:
    site.wizards["cy"] = back
    site.config("bo", v=4)
    site.settle()
    assert (site.display("bo"), site.records().quarantines) == ({"v": 4}, {})


def test_a_retry_ends_it(site: Site, back: Document) -> None:
    site.run(retry(BO))
    assert (site.display("bo"), site.records().quarantines) == ({"v": 2}, {})
    whole(site)
    assert site.display("bo") == {"v": 2}


def test_asked_again_it_goes_further_back_and_then_says_that_there_is_no_more(site: Site, back: Document) -> None:
    site.run(rollback("bo"))
    assert site.display("bo") is None
    with pytest.raises(ReconcilerError, match="there is no generation before that"):
        site.run(rollback("bo"))
    whole(site)
    assert site.display("bo") is None


@pytest.mark.parametrize(
    "request_",
    [restart(BO), retry(BO), retry(frozenset()), Request("secret rotated by hand", Rules(only=BO))],
    ids=["restart", "retry", "retry of all", "some wizards"],
)
def test_nothing_of_the_refused_commit_comes_in(site: Site, cy: Document, request_: Request) -> None:
    report = site.run(request_)
    assert report.done
    assert [notice for notice in report.notices if "the plan is refused whole: it would remove 1 wizard (cy)" in notice]
    pid = site.pid("bo")
    assert site.display("bo") == {"v": 2}
    whole(site)
    assert (site.display("bo"), site.pid("bo")) == ({"v": 2}, pid)


def test_the_plan_says_so(site: Site, cy: Document) -> None:
    head, good = site.remote.git("rev-parse", "main"), site.remote.git("rev-parse", "main~1")
    with site.bound(change=False) as (_, reconciler):
        plan = reconciler.plan(rollback("bo")).plan
    assert (plan.commit, plan.refusals) == (good, ())
    (warning,) = plan.warnings
    assert warning.startswith(f"commit {head[:7]}: the plan is refused whole: it would remove 1 wizard (cy)")
    assert warning.endswith(f"until that is mended, commit {good[:7]} stays in force")


def test_what_is_bound_to_the_head_is_refused_with_it(site: Site, cy: Document) -> None:
    with site.bound(change=False) as (_, reconciler):
        plan = reconciler.plan(Request("plan", Rules(only=BO), bound=True)).plan
    assert [change.wizard for change in plan.changes] == ["bo"] * len(plan.changes)
    assert [refusal.what for refusal in plan.refusals] == ["it would remove 1 wizard (cy); the fleet allows 0 at once"]


def test_with_the_allowance_it_is_about_the_head(site: Site, cy: Document) -> None:
    with site.bound(change=False) as (_, reconciler):
        rules = Rules(only=BO, deletions=frozenset({"cy"}))
        plan = reconciler.plan(Request("plan", rules, bound=True)).plan
    assert (plan.commit, plan.refusals) == (site.remote.git("rev-parse", "main"), ())


def test_nothing_is_said_of_the_refused_commit(site: Site, cy: Document) -> None:
    """That a restart went well is no success of a commit that was not used."""
    with site.bound() as (_, reconciler):
        reconciler.run(restart(BO))
        assert reconciler.attempted == ""
