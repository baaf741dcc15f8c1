"""The client for Gitea's API against a server that answers as told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from reconciler.adapters.gitea_client import MAX_REPLY, Conflict, GiteaClient, NotFound, number_at, path_of, text_at
from reconciler.errors import Retryable, Terminal

TOKEN = "0123456789abcdef"


@dataclass
class Server:
    """Answers each request with what `reply` says: status, headers, body."""

    url: str = ""
    reply: Callable[[str], tuple[int, dict[str, str], bytes]] = lambda path: (200, {}, b"{}")
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            made.seen.append((self.command, self.path, dict(self.headers), body))
            status, headers, content = made.reply(self.path)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    made.url = f"http://127.0.0.1:{http.server_port}"
    yield made
    http.shutdown()
    thread.join()
    http.server_close()


def client(server: Server) -> GiteaClient:
    return GiteaClient(f"{server.url}/", lambda: TOKEN)


def test_a_request_and_its_answer(server: Server) -> None:
    server.reply = lambda path: (201, {}, b'{"id": 7, "user": {"login": "ann"}}')
    found = client(server).request("POST", "/repos/o/r/hooks", {"a": "ä"}, {"q": "x y"})
    assert (number_at(found, "id"), text_at(found, "user", "login"), text_at(found, "user", "none")) == (7, "ann", "")
    ((method, path, headers, body),) = server.seen
    assert (method, path) == ("POST", "/api/v1/repos/o/r/hooks?q=x+y")
    assert headers["Authorization"] == f"token {TOKEN}"
    assert json.loads(body) == {"a": "ä"}


def test_no_content_is_none(server: Server) -> None:
    server.reply = lambda path: (204, {}, b"")
    assert client(server).request("DELETE", "/x") is None


def test_the_token_is_asked_for_each_time(server: Server) -> None:
    tokens = iter(["one", "two\n"])
    asking = GiteaClient(server.url, lambda: next(tokens))
    asking.request("GET", "/x")
    asking.request("GET", "/x")
    assert [headers["Authorization"] for _, _, headers, _ in server.seen] == ["token one", "token two"]


ANSWERS = {
    400: (Terminal, "Gitea answers 400: no \\w+"),
    401: (Terminal, "does not take the token.*make an access token"),
    403: (Terminal, "may not do that: no \\w+.*read and write for repository and issue"),
    404: (NotFound, "knows nothing there, or hides it"),
    405: (Terminal, "Gitea answers 405"),
    408: (Retryable, "is busy"),
    409: (Conflict, "has something else there: no"),
    422: (Terminal, "does not accept that: no"),
    423: (Terminal, "answers 423"),
    429: (Retryable, "is busy .429"),
    500: (Retryable, "has a fault .500"),
    502: (Retryable, "has a fault"),
    503: (Retryable, "has a fault"),
}


@pytest.mark.parametrize("status", ANSWERS)
def test_a_refusal_is_told_with_the_servers_words(server: Server, status: int) -> None:
    kind, words = ANSWERS[status]
    message = f'{{"message": "no\\n entry \\u001b[2J {TOKEN}", "url": "x"}}'.encode()
    server.reply = lambda path: (status, {}, message)
    with pytest.raises(kind, match=words) as caught:
        client(server).request("GET", "/user")
    assert f"GET {server.url}/api/v1/user" in str(caught.value)
    assert TOKEN not in str(caught.value)
    assert "\n" not in caught.value.what


def test_a_refusal_in_html_is_told_without_it(server: Server) -> None:
    server.reply = lambda path: (502, {}, b"<html>" + b"x" * 5000)
    with pytest.raises(Retryable) as caught:
        client(server).request("GET", "/user")
    assert "html" not in str(caught.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(server: Server, status: int) -> None:
    server.reply = lambda path: (status, {"Location": f"{server.url}/elsewhere?secret=1"}, b"")
    with pytest.raises(Terminal, match=r"redirects to http://127\.0\.0\.1/elsewhere ") as caught:
        client(server).request("GET", "/user")
    assert len(server.seen) == 1
    assert "secret=1" not in str(caught.value)


def test_proxies_of_the_environment_are_not_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert client(server).request("GET", "/user") == {}


def test_nobody_there() -> None:
    with pytest.raises(Retryable, match="can't be reached"):
        GiteaClient("http://127.0.0.1:9", lambda: TOKEN).request("GET", "/user")


def test_hanging_up(server: Server) -> None:
    server.reply = lambda path: (200, {"Content-Length": "100"}, b"{")
    with pytest.raises(Retryable, match="can't be reached"):
        client(server).request("GET", "/user")


@pytest.mark.parametrize("content", [b"<html>", b"[" * 100_000, b"\xff"])
def test_an_answer_that_is_no_json(server: Server, content: bytes) -> None:
    server.reply = lambda path: (200, {}, content)
    with pytest.raises(Terminal, match="this is not the API of Gitea"):
        client(server).request("GET", "/user")


def test_an_answer_that_is_too_large(server: Server) -> None:
    server.reply = lambda path: (200, {}, b" " * (MAX_REPLY + 1))
    with pytest.raises(Terminal, match="over 8 MB"):
        client(server).request("GET", "/user")


def test_an_answer_without_an_end(server: Server) -> None:
    server.reply = lambda path: (200, {}, b"x" * 200_000)
    with pytest.raises(Retryable, match="in time"):
        GiteaClient(server.url, lambda: TOKEN, seconds=0.0).request("GET", "/user")


@pytest.mark.parametrize("token", ["", " ", "a\nb", "a b", "ä", "\x00"])
def test_what_is_no_token_is_never_sent(server: Server, token: str) -> None:
    with pytest.raises(Terminal, match="no token of Gitea"):
        GiteaClient(server.url, lambda: token).request("GET", "/user")
    assert server.seen == []


def test_certificates_that_are_none(tmp_path: Any) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    for name in ("ca.pem", "none.pem"):
        with pytest.raises(Terminal, match="certificates can't be read"):
            GiteaClient("https://127.0.0.1:9", lambda: TOKEN, tmp_path / name).request("GET", "/user")


def paged(size: int, total: int, *, told: bool) -> Callable[[str], tuple[int, dict[str, str], bytes]]:
    def reply(path: str) -> tuple[int, dict[str, str], bytes]:
        page = int(path.split("page=")[1].partition("&")[0])
        items = list(range(total))[(page - 1) * size : page * size]
        return 200, {"X-Total-Count": str(total)} if told else {}, json.dumps(items).encode()

    return reply


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize(("size", "total"), [(50, 0), (50, 7), (50, 50), (30, 61), (1, 3)])
def test_all_pages(server: Server, size: int, total: int, told: bool) -> None:
    server.reply = paged(size, total, told=told)
    assert list(client(server).pages("/x", {"state": "open"})) == list(range(total))
    assert all("state=open" in path for _, path, _, _ in server.seen)


def test_a_list_that_has_no_pages(server: Server) -> None:
    server.reply = lambda path: (200, {}, b"[1, 2]")
    assert list(client(server).pages("/x")) == [1, 2]


@pytest.mark.parametrize("content", [b"null", b"{}", b"[]", b""])
def test_a_list_that_is_none(server: Server, content: bytes) -> None:
    server.reply = lambda path: (200, {}, content)
    assert list(client(server).pages("/x")) == []


def test_paths_are_quoted() -> None:
    assert path_of("repos", "o", "r", "branches", "a/b?c d") == "/repos/o/r/branches/a%2Fb%3Fc%20d"
