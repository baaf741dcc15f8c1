"""The stand-in itself: users with tokens, repositories in real Git, and what people and the API do to them.

    with Gitea(tmp_path) as gitea:
        repo = gitea.repository("sovereign/fleet")
        token = gitea.token("sovereign")
        repo.commit({"fleet/fleet.yaml": "..."})        # the webhooks that hooks ask for go out
        number = repo.pull("Add allegro", "add-allegro")
        repo.merge(number)
        gitea.settle()                                  # all webhooks have been sent and answered

`gitea.url` serves the API below /api/v1 and every repository at /owner/name.git, both with tokens.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

from tests.forge.deliveries import Delivery, Sender, wants
from tests.forge.state import SCOPES, Comment, Hook, Pull, Repo, Status, Token, User
from tests.forge.wire import comment_json, commit_json, issue_json, pull_json, repo_json, user_json
from tests.git.upstream import Upstream, run_git

ZERO = "0" * 40
Files = Mapping[str, str | bytes | tuple[str, str]]


class Stuck(Exception):
    """What a real one answers 405 or 409 to; `status` is which."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Gitea:
    """`trouble(method, path)` may return a status to answer with in place of the truth, 0 to hang up, None for none.
    `calls` are the requests to the API: (method, path)."""

    def __init__(self, root: Path, version: str = "1.22.0") -> None:
        self.root = root / "gitea"
        self.version = version
        self.users: dict[str, User] = {}
        self.tokens: dict[str, Token] = {}
        self.repos: dict[str, Repo] = {}
        self.trouble: Callable[[str, str], int | None] = lambda method, path: None
        self.calls: list[tuple[str, str]] = []
        self.lock = threading.RLock()
        self.url = ""
        self._ids = 0
        self._sender = Sender()
        self._server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Gitea:
        from tests.forge.server import serve

        self._server = serve(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()
        self._sender.close()

    # Who and what there is

    def id(self) -> int:
        self._ids += 1
        return self._ids

    def user(self, login: str) -> User:
        if login not in self.users:
            self.users[login] = User(self.id(), login)
        return self.users[login]

    def token(self, login: str, *scopes: str) -> str:
        """A new token of the user, with all scopes when none is named."""
        token = f"{self.id():040x}"
        self.tokens[token] = Token(self.user(login), frozenset(scopes) or SCOPES)
        return token

    def repository(self, full_name: str, *, private: bool = False) -> Repository:
        """The repository, made empty when there is none."""
        if full_name not in self.repos:
            owner, _, name = full_name.partition("/")
            self.create(self.user(owner), name, private=private)
        return Repository(self, self.repos[full_name])

    def create(self, owner: User, name: str, *, private: bool = False, branch: str = "main") -> Repo:
        path = self.root / owner.login / f"{name}.git"
        path.parent.mkdir(parents=True, exist_ok=True)
        Upstream(path)
        repo = Repo(self.id(), owner, name, path, private=private, default_branch=branch)
        run_git(path, "symbolic-ref", "HEAD", f"refs/heads/{branch}")
        self.repos[repo.full_name] = repo
        return repo

    def fork(self, full_name: str, login: str) -> Repository:
        parent = self.repos[full_name]
        made = self.create(self.user(login), parent.name)
        made.parent = parent
        run_git(made.path, "fetch", "--quiet", str(parent.path), "+refs/heads/*:refs/heads/*")
        made.refs = refs_of(made.path)
        return Repository(self, made)

    # Webhooks

    @property
    def deliveries(self) -> list[Delivery]:
        return self._sender.done

    def settle(self) -> None:
        """Waits until every webhook was sent and answered."""
        self._sender.settle()

    def tell(self, repo: Repo, event: str, kind: str, payload: dict[str, object]) -> None:
        for hook in tuple(repo.hooks.values()):
            if wants(hook, kind):
                self._sender.put(hook, event, kind, payload)

    def sync(self, repo: Repo, pusher: User | None = None) -> None:
        """Looks at the refs, and tells hooks and pull requests what was pushed since the last look."""
        with self.lock:
            before, after = repo.refs, refs_of(repo.path)
            repo.refs = after
            for ref in sorted(before.keys() | after.keys()):
                old, new = before.get(ref, ZERO), after.get(ref, ZERO)
                if old != new:
                    self._pushed(repo, ref, old, new, pusher or repo.owner)

    def _pushed(self, repo: Repo, ref: str, old: str, new: str, pusher: User) -> None:
        who = user_json(pusher)
        common: dict[str, object] = {"repository": repo_json(repo, self.url, pusher), "sender": who}
        kind, short = ("tag", ref[10:]) if ref.startswith("refs/tags/") else ("branch", ref[11:])
        if new == ZERO:
            self.tell(repo, "delete", "delete", {"ref": short, "ref_type": kind, "pusher_type": "user", **common})
            return
        if old == ZERO:
            self.tell(repo, "create", "create", {"sha": new, "ref": short, "ref_type": kind, **common})
        self.tell(repo, "push", "push", self._push_json(repo, ref, old, new, who) | common)
        for base in self.repos.values():
            for pull in base.pulls.values():
                if pull.state == "open" and pull.head_repo is repo and ref == f"refs/heads/{pull.head_branch}":
                    self._synchronise(base, pull, new)

    def _push_json(self, repo: Repo, ref: str, old: str, new: str, who: dict[str, object]) -> dict[str, object]:
        range_ = [new] if old == ZERO else [new, f"^{old}"]
        shas = run_git(repo.path, "rev-list", "--max-count=5", *range_).split()
        commits = [commit_json(repo, sha, self.url) for sha in shas]
        return {
            "ref": ref,
            "before": old,
            "after": new,
            "compare_url": f"{self.url}/{repo.full_name}/compare/{old}...{new}",
            "commits": commits,
            "total_commits": len(commits),
            "head_commit": commits[0] if commits else None,
            "pusher": who,
        }

    def _synchronise(self, base: Repo, pull: Pull, head: str) -> None:
        pull.head = head
        self.bring(base, pull)
        self.tell_pull(base, pull, "synchronized", "pull_request_sync")

    def bring(self, base: Repo, pull: Pull) -> None:
        """Git keeps the head below refs/pull, as on a real one."""
        source = str(pull.head_repo.path)
        refspec = f"+refs/heads/{pull.head_branch}:refs/pull/{pull.number}/head"
        run_git(base.path, "fetch", "--quiet", source, refspec)

    def tell_pull(self, repo: Repo, pull: Pull, action: str, kind: str = "pull_request") -> None:
        payload: dict[str, object] = {
            "action": action,
            "number": pull.number,
            "pull_request": pull_json(repo, pull, self.url),
            "repository": repo_json(repo, self.url, pull.user),
            "sender": user_json(pull.user),
            "review": None,
        }
        self.tell(repo, "pull_request", kind, payload)

    # What people do

    def open_pull(self, repo: Repo, user: User, title: str, head: str, base: str, body: str = "") -> Pull:
        """`head` is a branch, or `login:branch` for a fork."""
        login, _, branch = head.rpartition(":")
        source = self.repos[f"{login}/{repo.name}"] if login and login != repo.owner.login else repo
        self.sync(source)
        sha = source.refs.get(f"refs/heads/{branch}")
        if sha is None or f"refs/heads/{base}" not in repo.refs:
            raise Stuck(404, "The target couldn't be found.")
        pull = Pull(max([0, *repo.pulls]) + 1, title, body, user, source, branch, base, sha)
        repo.pulls[pull.number] = pull
        self.bring(repo, pull)
        self.tell_pull(repo, pull, "opened")
        return pull

    def set_open(self, repo: Repo, pull: Pull, *, open_: bool) -> None:
        pull.state = "open" if open_ else "closed"
        self.tell_pull(repo, pull, "reopened" if open_ else "closed")

    def merge_pull(self, repo: Repo, pull: Pull, user: User, style: str = "merge", message: str = "") -> str:
        """Merges as a real one does: a merge commit or a squashed one on the branch. Raises Stuck when it may not."""
        branch = f"refs/heads/{pull.base}"
        if pull.state != "open":
            raise Stuck(405, "The pull request is closed")
        self._check_protection(repo, pull)
        old = repo.refs[branch]
        tree = merged_tree(repo.path, old, pull.head)
        if tree is None:
            raise Stuck(409, "merge failed because of conflicts")
        parents = ["-p", old, "-p", pull.head] if style == "merge" else ["-p", old]
        text = message or f"{pull.title} (#{pull.number})\n"
        sha = run_git(repo.path, "commit-tree", tree, *parents, feed=text.encode()).strip()
        run_git(repo.path, "update-ref", branch, sha, old)
        pull.state, pull.merged = "closed", sha
        self.tell_pull(repo, pull, "closed")
        self.sync(repo, user)
        return sha

    def _check_protection(self, repo: Repo, pull: Pull) -> None:
        rule = repo.protections.get(pull.base, {})
        wanted = rule.get("status_check_contexts") if rule.get("enable_status_check") else None
        latest = {status.context: status.state for status in repo.statuses if status.sha == pull.head}
        if isinstance(wanted, list) and any(latest.get(context) != "success" for context in wanted):
            raise Stuck(405, "Not all required status checks successful")

    def add_comment(self, repo: Repo, number: int, user: User, body: str) -> Comment:
        comment = Comment(self.id(), number, user, body)
        repo.comments[comment.id] = comment
        self._tell_comment(repo, comment, "created")
        return comment

    def edit_comment(self, repo: Repo, comment: Comment, body: str) -> None:
        if body != comment.body:
            comment.body, comment.edits = body, comment.edits + 1
            self._tell_comment(repo, comment, "edited")

    def _tell_comment(self, repo: Repo, comment: Comment, action: str) -> None:
        pull = repo.pulls.get(comment.number)
        if pull is None:
            return
        payload: dict[str, object] = {
            "action": action,
            "issue": issue_json(repo, pull, self.url),
            "comment": comment_json(repo, comment, self.url),
            "repository": repo_json(repo, self.url, comment.user),
            "sender": user_json(comment.user),
            "is_pull": True,
        }
        self.tell(repo, "issue_comment", "pull_request_comment", payload)


class Repository:
    """One repository, as people use it."""

    def __init__(self, gitea: Gitea, repo: Repo) -> None:
        self._gitea = gitea
        self.repo = repo
        self.upstream = object.__new__(Upstream)
        self.upstream.path = repo.path

    @property
    def url(self) -> str:
        """For clones."""
        return f"{self._gitea.url}/{self.repo.full_name}.git"

    def commit(self, files: Files, message: str = "change", *, branch: str = "main", base: str = "") -> str:
        """Commits exactly these files on the branch, which begins at `base` (a branch) when it is new, and tells the
        hooks."""
        start = self.tip(base) if base and not self.tip(branch) else ""
        parents = (start,) if start else None
        sha = self.upstream.commit(files, message, branch=branch, parents=parents)
        self._gitea.sync(self.repo)
        return sha

    def pushed(self) -> None:
        """Tells the hooks what was pushed straight into the repository's folder."""
        self._gitea.sync(self.repo)

    def tip(self, branch: str = "main") -> str:
        return refs_of(self.repo.path).get(f"refs/heads/{branch}", "")

    def pull(self, title: str, head: str, *, base: str = "main", by: str = "") -> int:
        with self._gitea.lock:
            user = self._gitea.user(by) if by else self.repo.owner
            return self._gitea.open_pull(self.repo, user, title, head, base).number

    def merge(self, number: int, style: str = "merge", message: str = "") -> str:
        with self._gitea.lock:
            return self._gitea.merge_pull(self.repo, self.repo.pulls[number], self.repo.owner, style, message)

    def close(self, number: int) -> None:
        self._gitea.set_open(self.repo, self.repo.pulls[number], open_=False)

    def reopen(self, number: int) -> None:
        self._gitea.set_open(self.repo, self.repo.pulls[number], open_=True)

    def say(self, number: int, body: str, *, by: str = "") -> Comment:
        with self._gitea.lock:
            user = self._gitea.user(by) if by else self.repo.owner
            return self._gitea.add_comment(self.repo, number, user, body)

    def comments(self, number: int) -> list[Comment]:
        return [comment for comment in self.repo.comments.values() if comment.number == number]

    def statuses(self, sha: str, context: str = "") -> list[Status]:
        """Oldest first."""
        return [s for s in self.repo.statuses if s.sha == sha and context in ("", s.context)]

    def hook(self, url: str, secret: str = "", *events: str) -> Hook:
        """A webhook as somebody would add it by hand; for pushes, pull requests and comments when no event is named."""
        config = {"url": url, "content_type": "json", "secret": secret}
        hook = Hook(self._gitea.id(), config, list(events or ("push", "pull_request", "issue_comment")))
        self.repo.hooks[hook.id] = hook
        return hook


def refs_of(path: Path) -> dict[str, str]:
    lines = run_git(path, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags").splitlines()
    return dict(line.split() for line in lines)


def merged_tree(path: Path, base: str, head: str) -> str | None:
    import subprocess

    try:
        return run_git(path, "merge-tree", "--write-tree", base, head).splitlines()[0]
    except subprocess.CalledProcessError:
        return None


@contextmanager
def gitea_with_fleet(root: Path, files: Files) -> Iterator[tuple[Gitea, Repository]]:
    """A stand-in with the repository sovereign/fleet, which holds these files on main."""
    with Gitea(root) as gitea:
        repository = gitea.repository("sovereign/fleet")
        repository.commit(files, "first")
        yield gitea, repository
