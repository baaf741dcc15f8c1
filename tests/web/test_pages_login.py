from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request

from reconciler.engine.daemon import Daemon
from reconciler.web.pages_login import local
from reconciler.web.session import FREE_TRIES, LIFE_SECONDS, SESSIONS, Access, Sessions, from_here, same
from tests.web.house import House
from tests.web.serving import TOKEN
from tests.web.visitor import Visitor, visiting


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    house = House(tmp_path)
    house.push()
    with house.open() as daemon:
        yield daemon


@pytest.fixture
def visitor(daemon: Daemon) -> Iterator[Visitor]:
    with visiting(daemon) as visitor:
        yield visitor


def request(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": raw})


def test_the_cookie_is_for_us_alone(visitor: Visitor) -> None:
    cookie = visitor.login().headers["set-cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert f"Max-Age={int(LIFE_SECONDS)}" in cookie
    assert "Secure" not in cookie, "there is no https here"
    assert TOKEN not in cookie


def test_behind_https_the_cookie_is_secure(daemon: Daemon) -> None:
    with visiting(daemon, Access(TOKEN, url="https://fleet.example")) as visitor:
        assert "Secure" in visitor.login().headers["set-cookie"]


def test_logging_out_ends_the_session_and_not_only_the_cookie(visitor: Visitor) -> None:
    visitor.login()
    kept = dict(visitor.client.cookies)
    form = visitor.form("/", "/logout")

    assert visitor.post("/logout", form).status_code == 303
    visitor.client.cookies.update(kept)
    assert "Log in" in visitor.text("/")


def test_a_wrong_token_is_told_and_guessing_becomes_slow(visitor: Visitor) -> None:
    for _ in range(FREE_TRIES):
        answer = visitor.login("wrong")
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
    answer = visitor.login()
    assert answer.status_code == 429, "even the right one has to wait now"
    assert int(answer.headers["retry-after"]) >= 1
    assert "wrong" not in answer.text.replace("Too many wrong tokens", "").replace('id="wrong"', "").replace(
        'aria-describedby="wrong"', ""
    )


def test_waits_double_and_belong_to_one_network() -> None:
    now = [0.0]
    sessions = Sessions(Access(TOKEN), lambda: now[0])
    for _ in range(FREE_TRIES - 1):
        sessions.wrong("2001:db8::1")
    assert sessions.wait("2001:db8::1") == 0
    waits = []
    for _ in range(12):
        sessions.wrong("2001:db8::2")
        waits.append(sessions.wait("2001:db8::ffff"))
    assert waits[:4] == [1, 2, 4, 8]
    assert waits[-1] == 300
    assert sessions.wait("2001:db8:0:1::1") == 0
    now[0] = 301.0
    assert sessions.wait("2001:db8::1") == 0
    sessions.right("2001:db8::9")
    sessions.wrong("2001:db8::1")
    assert sessions.wait("2001:db8::1") == 0


def test_what_is_remembered_is_bounded() -> None:
    sessions = Sessions(Access(TOKEN), lambda: 0.0)
    first = sessions.login(TOKEN)
    names = [sessions.login(TOKEN) for _ in range(SESSIONS)]
    assert sessions.of(request(cookie=f"reconciler_session={first}")) is None
    assert sessions.of(request(cookie=f"reconciler_session={names[-1]}")) is not None
    for number in range(5000):
        sessions.wrong(f"10.0.{number // 256}.{number % 256}")
    assert len(sessions._tries) == 1000


def test_a_session_ends_by_itself() -> None:
    now = [0.0]
    sessions = Sessions(Access(TOKEN), lambda: now[0])
    asked = request(cookie=f"reconciler_session={sessions.login(TOKEN)}")
    assert sessions.of(asked) is not None
    now[0] = LIFE_SECONDS
    assert sessions.of(asked) is None


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "", "evil", "/a\r\nb", "/a b"],
)
def test_after_the_login_nobody_is_sent_elsewhere(visitor: Visitor, target: str) -> None:
    assert local(target) == "/"
    answer = visitor.post("/login", {"token": TOKEN, "next": target})
    assert answer.headers["location"] == "/"


def test_after_the_login_one_is_where_one_wanted_to_go(visitor: Visitor) -> None:
    answer = visitor.post("/login", {"token": TOKEN, "next": "/actions/pause?wizard=ada"})
    assert answer.headers["location"] == "/actions/pause?wizard=ada"


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({"sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "none"}, True),
        ({"sec_fetch_site": "same-site", "host": "a", "origin": "http://a"}, False),
        ({"host": "127.0.0.1:9090", "origin": "http://127.0.0.1:9090"}, True),
        ({"host": "127.0.0.1:9090", "origin": "http://127.0.0.1:9091"}, False),
        ({"host": "127.0.0.1:9090", "origin": "https://fleet.example"}, True),
        ({"host": "127.0.0.1:9090", "origin": "null"}, False),
        ({"origin": "null"}, False),
        ({}, True),
    ],
)
def test_where_a_form_comes_from(headers: dict[str, str], ours: bool) -> None:
    assert from_here(request(**headers), Access(TOKEN, url="https://fleet.example")) is ours


def test_a_login_from_elsewhere_is_refused(visitor: Visitor) -> None:
    answer = visitor.post("/login", {"token": TOKEN}, **{"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_tokens_are_compared_whole() -> None:
    assert same("a" * 40, "a" * 40)
    assert not same("a" * 39, "a" * 40)
    assert not same("", "a")
    assert not same("\udcff", "a")
