"""HTTP of the stand-in: the API below /api/v1, and Git's smart protocol everywhere else."""

from __future__ import annotations

import base64
import json
import threading
from http.server import ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.forge.api import Answer, Request, answer
from tests.forge.gitea import Gitea
from tests.forge.state import Repo, Token
from tests.git.http_backend import _Handler as GitHandler


class Handler(GitHandler):
    gitea: Gitea

    def do_PATCH(self) -> None:  # noqa: N802  # the server's own name for it
        self._serve()

    def do_PUT(self) -> None:  # noqa: N802  # the server's own name for it
        self._serve()

    def do_DELETE(self) -> None:  # noqa: N802  # the server's own name for it
        self._serve()

    def _serve(self) -> None:
        body = self._body()
        parts = urlsplit(self.path)
        if parts.path.startswith("/api/v1/"):
            self._api(unquote(parts.path[7:]), dict(parse_qsl(parts.query)), body)
        else:
            self._git(parts.path, body)

    def _api(self, path: str, query: dict[str, str], body: bytes) -> None:
        self.gitea.calls.append((self.command, path))
        trouble = self.gitea.trouble(self.command, path)
        if trouble == 0:
            self.close_connection = True
            return
        if trouble is not None:
            self._json(Answer(trouble, {"message": "trouble", "url": ""}))
            return
        try:
            document = json.loads(body) if body else {}
        except ValueError:
            self._json(Answer(422, {"message": "the body is no JSON"}))
            return
        token = self._token()
        if self.headers.get("Authorization") and token is None:
            self._json(Answer(401, {"message": "user does not exist [uid: 0, name: ]"}))
            return
        with self.gitea.lock:
            found = answer(self.gitea, Request(self.command, path, query, document, token))
        self._json(found)

    def _json(self, found: Answer) -> None:
        content = b"" if found.body is None else json.dumps(found.body).encode()
        kind = [("Content-Type", "application/json;charset=utf-8")] if content else []
        self._answer(found.status, [*kind, *found.headers.items()], content)

    def _git(self, path: str, body: bytes) -> None:
        names = path.strip("/").split("/")
        full_name = "/".join(names[:2]).removesuffix(".git")
        repo, token = self.gitea.repos.get(full_name), self._token()
        if repo is None:
            self._answer(404, [], b"Not found\n")
        elif not self._may(repo, token):
            self._answer(401, [("WWW-Authenticate", 'Basic realm="Gitea"')], b"Unauthorized\n")
        else:
            self._backend(body)
            if path.endswith("/git-receive-pack"):
                self.gitea.sync(repo, token.user if token else None)

    def _may(self, repo: Repo, token: Token | None) -> bool:
        writes = "git-receive-pack" in self.path
        if token is None:
            return not writes and not repo.private
        return repo.may_write(token.user) or not (writes or repo.private)

    def _token(self) -> Token | None:
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "basic":
            user, _, password = base64.b64decode(value).decode().partition(":")
            return self.gitea.tokens.get(password) or self.gitea.tokens.get(user)
        return self.gitea.tokens.get(value) if kind.lower() in {"token", "bearer"} else None


def serve(gitea: Gitea) -> ThreadingHTTPServer:
    """A server that runs in a thread of its own."""
    handler = type("Handler", (Handler,), {"gitea": gitea, "root": gitea.root, "redirect": None, "old": False})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server
