"""What deliveries say: the real ones, those of other versions, and those that concern somebody else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.web.deliveries import (
    Delivery,
    Ignored,
    PlanAsked,
    PullClosed,
    PullMoved,
    Pushed,
    Watched,
    delivery_of,
    event_of,
    label,
    parse,
    repository_of,
)
from tests.web.knock import recording

OURS = Watched("sovereign/fleet", "main")
HERE = {"repository": {"full_name": "sovereign/fleet"}}
A, B = "a" * 40, "b" * 40


def pull(action: str = "opened", base: str = "main", **more: Any) -> dict[str, Any]:
    inside = {"head": {"sha": B}, "base": {"ref": base}, "merged": False} | more.pop("inside", {})
    return {"action": action, "number": 7, "pull_request": inside, **HERE, **more}


def comment(body: str = "/plan", action: str = "created", **more: Any) -> dict[str, Any]:
    return {"action": action, "issue": {"number": 7}, "comment": {"body": body}, "is_pull": True, **HERE, **more}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "01-push",
            Pushed("main", "ffa6325499fa0d2da5ecc2f188566ab1d08a49c2", "4e34a47afca7abaeb912f376b319b601e23bdb99"),
        ),
        ("02-create", Ignored("it is about the branch add-allegro, not main")),
        ("04-pull_request", PullMoved(1, "opened", "5f12fd218608a1b8c825bb2300b6784b42f55ee0", "main")),
        ("06-pull_request", PullMoved(1, "synchronized", "e1e389e8f00ed69d1d561c4e43731116496e0d30", "main")),
        ("07-issue_comment", PlanAsked(1)),
        ("11-push", Ignored("refs/tags/v1 is no branch")),
    ],
)
def test_recordings(name: str, says: Delivery) -> None:
    found = recording(name)
    event = event_of({key.lower(): value for key, value in found.headers})
    assert parse(event, json.loads(found.body), OURS) == says


@pytest.mark.parametrize(
    ("event", "body", "says"),
    [
        ("push", {"ref": "refs/heads/main", "before": A, "after": B, **HERE}, Pushed("main", A, B)),
        ("push", {"ref": "refs/heads/main", "after": "0" * 64, **HERE}, Pushed("main", "", "0" * 64)),
        ("push", {"ref": "refs/heads/main", "after": "; rm -rf /", **HERE}, Pushed("main", "", "")),
        ("create", {"ref": "main", "ref_type": "branch", "sha": B, **HERE}, Pushed("main", "", B)),
        ("delete", {"ref": "main", "ref_type": "branch", "pusher_type": "user", **HERE}, Pushed("main", "", "")),
        ("pull_request", pull("reopened"), PullMoved(7, "reopened", B, "main")),
        ("pull_request_sync", pull("synchronized"), PullMoved(7, "synchronized", B, "main")),
        ("pull_request", pull("edited", changes={"ref": {"from": "old"}}), PullMoved(7, "edited", B, "main")),
        ("pull_request", pull("closed", inside={"merged": True}), PullClosed(7, True)),
        ("pull_request", pull("closed"), PullClosed(7, False)),
        ("issue_comment", comment("/plan  \r\nplease"), PlanAsked(7)),
        ("issue_comment", comment(is_pull=None, issue={"number": 7, "pull_request": {"merged": False}}), PlanAsked(7)),
    ],
)
def test_what_wakes(event: str, body: dict[str, Any], says: Delivery) -> None:
    assert parse(event, body, OURS) == says


@pytest.mark.parametrize(
    ("event", "body", "reason"),
    [
        ("", {}, "it names no event"),
        ("release", {**HERE}, "the event release wakes nothing"),
        ("pull_request_approved", pull("reviewed"), "the event pull_request_approved wakes nothing"),
        ("x\x1b[31m\n", {}, "the event x?[31m? wakes nothing"),
        ("push", {"ref": "refs/heads/main"}, "it is about the repository ?, not sovereign/fleet"),
        (
            "push",
            {"repository": {"full_name": "eve/x"}},
            "it is about the repository eve/x, not sovereign/fleet",
        ),
        ("push", {**HERE}, "what was pushed is no branch"),
        ("push", {"ref": 7, **HERE}, "what was pushed is no branch"),
        ("push", {"ref": "refs/heads/feature", **HERE}, "it is about the branch feature, not main"),
        ("push", {"ref": "refs/heads/refs/heads/main", **HERE}, "it is about the branch refs/heads/main, not main"),
        ("create", {"ref": "v1", "ref_type": "tag", **HERE}, "v1 is no branch"),
        ("pull_request", {"action": "opened", **HERE}, "it names no pull request"),
        ("pull_request", pull(base="next"), "pull request #7 is into next, not main"),
        ("pull_request", pull("label_updated"), "pull request #7: label_updated changes no plan"),
        ("pull_request", pull("edited", changes={"title": {"from": "x"}}), "pull request #7: edited changes no plan"),
        ("pull_request", {**pull(), "number": True}, "it names no pull request"),
        ("pull_request", {**pull(), "number": -1}, "it names no pull request"),
        ("pull_request", {**pull(), "number": 2**40}, "it names no pull request"),
        ("pull_request", {**pull(), "pull_request": [1]}, "pull request #7 is into ?, not main"),
        ("issue_comment", comment(is_pull=False), "the comment is not about a pull request"),
        ("issue_comment", comment(action="edited"), "only a new comment is read"),
        ("issue_comment", comment("run /plan"), "the comment does not begin with /plan"),
        ("issue_comment", comment("please\n/plan"), "the comment does not begin with /plan"),
        ("issue_comment", comment("/planet"), "the comment does not begin with /plan"),
        ("issue_comment", comment(issue={"number": 7, "state": "closed"}), "pull request #7 is closed"),
    ],
)
def test_what_is_ignored(event: str, body: dict[str, Any], reason: str) -> None:
    assert parse(event, body, OURS) == Ignored(reason)


def test_repository_names_are_compared_as_gitea_does() -> None:
    body = {"ref": "refs/heads/main", "repository": {"full_name": "Sovereign/Fleet"}}
    assert isinstance(parse("push", body, OURS), Pushed)
    body = {"ref": "refs/heads/main", "repository": {"clone_url": "https://git.example/sovereign/fleet.git"}}
    assert isinstance(parse("push", body, OURS), Pushed)
    assert isinstance(parse("push", {"ref": "refs/heads/main"}, Watched(None, "main")), Pushed)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://gitea.example/sovereign/fleet.git", "sovereign/fleet"),
        ("http://127.0.0.1:3000/sub/sovereign/fleet", "sovereign/fleet"),
        ("ssh://git@gitea.example:2222/sovereign/fleet.git/", "sovereign/fleet"),
        ("git@gitea.example:sovereign/fleet.git", "sovereign/fleet"),
        ("git@gitea.example:fleet.git", None),
        ("https://gitea.example/fleet.git", None),
        ("file:///srv/git/fleet.git", None),
        ("/srv/git/fleet.git", None),
        ("", None),
    ],
)
def test_repository_of_an_address(url: str, name: str | None) -> None:
    assert repository_of(url) == name


def test_names_of_events_and_deliveries() -> None:
    assert event_of({"x-gitea-event": "push", "x-github-event": "other", "x-gitea-event-type": "fine"}) == "push"
    assert event_of({"x-gitea-event": "", "x-forgejo-event": "create"}) == "create"
    assert event_of({"x-gitea-event-type": "pull_request_sync"}) == "pull_request_sync"
    assert event_of({"x-gitlab-event": "push"}) == ""
    assert delivery_of({"x-gogs-delivery": "4", "x-forgejo-delivery": "2"}) == "2"
    assert delivery_of({}) == ""


def test_labels_are_a_closed_set() -> None:
    assert {label("push"), label(""), label("package"), label("x" * 5000)} == {"push", "none", "other"}
