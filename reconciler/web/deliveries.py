"""What a delivery of the forge says, as one of five values. Pure.

Gitea 1.17 and newer and Forgejo name the event in X-Gitea-Event, with finer names in X-Gitea-Event-Type; what does not
concern us is no error but `Ignored`. Nothing here is a fact to act on: it only says which key to wake, and the truth is
what a fetch or the forge's API finds then. Not done here: whether the delivery is believed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from reconciler.web.counts import NO_EVENT, OTHER_EVENT
from reconciler.web.shown import shown

FORGES = ("x-gitea", "x-forgejo", "x-github", "x-gogs")
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
HEADS = "refs/heads/"
PLAN = "/plan"


@dataclass(frozen=True, slots=True)
class Pushed:
    """Our branch was pushed, made or deleted. Commits as the forge tells them, "" where it does not."""

    branch: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class PullMoved:
    """A pull request into our branch was opened, reopened, pushed to, or aimed at it. `head` is a commit, `base` a
    branch."""

    number: int
    action: str
    head: str
    base: str


@dataclass(frozen=True, slots=True)
class PullClosed:
    number: int
    merged: bool


@dataclass(frozen=True, slots=True)
class PlanAsked:
    """Somebody wrote /plan under a pull request."""

    number: int


@dataclass(frozen=True, slots=True)
class Ignored:
    """`ours`: it tells of what a reconciler wrote itself, such as its status."""

    reason: str
    ours: bool = False


OURS = ("status/", "checkpoints/")
"""Branches that reconcilers write."""
Delivery = Pushed | PullMoved | PullClosed | PlanAsked | Ignored
Fields = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Watched:
    """What deliveries should be about: owner/name, None when that can't be known; and the branch."""

    repository: str | None
    branch: str


def event_of(headers: Mapping[str, str]) -> str:
    """The event's name, "" when none is given. Names of headers are taken in lower case."""
    names = [f"{forge}-{part}" for part in ("event", "event-type") for forge in FORGES]
    return next((headers[name] for name in names if headers.get(name)), "")


def delivery_of(headers: Mapping[str, str]) -> str:
    """The identifier of the delivery, "" when none is given."""
    return next((headers[f"{forge}-delivery"] for forge in FORGES if headers.get(f"{forge}-delivery")), "")


def label(event: str) -> str:
    """The event as a label of a metric: one of a closed set."""
    if not event:
        return NO_EVENT
    return event if event in READERS else OTHER_EVENT


def repository_of(url: str) -> str | None:
    """owner/name at the end of a Git address; None when it has no such end, as a local path."""
    scheme, found, rest = url.partition("://")
    path = urlsplit(url).path if found and scheme in ("http", "https", "ssh", "git") else ""
    if not found and not url.startswith(("/", ".")):
        path = rest or url.partition(":")[2]
    parts = [part for part in path.split("/") if part]
    if len(parts) < 2:
        return None
    return f"{parts[-2]}/{parts[-1].removesuffix('.git')}"


def parse(event: str, body: Fields, watched: Watched) -> Delivery:
    """What the delivery says; never an error."""
    if not event:
        return Ignored("it names no event")
    reader = READERS.get(event)
    if reader is None:
        return Ignored(f"the event {shown(event)} wakes nothing")
    return _elsewhere(_fields(body, "repository"), watched) or reader(body, watched)


def _elsewhere(repository: Fields, watched: Watched) -> Ignored | None:
    if watched.repository is None:
        return None
    name = _text(repository, "full_name") or repository_of(_text(repository, "clone_url")) or ""
    if name.casefold() == watched.repository.casefold():
        return None
    return Ignored(f"it is about the repository {shown(name) or '?'}, not {watched.repository}")


def _pushed(body: Fields, watched: Watched) -> Delivery:
    ref = _text(body, "ref")
    if ref.startswith(HEADS):
        return _on_branch(ref.removeprefix(HEADS), watched, _commit(body, "before"), _commit(body, "after"))
    return Ignored(f"{shown(ref) or 'what was pushed'} is no branch")


def _made(body: Fields, watched: Watched) -> Delivery:
    if _text(body, "ref_type") != "branch":
        return Ignored(f"{shown(_text(body, 'ref')) or 'what was made'} is no branch")
    return _on_branch(_text(body, "ref").removeprefix(HEADS), watched, "", _commit(body, "sha"))


def _on_branch(branch: str, watched: Watched, before: str, after: str) -> Delivery:
    if branch != watched.branch:
        about = f"it is about the branch {shown(branch) or '?'}, not {watched.branch}"
        return Ignored(about, ours=branch.startswith(OURS))
    return Pushed(branch, before, after)


def _pulled(body: Fields, watched: Watched) -> Delivery:
    pull = _fields(body, "pull_request")
    number = _number(body) or _number(pull)
    if number is None:
        return Ignored("it names no pull request")
    base = _text(_fields(pull, "base"), "ref").removeprefix(HEADS)
    if base != watched.branch:
        return Ignored(f"pull request #{number} is into {shown(base) or '?'}, not {watched.branch}")
    action = _text(body, "action")
    match action:
        case "opened" | "reopened" | "synchronized" | "synchronize":
            moved = True
        case "closed":
            return PullClosed(number, pull.get("merged") is True)
        case _:
            # An edited title changes nothing; an edited base branch does.
            moved = action == "edited" and bool({"ref", "base"} & set(_fields(body, "changes")))
    if not moved:
        return Ignored(f"pull request #{number}: {shown(action) or '?'} changes no plan")
    return PullMoved(number, action, _commit(_fields(pull, "head"), "sha"), base)


def _commented(body: Fields, watched: Watched) -> Delivery:  # noqa: ARG001 - a comment does not name a branch
    issue = _fields(body, "issue")
    number = _number(issue)
    if number is None or (body.get("is_pull") is not True and not _fields(issue, "pull_request")):
        return Ignored("the comment is not about a pull request")
    if _text(body, "action") != "created":
        return Ignored("only a new comment is read")
    first, _, _ = _text(_fields(body, "comment"), "body").partition("\n")
    if first.strip() != PLAN:
        return Ignored(f"the comment does not begin with {PLAN}")
    if _text(issue, "state") == "closed":
        return Ignored(f"pull request #{number} is closed")
    return PlanAsked(number)


READERS: Mapping[str, Callable[[Fields, Watched], Delivery]] = {
    "push": _pushed,
    "create": _made,
    "delete": _made,
    "pull_request": _pulled,
    "pull_request_sync": _pulled,
    "issue_comment": _commented,
    "pull_request_comment": _commented,
}


def _fields(body: Fields, name: str) -> Fields:
    found = body.get(name)
    return found if isinstance(found, dict) else {}


def _text(body: Fields, name: str) -> str:
    found = body.get(name)
    return found if isinstance(found, str) else ""


def _commit(body: Fields, name: str) -> str:
    found = _text(body, name)
    return found if COMMIT.fullmatch(found) else ""


def _number(body: Fields) -> int | None:
    found = body.get("number")
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 < found < 2**31 else None
