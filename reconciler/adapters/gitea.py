"""Pull requests, comments and commit statuses of Gitea and Forgejo: the `Forge` protocol over their API.

A comment is ours when this token's user wrote it; one of somebody else that carries our mark is left alone, although
the token might be allowed to edit it. Not done here: HTTP (gitea_client.py), hooks and branch protection.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.adapters.git_names import check_commit, is_commit
from reconciler.adapters.gitea_client import GiteaClient, Json, NotFound, at, number_at, path_of, text_at
from reconciler.errors import Terminal
from reconciler.protocols.forge import CommitState, PullRequest

DESCRIPTION = 250
"""Characters of a status's description: it is stored whole up to 65,535 bytes, and shown on one line."""


@dataclass(frozen=True, slots=True)
class _Comment:
    id: int
    body: str


class Gitea:
    """One repository ("owner/name") of a server. For one thread at a time."""

    def __init__(self, client: GiteaClient, repository: str) -> None:
        owner, _, name = repository.partition("/")
        self._client = client
        self._repo = path_of("repos", owner, name)
        self._me = 0
        self._ids: dict[tuple[int, str], int] = {}

    def pull(self, number: int) -> PullRequest:
        try:
            found = self._client.request("GET", f"{self._repo}/pulls/{int(number)}")
        except NotFound as error:
            raise Terminal(f"there is no pull request {number}", where=error.where, mend=error.mend) from error
        return _pull(found)

    def open_pulls(self) -> tuple[PullRequest, ...]:
        found = self._client.pages(f"{self._repo}/pulls", {"state": "open"})
        by_number = {pull.number: pull for pull in map(_pull, found) if pull.open}
        return tuple(by_number[number] for number in sorted(by_number))

    def comment(self, number: int, mark: str) -> str | None:
        found = self._find(number, mark)
        return None if found is None else found.body

    def say(self, number: int, mark: str, body: str) -> None:
        found = self._find(number, mark)
        if found is None:
            self._ids[number, mark] = self._make(number, body)
        elif _lines(found.body) != _lines(body):
            try:
                self._client.request("PATCH", f"{self._repo}/issues/comments/{found.id}", {"body": body})
            except NotFound:  # somebody deleted it a moment ago
                self._ids[number, mark] = self._make(number, body)

    def set_status(self, commit: str, context: str, state: CommitState, description: str, link: str) -> None:
        words = " ".join(description.split())
        short = words if len(words) <= DESCRIPTION else words[: DESCRIPTION - 1] + "…"
        body = {"state": state.value, "context": context, "description": short, "target_url": link}
        self._client.request("POST", f"{self._repo}/statuses/{check_commit(commit)}", body)

    def status(self, commit: str, context: str) -> CommitState | None:
        path = f"{self._repo}/commits/{check_commit(commit)}/status"
        try:
            listed = at(self._client.request("GET", path, query={"limit": "50"}), "statuses")
        except NotFound:  # newer versions say so of a commit that was never pushed
            return None
        for one in listed if isinstance(listed, list) else ():
            if text_at(one, "context") == context:
                said = text_at(one, "status") or text_at(one, "state")
                return next((state for state in CommitState if state.value == said), None)
        return None

    def _make(self, number: int, body: str) -> int:
        made = self._client.request("POST", f"{self._repo}/issues/{int(number)}/comments", {"body": body})
        return number_at(made, "id")

    def _find(self, number: int, mark: str) -> _Comment | None:
        """Our comment: the one that it was last time, else the oldest of ours that begins with the mark."""
        known = self._ids.pop((number, mark), 0)
        found = self._ours(self._known(known), mark) if known else None
        if found is None:
            listed = self._client.pages(f"{self._repo}/issues/{int(number)}/comments")
            ours = [one for one in (self._ours(comment, mark) for comment in listed) if one]
            found = min(ours, key=lambda one: one.id, default=None)
        if found is not None:
            self._ids[number, mark] = found.id
        return found

    def _known(self, comment: int) -> Json:
        try:
            return self._client.request("GET", f"{self._repo}/issues/comments/{comment}")
        except NotFound:
            return None

    def _ours(self, comment: Json, mark: str) -> _Comment | None:
        body = text_at(comment, "body")
        if not body.startswith(mark) or number_at(comment, "user", "id") != self._user():
            return None
        return _Comment(number_at(comment, "id"), body)

    def _user(self) -> int:
        """Whose the token is; asked once."""
        if not self._me:
            try:
                self._me = number_at(self._client.request("GET", "/user"), "id")
            except Terminal as error:
                if "scope" not in error.what:
                    raise
                mend = "give the token read for user as well: our own comments are known by their author"
                raise Terminal(error.what, where=error.where, mend=mend) from error
        return self._me


def _pull(found: Json) -> PullRequest:
    head, tip = text_at(found, "head", "sha"), text_at(found, "base", "sha")
    merged = text_at(found, "merge_commit_sha") if at(found, "merged") is True else ""
    return PullRequest(
        number=number_at(found, "number"),
        title=text_at(found, "title"),
        author=text_at(found, "user", "login"),
        head=head if is_commit(head) else "",
        base=text_at(found, "base", "ref"),
        fork=at(found, "head", "repo_id") != at(found, "base", "repo_id"),
        open=text_at(found, "state") == "open",
        merged=merged if is_commit(merged) else "",
        url=text_at(found, "html_url"),
        tip=tip if is_commit(tip) else "",
    )


def _lines(body: str) -> list[str]:
    """What is the same text, however its lines end."""
    return body.rstrip().splitlines()
