"""What became of a commit, told once each and never out of order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.adapters.gitea import Gitea
from reconciler.adapters.gitea_client import GiteaClient
from reconciler.engine.commit_reports import CommitReports
from reconciler.errors import Retryable
from tests.forge.gitea import Gitea as StandIn
from tests.forge.gitea import Repository, gitea_with_fleet

APPLY = "reconciler/apply"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[StandIn, Repository]]:
    with gitea_with_fleet(tmp_path, {"fleet/a.yaml": "a"}) as found:
        yield found


def process(server: StandIn) -> CommitReports:
    token = server.token("sovereign")
    forge = Gitea(GiteaClient(server.url, lambda: token), "sovereign/fleet")
    return CommitReports(forge, lambda commit: f"http://dashboard/history?commit={commit}")


def states(repository: Repository, commit: str) -> list[tuple[str, str]]:
    return [(status.state, status.description) for status in repository.statuses(commit, APPLY)]


def test_pending_then_the_end_once_each(world: tuple[StandIn, Repository]) -> None:
    server, repository = world
    reports, commit = process(server), repository.tip()
    for outcome, text in [
        ("", "a pass is under way"),
        ("", "a pass is under way"),
        ("done", "1 restarted"),
        ("done", "-"),
    ]:
        reports.report(commit, outcome, text)
    assert states(repository, commit) == [("pending", "a pass is under way"), ("success", "1 restarted")]
    assert repository.statuses(commit)[-1].target_url == f"http://dashboard/history?commit={commit}"


def test_a_pass_that_begins_takes_nothing_back(world: tuple[StandIn, Repository]) -> None:
    server, repository = world
    reports, commit = process(server), repository.tip()
    reports.report(commit, "done", "1 restarted")
    reports.report(commit, "", "a pass is under way")
    process(server).report(commit, "", "a pass is under way")
    process(server).report(commit, "done", "nothing to do")
    assert states(repository, commit) == [("success", "1 restarted")]


def test_failure_is_mended_and_success_can_fail(world: tuple[StandIn, Repository]) -> None:
    server, repository = world
    reports, commit = process(server), repository.tip()
    for outcome in ("refused", "done", "incomplete", "incomplete", "invalid", "failed", "bug", "done"):
        reports.report(commit, outcome, outcome)
    assert states(repository, commit) == [
        ("failure", "refused"),
        ("success", "done"),
        ("failure", "incomplete"),
        ("failure", "invalid"),
        ("error", "failed"),
        ("error", "bug"),
        ("success", "done"),
    ]


def test_a_forge_that_is_away_loses_nothing(world: tuple[StandIn, Repository]) -> None:
    server, repository = world
    reports, commit = process(server), repository.tip()
    server.trouble = lambda method, path: 503 if method == "POST" else None
    with pytest.raises(Retryable):
        reports.report(commit, "done", "1 restarted")
    server.trouble = lambda method, path: None
    reports.report(commit, "done", "1 restarted")
    assert states(repository, commit) == [("success", "1 restarted")]
