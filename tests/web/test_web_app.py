"""What holds for all routes: headers, errors in words, known hosts."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from reconciler.errors import Refused, Retryable, Terminal
from reconciler.protocols.events import Event, Level
from reconciler.settings.model import SecretSource, WebSettings
from reconciler.web.app import CAREFUL, Problem, create_app
from reconciler.web.counts import Counts
from reconciler.web.hosts import allowed_hosts, host_name
from tests.web.knock import knock

HOST = ("Host", "localhost")


def failing(error: Exception) -> Route:
    async def endpoint(request: Request) -> Response:
        raise error

    return Route(f"/{type(error).__name__}", endpoint)


def page(request: Request) -> Response:
    return PlainTextResponse("here", headers={"cache-control": "max-age=60"})


def api(request: Request, problem: Problem) -> Response:
    return JSONResponse({"what": problem.what, "mend": problem.mend}, problem.status)


def site(said: list[Event], counts: Counts | None = None) -> ASGIApp:
    where = {"where": "fleet/x.yaml", "mend": "mend it"}
    errors = [Terminal("wrong", **where), Refused("no", **where), Retryable("away"), ValueError("token=hunter2 " * 50)]
    routes = [Route("/page", page), *(failing(error) for error in errors)]
    return create_app(routes, lambda: frozenset({"localhost"}), said.append, counts or Counts(), {"/api/": api})


def test_every_answer_is_careful_and_may_say_more_itself() -> None:
    app = site([])
    for path in ("/page", "/nowhere", "/Terminal", "/ValueError"):
        reply = knock(app, headers=[HOST], method="GET", path=path)
        expected = CAREFUL | ({"cache-control": "max-age=60"} if path == "/page" else {})
        assert {name: reply.headers[name] for name in CAREFUL} == expected
    assert "frame-ancestors 'none'" in CAREFUL["content-security-policy"]
    assert "default-src 'self'" in CAREFUL["content-security-policy"]


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/Terminal", 422, "wrong\nwhere: fleet/x.yaml\nmend: mend it\n"),
        ("/Refused", 409, "no\nwhere: fleet/x.yaml\nmend: mend it\n"),
        ("/Retryable", 503, "away\n"),
        ("/nowhere", 404, "there is nothing here\n"),
        ("/page/", 404, "there is nothing here\n"),
    ],
)
def test_errors_in_words(path: str, status: int, text: str) -> None:
    said: list[Event] = []
    reply = knock(site(said), headers=[HOST], method="GET", path=path)
    assert (reply.status, reply.text) == (status, text)
    assert said == []


def test_a_part_of_the_site_may_show_problems_its_own_way() -> None:
    reply = knock(site([]), headers=[HOST], method="GET", path="/api/v1/x")
    assert (reply.status, reply.text) == (404, '{"what":"there is nothing here","mend":""}')


def test_wrong_methods_say_which_are_right() -> None:
    reply = knock(site([]), headers=[HOST], method="POST", path="/page")
    assert reply.status == 405
    assert set(reply.headers["allow"].split(", ")) == {"GET", "HEAD"}


def test_a_bug_is_told_once_in_the_log_and_in_words_to_the_reader() -> None:
    said: list[Event] = []
    counts = Counts()
    reply = knock(site(said, counts), headers=[HOST], method="GET", path="/ValueError")
    assert reply.status == 500
    assert "report it" in reply.text
    assert "hunter2" not in reply.text
    assert [event.level for event in said] == [Level.ERROR]
    assert "test_web_app.py" in said[0].text
    assert "\n" not in said[0].text
    assert counts.taken() == {("none", "bug"): 1}


@pytest.mark.parametrize(
    ("names", "status"),
    [
        (["localhost"], 200),
        (["LocalHost:9090"], 200),
        (["127.0.0.1:9090"], 200),  # the address that the connection came to
        (["127.0.0.2"], 421),
        (["evil.example"], 421),
        (["localhost@evil.example"], 400),
        (["localhost", "evil.example"], 400),
        ([""], 400),
        ([], 400),
        (["[zz]"], 400),
        (["x" * 300], 400),
    ],
)
def test_known_hosts(names: list[str], status: int) -> None:
    said: list[Event] = []
    counts = Counts()
    reply = knock(site(said, counts), headers=[("Host", name) for name in names], method="GET", path="/page")
    assert reply.status == status
    assert len(said) == (status != 200)
    assert counts.taken() == ({} if status == 200 else {("none", "wrong_host"): 1})


def test_hosts_of_the_settings() -> None:
    assert allowed_hosts(WebSettings()) == {"localhost", "127.0.0.1", "::1"}
    token = SecretSource(env="TOKEN")
    more = WebSettings(bind="[2001:DB8::1]:80", url="https://Fleet.Example:8443/x", hosts=("vps.lan",), token=token)
    assert allowed_hosts(more) == {"localhost", "127.0.0.1", "::1", "2001:db8::1", "fleet.example", "vps.lan"}
    assert "0.0.0.0" not in allowed_hosts(WebSettings(bind="0.0.0.0:9090", token=token))


@pytest.mark.parametrize(
    ("text", "name"),
    [("A.b:1", "a.b"), ("a.b.", "a.b"), ("[0:0::1]:5", "::1"), ("a:b", ""), ("a:123456", ""), ("ä", ""), ("", "")],
)
def test_host_names(text: str, name: str) -> None:
    assert host_name(text) == name
