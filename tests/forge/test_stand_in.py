"""The stand-in does what the tests that use it rely on."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from tests.forge.gitea import Gitea, Repository, gitea_with_fleet
from tests.git.upstream import _ENVIRONMENT

SECRET = "a secret of hooks"


class Listener(ThreadingHTTPServer):
    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                heard.append((dict(self.headers), body))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def listener() -> Iterator[Listener]:
    server = Listener()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[tuple[Gitea, Repository]]:
    with gitea_with_fleet(tmp_path, {"fleet/a.yaml": "a"}) as found:
        yield found


def test_webhooks_of_a_pull_request_from_push_to_merge(forge: tuple[Gitea, Repository], listener: Listener) -> None:
    gitea, repository = forge
    repository.hook(f"http://127.0.0.1:{listener.server_port}/webhook", SECRET, "push", "pull_request", "create")
    repository.commit({"fleet/a.yaml": "a", "fleet/b.yaml": "b"}, branch="more", base="main")
    number = repository.pull("More", "more")
    repository.commit({"fleet/a.yaml": "a", "fleet/b.yaml": "c"}, branch="more")
    repository.say(number, "/plan")
    merged = repository.merge(number)
    gitea.settle()
    kinds = [headers["X-Gitea-Event-Type"] for headers, _ in listener.heard]
    assert kinds == [
        "create",
        "push",
        "pull_request",
        "push",
        "pull_request_sync",
        "pull_request_comment",
        "pull_request",
        "push",
    ]
    for headers, body in listener.heard:
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert headers["X-Gitea-Signature"] == digest
        assert headers["X-Hub-Signature-256"] == f"sha256={digest}"
    closed, push = (json.loads(body) for _, body in listener.heard[-2:])
    assert closed["pull_request"]["merge_commit_sha"] == push["after"] == merged == repository.tip()
    assert len({headers["X-Gitea-Delivery"] for headers, _ in listener.heard}) == len(kinds)


def test_git_over_http_takes_a_token_and_tells_hooks(
    forge: tuple[Gitea, Repository], listener: Listener, tmp_path: Path
) -> None:
    gitea, repository = forge
    repository.hook(f"http://127.0.0.1:{listener.server_port}/webhook", SECRET, "push")
    token = gitea.token("sovereign")
    url = repository.url.replace("http://", f"http://x:{token}@")

    def git(*args: str) -> int:
        environment = {"PATH": "/usr/bin:/bin", "GIT_TERMINAL_PROMPT": "0", **_ENVIRONMENT}
        return subprocess.run(["git", *args], env=environment, capture_output=True, check=False).returncode

    clone = str(tmp_path / "clone")
    assert git("clone", repository.url, clone) == 0
    assert git("-C", clone, "commit", "--allow-empty", "-m", "by hand") == 0
    assert git("-C", clone, "push", "origin", "main") != 0
    assert git("-C", clone, "push", url, "main") == 0
    with gitea.lock:
        gitea.sync(repository.repo)
    gitea.settle()
    assert [json.loads(body)["ref"] for _, body in listener.heard] == ["refs/heads/main"]


def test_hooks_and_protections_through_the_api(forge: tuple[Gitea, Repository]) -> None:
    gitea, repository = forge
    api = f"{gitea.url}/api/v1/repos/sovereign/fleet"
    headers = {"Authorization": f"token {gitea.token('sovereign')}"}
    with httpx.Client(headers=headers) as client:
        config = {"url": "http://x/", "content_type": "json", "secret": "s"}
        made = client.post(f"{api}/hooks", json={"type": "gitea", "config": config, "events": ["push"], "active": True})
        assert made.status_code == 201
        assert "secret" not in made.json()["config"]
        edited = client.patch(f"{api}/hooks/{made.json()['id']}", json={"events": ["push", "pull_request"]})
        assert edited.json()["events"] == ["push", "pull_request"]
        rule = {"rule_name": "main", "enable_status_check": True, "status_check_contexts": ["reconciler/plan"]}
        assert client.post(f"{api}/branch_protections", json=rule).status_code == 201
        repository.commit({"fleet/b.yaml": "b"}, branch="more", base="main")
        number = repository.pull("More", "more")
        head = client.get(f"{api}/pulls/{number}").json()["head"]["sha"]
        assert client.post(f"{api}/pulls/{number}/merge", json={"Do": "merge"}).status_code == 405
        status = {"state": "success", "context": "reconciler/plan"}
        assert client.post(f"{api}/statuses/{head}", json=status).status_code == 201
        assert client.post(f"{api}/pulls/{number}/merge", json={"Do": "merge"}).status_code == 200
        assert client.get(f"{api}/pulls/{number}").json()["merged"]


def test_tokens_have_scopes_and_strangers_see_nothing_private(tmp_path: Path) -> None:
    with Gitea(tmp_path) as gitea:
        gitea.repository("sovereign/fleet", private=True)
        api = f"{gitea.url}/api/v1"
        assert httpx.get(f"{api}/user").status_code == 401
        narrow = {"Authorization": f"token {gitea.token('sovereign', 'read:repository')}"}
        refused = httpx.get(f"{api}/user", headers=narrow)
        assert (refused.status_code, "[read:user]" in refused.json()["message"]) == (403, True)
        stranger = {"Authorization": f"token {gitea.token('stranger')}"}
        assert httpx.get(f"{api}/repos/sovereign/fleet", headers=stranger).status_code == 404
        assert httpx.get(f"{api}/repos/sovereign/fleet", headers=narrow).status_code == 200
