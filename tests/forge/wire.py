"""The JSON of the API and of webhooks, key by key as in the recordings of a real Gitea."""

from __future__ import annotations

from collections.abc import Mapping

from tests.forge.state import Comment, Hook, Pull, Repo, Status, User
from tests.git.upstream import run_git

WHEN = "2026-11-22T13:22:31Z"
Json = dict[str, object]


def user_json(user: User) -> Json:
    return {
        "id": user.id,
        "login": user.login,
        "full_name": "",
        "email": f"{user.login}@example.invalid",
        "avatar_url": "",
        "language": "",
        "is_admin": False,
        "last_login": "0001-01-01T00:00:00Z",
        "created": WHEN,
        "restricted": False,
        "active": False,
        "prohibit_login": False,
        "location": "",
        "website": "",
        "description": "",
        "visibility": "public",
        "followers_count": 0,
        "following_count": 0,
        "starred_repos_count": 0,
        "username": user.login,
    }


def repo_json(repo: Repo, base: str, viewer: User | None = None) -> Json:
    writes = viewer is not None and repo.may_write(viewer)
    return {
        "id": repo.id,
        "owner": user_json(repo.owner),
        "name": repo.name,
        "full_name": repo.full_name,
        "description": "",
        "empty": not repo.refs,
        "private": repo.private,
        "fork": repo.parent is not None,
        "template": False,
        "parent": repo_json(repo.parent, base, viewer) if repo.parent else None,
        "mirror": False,
        "size": 134,
        "html_url": f"{base}/{repo.full_name}",
        "ssh_url": f"git@localhost:{repo.full_name}.git",
        "clone_url": f"{base}/{repo.full_name}.git",
        "original_url": "",
        "website": "",
        "stars_count": 0,
        "forks_count": 0,
        "watchers_count": 1,
        "open_issues_count": 0,
        "open_pr_counter": sum(pull.state == "open" for pull in repo.pulls.values()),
        "release_counter": 0,
        "default_branch": repo.default_branch,
        "archived": False,
        "created_at": WHEN,
        "updated_at": WHEN,
        "permissions": {"admin": viewer is repo.owner, "push": writes, "pull": True},
        "has_issues": True,
        "internal_tracker": {
            "enable_time_tracker": True,
            "allow_only_contributors_to_track_time": True,
            "enable_issue_dependencies": True,
        },
        "has_wiki": True,
        "has_pull_requests": True,
        "has_projects": True,
        "ignore_whitespace_conflicts": False,
        "allow_merge_commits": True,
        "allow_rebase": True,
        "allow_rebase_explicit": True,
        "allow_squash_merge": True,
        "default_merge_style": "merge",
        "avatar_url": "",
        "internal": False,
        "mirror_interval": "",
        "repo_transfer": None,
    }


def pull_json(repo: Repo, pull: Pull, base: str, viewer: User | None = None) -> Json:
    url = f"{base}/{repo.full_name}/pulls/{pull.number}"
    closed = WHEN if pull.state == "closed" else None
    return {
        "id": pull.number,
        "url": url,
        "number": pull.number,
        "user": user_json(pull.user),
        "title": pull.title,
        "body": pull.body,
        "labels": [],
        "milestone": None,
        "assignee": None,
        "assignees": None,
        "state": pull.state,
        "is_locked": False,
        "comments": sum(comment.number == pull.number for comment in repo.comments.values()),
        "html_url": url,
        "diff_url": f"{url}.diff",
        "patch_url": f"{url}.patch",
        "mergeable": True,
        "merged": bool(pull.merged),
        "merged_at": WHEN if pull.merged else None,
        "merge_commit_sha": pull.merged or None,
        "merged_by": user_json(repo.owner) if pull.merged else None,
        "base": _branch_json(repo, pull.base, repo.refs.get(f"refs/heads/{pull.base}", ""), base, viewer),
        "head": _branch_json(pull.head_repo, pull.head_branch, pull.head, base, viewer),
        "merge_base": run_git(repo.path, "merge-base", f"refs/heads/{pull.base}", pull.head).strip(),
        "due_date": None,
        "created_at": WHEN,
        "updated_at": WHEN,
        "closed_at": closed,
    }


def _branch_json(repo: Repo, branch: str, sha: str, base: str, viewer: User | None) -> Json:
    return {
        "label": branch,
        "ref": branch,
        "sha": sha,
        "repo_id": repo.id,
        "repo": repo_json(repo, base, viewer),
    }


def issue_json(repo: Repo, pull: Pull, base: str) -> Json:
    return {
        "id": pull.number,
        "url": f"{base}/api/v1/repos/{repo.full_name}/issues/{pull.number}",
        "html_url": f"{base}/{repo.full_name}/pulls/{pull.number}",
        "number": pull.number,
        "user": user_json(pull.user),
        "original_author": "",
        "original_author_id": 0,
        "title": pull.title,
        "body": pull.body,
        "ref": "",
        "labels": [],
        "milestone": None,
        "assignee": None,
        "assignees": None,
        "state": pull.state,
        "is_locked": False,
        "comments": sum(comment.number == pull.number for comment in repo.comments.values()),
        "created_at": WHEN,
        "updated_at": WHEN,
        "closed_at": None,
        "due_date": None,
        "pull_request": {"merged": bool(pull.merged), "merged_at": None},
        "repository": {
            "id": repo.id,
            "name": repo.name,
            "owner": repo.owner.login,
            "full_name": repo.full_name,
        },
    }


def comment_json(repo: Repo, comment: Comment, base: str) -> Json:
    url = f"{base}/{repo.full_name}/pulls/{comment.number}"
    return {
        "id": comment.id,
        "html_url": f"{url}#issuecomment-{comment.id}",
        "pull_request_url": url,
        "issue_url": "",
        "user": user_json(comment.user),
        "original_author": "",
        "original_author_id": 0,
        "body": comment.body,
        "created_at": WHEN,
        "updated_at": WHEN,
    }


def status_json(repo: Repo, status: Status, base: str) -> Json:
    return {
        "id": status.id,
        "status": status.state,
        "target_url": status.target_url,
        "description": status.description,
        "url": f"{base}/api/v1/repos/{repo.full_name}/statuses/{status.sha}",
        "context": status.context,
        "creator": user_json(status.user),
        "created_at": WHEN,
        "updated_at": WHEN,
    }


def hook_json(hook: Hook) -> Json:
    """Never the secret: a real one keeps it to itself as well."""
    shown = {name: value for name, value in hook.config.items() if name != "secret"}
    return {
        "id": hook.id,
        "type": hook.type,
        "branch_filter": hook.branch_filter,
        "config": shown,
        "events": [event.removesuffix("_only") for event in hook.events],
        "authorization_header": "",
        "active": hook.active,
        "updated_at": WHEN,
        "created_at": WHEN,
    }


def commit_json(repo: Repo, sha: str, base: str) -> Json:
    out = run_git(repo.path, "log", "-1", "--format=%an%x00%ae%x00%B", sha)
    name, email, message = out.split("\0", 2)
    person = {"name": name, "email": email, "username": ""}
    changed = run_git(repo.path, "diff-tree", "--root", "--no-commit-id", "-r", "--name-status", "-z", sha).split("\0")
    by_kind: Mapping[str, list[str]] = {"A": [], "D": [], "M": []}
    for kind, path in zip(changed[::2], changed[1::2], strict=False):
        by_kind.get(kind, by_kind["M"]).append(path)
    return {
        "id": sha,
        "message": message.rstrip("\n") + "\n",
        "url": f"{base}/{repo.full_name}/commit/{sha}",
        "author": person,
        "committer": person,
        "verification": None,
        "timestamp": WHEN,
        "added": by_kind["A"],
        "removed": by_kind["D"],
        "modified": by_kind["M"],
    }
