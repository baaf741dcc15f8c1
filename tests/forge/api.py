"""The part of Gitea's API that the product uses: paths, status codes and refusals. Not done here: HTTP (server.py)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.forge.gitea import Gitea, Stuck
from tests.forge.state import Comment, Hook, Pull, Repo, Status, Token
from tests.forge.wire import Json, comment_json, hook_json, pull_json, repo_json, status_json, user_json
from tests.git.upstream import run_git

LARGEST_COMMENT = 65_535
"""Bytes that a TEXT column of MySQL holds. Other databases take more."""


@dataclass
class Answer:
    status: int
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    body: Json
    token: Token | None


class Refusal(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def answer(gitea: Gitea, request: Request) -> Answer:
    """The answer to one request, with the lock held."""
    for method, pattern, scope, handler in _ROUTES:
        match = re.fullmatch(pattern, request.path)
        if match and method == request.method:
            try:
                _check(request.token, scope)
                return handler(_Call(gitea, request, match.groupdict()))
            except (Refusal, Stuck) as refusal:
                swagger = f"{gitea.url}/api/swagger"
                return Answer(refusal.status, {"message": str(refusal), "url": swagger})
    return Answer(404, {"message": "Not Found", "url": f"{gitea.url}/api/swagger"})


def _check(token: Token | None, scope: str) -> None:
    if not scope:
        return
    if token is None:
        raise Refusal(401, "token is required")
    if scope not in token.scopes and scope.replace("read:", "write:") not in token.scopes:
        raise Refusal(403, f"token does not have at least one of required scope(s): [{scope}]")


@dataclass
class _Call:
    gitea: Gitea
    request: Request
    parts: dict[str, str]

    @property
    def user(self) -> object:
        assert self.request.token is not None
        return self.request.token.user

    def repo(self, *, write: bool = False) -> Repo:
        assert self.request.token is not None
        repo = self.gitea.repos.get(f"{self.parts['owner']}/{self.parts['repo']}")
        writes = repo is not None and repo.may_write(self.request.token.user)
        if repo is None or (repo.private and not writes):
            raise Refusal(404, "The target couldn't be found.")
        if write and not writes:
            raise Refusal(403, "user should have a permission to write to a repo")
        self.gitea.sync(repo)
        return repo

    def pull(self) -> Pull:
        found = self.repo().pulls.get(int(self.parts["number"]))
        if found is None:
            raise Refusal(404, "The target couldn't be found.")
        return found

    def page(self, items: list[Json]) -> Answer:
        size = min(int(self.request.query.get("limit", 30)), 50)
        start = (max(int(self.request.query.get("page", 1)), 1) - 1) * size
        return Answer(200, items[start : start + size], {"X-Total-Count": str(len(items))})


def _version(call: _Call) -> Answer:
    return Answer(200, {"version": call.gitea.version})


def _user(call: _Call) -> Answer:
    return Answer(200, user_json(call.user))  # type: ignore[arg-type]


def _make_repo(call: _Call) -> Answer:
    owner = call.gitea.user(call.parts["org"]) if "org" in call.parts else call.user
    body, name = call.request.body, str(call.request.body.get("name", ""))
    if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
        raise Refusal(422, "name is invalid")
    if f"{owner.login}/{name}" in call.gitea.repos:  # type: ignore[attr-defined]
        raise Refusal(409, "The repository with the same name already exists.")
    branch = str(body.get("default_branch") or "main")
    repo = call.gitea.create(owner, name, private=bool(body.get("private")), branch=branch)  # type: ignore[arg-type]
    repo.writers.add(call.user.login)  # type: ignore[attr-defined]
    if body.get("auto_init"):
        blob = run_git(repo.path, "hash-object", "-w", "--stdin", feed=f"# {name}\n".encode()).strip()
        tree = run_git(repo.path, "mktree", feed=f"100644 blob {blob}\tREADME.md\n".encode()).strip()
        commit = run_git(repo.path, "commit-tree", tree, feed=b"Initial commit\n").strip()
        run_git(repo.path, "update-ref", f"refs/heads/{branch}", commit)
    call.gitea.sync(repo)
    return Answer(201, repo_json(repo, call.gitea.url, call.user))  # type: ignore[arg-type]


def _get_repo(call: _Call) -> Answer:
    return Answer(200, repo_json(call.repo(), call.gitea.url, call.user))  # type: ignore[arg-type]


def _branch(call: _Call) -> Answer:
    repo, name = call.repo(), call.parts["branch"]
    sha = repo.refs.get(f"refs/heads/{name}")
    if sha is None:
        raise Refusal(404, "The target couldn't be found.")
    return Answer(200, {"name": name, "commit": {"id": sha}, "protected": name in repo.protections})


def _hooks(call: _Call) -> Answer:
    return call.page([hook_json(hook) for hook in call.repo(write=True).hooks.values()])


def _one_hook(call: _Call) -> Hook:
    hook = call.repo(write=True).hooks.get(int(call.parts["id"]))
    if hook is None:
        raise Refusal(404, "The target couldn't be found.")
    return hook


def _make_hook(call: _Call) -> Answer:
    repo, body = call.repo(write=True), call.request.body
    config = body.get("config")
    if not isinstance(config, dict) or "url" not in config or "content_type" not in config:
        raise Refusal(422, "Missing config option: url")
    kind = str(body.get("type", ""))
    if kind not in {"gitea", "gogs", "forgejo"}:
        raise Refusal(422, f"Invalid hook type: {kind}")
    events = body.get("events") or ["push"]
    hook = Hook(call.gitea.id(), dict(config), list(events), bool(body.get("active", False)), type=kind)  # type: ignore[call-overload]
    hook.branch_filter = str(body.get("branch_filter", ""))
    repo.hooks[hook.id] = hook
    return Answer(201, hook_json(hook))


def _get_hook(call: _Call) -> Answer:
    return Answer(200, hook_json(_one_hook(call)))


def _edit_hook(call: _Call) -> Answer:
    """A real one passes over a secret without a word: it can only be set when a hook is made."""
    hook, body = _one_hook(call), call.request.body
    config = body.get("config")
    if isinstance(config, dict):
        hook.config |= {name: str(value) for name, value in config.items() if name in ("url", "content_type")}
    if isinstance(body.get("events"), list):
        hook.events = list(body["events"])  # type: ignore[call-overload]
    if "active" in body:
        hook.active = bool(body["active"])
    hook.branch_filter = str(body.get("branch_filter", hook.branch_filter))
    return Answer(200, hook_json(hook))


def _delete_hook(call: _Call) -> Answer:
    del call.repo().hooks[_one_hook(call).id]
    return Answer(204)


def _protections(call: _Call) -> Answer:
    return Answer(200, list(call.repo(write=True).protections.values()))


def _rule(call: _Call) -> dict[str, object]:
    rule = call.repo(write=True).protections.get(call.parts["name"])
    if rule is None:
        raise Refusal(404, "The target couldn't be found.")
    return rule


def _make_protection(call: _Call) -> Answer:
    repo, body = call.repo(write=True), dict(call.request.body)
    name = str(body.get("rule_name") or body.get("branch_name") or "")
    if not name:
        raise Refusal(422, "both rule_name and branch_name are empty")
    if name in repo.protections:
        raise Refusal(403, "Branch protection already exist")
    defaults: dict[str, object] = {"enable_push": False, "enable_status_check": False, "status_check_contexts": []}
    repo.protections[name] = {**defaults, **body, "rule_name": name, "branch_name": name}
    return Answer(201, repo.protections[name])


def _get_protection(call: _Call) -> Answer:
    return Answer(200, _rule(call))


def _edit_protection(call: _Call) -> Answer:
    rule = _rule(call)
    rule.update({k: v for k, v in call.request.body.items() if k not in {"rule_name", "branch_name"}})
    return Answer(200, rule)


def _delete_protection(call: _Call) -> Answer:
    _rule(call)
    del call.repo().protections[call.parts["name"]]
    return Answer(204)


def _pulls(call: _Call) -> Answer:
    repo, state = call.repo(), call.request.query.get("state", "open")
    found = [pull for pull in repo.pulls.values() if state in ("all", pull.state)]
    return call.page([pull_json(repo, pull, call.gitea.url) for pull in reversed(found)])


def _make_pull(call: _Call) -> Answer:
    repo, body = call.repo(), call.request.body
    words = [str(body.get(name, "")) for name in ("title", "head", "base", "body")]
    pull = call.gitea.open_pull(repo, call.user, *words)  # type: ignore[arg-type]
    return Answer(201, pull_json(repo, pull, call.gitea.url))


def _get_pull(call: _Call) -> Answer:
    return Answer(200, pull_json(call.repo(), call.pull(), call.gitea.url))


def _edit_pull(call: _Call) -> Answer:
    repo, pull, body = call.repo(write=True), call.pull(), call.request.body
    pull.title = str(body.get("title", pull.title))
    if body.get("state") in ("open", "closed") and body["state"] != pull.state:
        call.gitea.set_open(repo, pull, open_=body["state"] == "open")
    return Answer(201, pull_json(repo, pull, call.gitea.url))


def _merge(call: _Call) -> Answer:
    body = call.request.body
    message = "\n\n".join(str(body[n]) for n in ("MergeTitleField", "MergeMessageField") if body.get(n))
    style = str(body.get("Do", "merge"))
    call.gitea.merge_pull(call.repo(write=True), call.pull(), call.user, style, message)  # type: ignore[arg-type]
    return Answer(200)


def _comments(call: _Call) -> Answer:
    """All at once, whatever page is asked for: so does a real one."""
    repo, number = call.repo(), int(call.parts["number"])
    found = [comment_json(repo, c, call.gitea.url) for c in repo.comments.values() if c.number == number]
    return Answer(200, found, {"X-Total-Count": str(len(found))})


def _text(call: _Call) -> str:
    body = str(call.request.body.get("body", ""))
    if not body:
        raise Refusal(422, "[Body]: Required")
    if len(body.encode()) > LARGEST_COMMENT:
        raise Refusal(500, "Error 1406: Data too long for column 'content' at row 1")
    return body


def _make_comment(call: _Call) -> Answer:
    repo, pull = call.repo(), call.pull()
    comment = call.gitea.add_comment(repo, pull.number, call.user, _text(call))  # type: ignore[arg-type]
    return Answer(201, comment_json(repo, comment, call.gitea.url))


def _one_comment(call: _Call) -> Comment:
    comment = call.repo().comments.get(int(call.parts["id"]))
    if comment is None:
        raise Refusal(404, "The target couldn't be found.")
    return comment


def _get_comment(call: _Call) -> Answer:
    return Answer(200, comment_json(call.repo(), _one_comment(call), call.gitea.url))


def _edit_comment(call: _Call) -> Answer:
    repo, comment = call.repo(), _one_comment(call)
    if comment.user is not call.user and not repo.may_write(call.user):  # type: ignore[arg-type]
        return Answer(403)
    call.gitea.edit_comment(repo, comment, _text(call))
    return Answer(200, comment_json(repo, comment, call.gitea.url))


def _delete_comment(call: _Call) -> Answer:
    del call.repo().comments[_one_comment(call).id]
    return Answer(204)


def _make_status(call: _Call) -> Answer:
    repo, body, sha = call.repo(write=True), call.request.body, call.parts["sha"]
    if run_git(repo.path, "rev-list", "--all", "--max-count=100000").find(sha) < 0:
        raise Refusal(404, f"object does not exist [id: {sha}, rel_path: ]")
    state = str(body.get("state", ""))
    if state not in {"pending", "success", "error", "failure", "warning"}:
        raise Refusal(422, "[State]: Invalid")
    words = [str(body.get(name, "")) for name in ("context", "description", "target_url")]
    status = Status(call.gitea.id(), sha, state, *words, call.user)  # type: ignore[arg-type]
    repo.statuses.append(status)
    return Answer(201, status_json(repo, status, call.gitea.url))


def _statuses(call: _Call) -> Answer:
    repo, ref = call.repo(), call.parts["sha"]
    sha = repo.refs.get(f"refs/heads/{ref}", ref)
    return call.page([status_json(repo, s, call.gitea.url) for s in reversed(repo.statuses) if s.sha == sha])


def _combined(call: _Call) -> Answer:
    """The newest status of each context; nothing at all when there is none, as older versions answer."""
    repo, ref = call.repo(), call.parts["sha"]
    sha = repo.refs.get(f"refs/heads/{ref}", ref)
    latest = {status.context: status for status in repo.statuses if status.sha == sha}
    if not latest:
        return Answer(200)
    found = [status_json(repo, status, call.gitea.url) for status in latest.values()]
    return Answer(200, {"state": "", "sha": sha, "total_count": len(found), "statuses": found})


_REPO = r"/repos/(?P<owner>[^/]+)/(?P<repo>[^/]+)"
_ROUTES: list[tuple[str, str, str, Callable[[_Call], Answer]]] = [
    ("GET", "/version", "", _version),
    ("GET", "/user", "read:user", _user),
    ("POST", "/user/repos", "write:repository", _make_repo),
    ("POST", r"/orgs/(?P<org>[^/]+)/repos", "write:repository", _make_repo),
    ("GET", _REPO, "read:repository", _get_repo),
    ("GET", _REPO + r"/branches/(?P<branch>.+)", "read:repository", _branch),
    ("GET", _REPO + "/hooks", "read:repository", _hooks),
    ("POST", _REPO + "/hooks", "write:repository", _make_hook),
    ("GET", _REPO + r"/hooks/(?P<id>\d+)", "read:repository", _get_hook),
    ("PATCH", _REPO + r"/hooks/(?P<id>\d+)", "write:repository", _edit_hook),
    ("DELETE", _REPO + r"/hooks/(?P<id>\d+)", "write:repository", _delete_hook),
    ("GET", _REPO + "/branch_protections", "read:repository", _protections),
    ("POST", _REPO + "/branch_protections", "write:repository", _make_protection),
    ("GET", _REPO + "/branch_protections/(?P<name>.+)", "read:repository", _get_protection),
    ("PATCH", _REPO + "/branch_protections/(?P<name>.+)", "write:repository", _edit_protection),
    ("DELETE", _REPO + "/branch_protections/(?P<name>.+)", "write:repository", _delete_protection),
    ("GET", _REPO + "/pulls", "read:repository", _pulls),
    ("POST", _REPO + "/pulls", "write:repository", _make_pull),
    ("GET", _REPO + r"/pulls/(?P<number>\d+)", "read:repository", _get_pull),
    ("PATCH", _REPO + r"/pulls/(?P<number>\d+)", "write:repository", _edit_pull),
    ("POST", _REPO + r"/pulls/(?P<number>\d+)/merge", "write:repository", _merge),
    ("GET", _REPO + r"/issues/(?P<number>\d+)/comments", "read:issue", _comments),
    ("POST", _REPO + r"/issues/(?P<number>\d+)/comments", "write:issue", _make_comment),
    ("GET", _REPO + r"/issues/comments/(?P<id>\d+)", "read:issue", _get_comment),
    ("PATCH", _REPO + r"/issues/comments/(?P<id>\d+)", "write:issue", _edit_comment),
    ("DELETE", _REPO + r"/issues/comments/(?P<id>\d+)", "write:issue", _delete_comment),
    ("POST", _REPO + "/statuses/(?P<sha>[0-9a-f]+)", "write:repository", _make_status),
    ("GET", _REPO + "/statuses/(?P<sha>[0-9a-f]+)", "read:repository", _statuses),
    ("GET", _REPO + "/commits/(?P<sha>[^/]+)/status", "read:repository", _combined),
    ("GET", _REPO + "/commits/(?P<sha>[^/]+)/statuses", "read:repository", _statuses),
]
