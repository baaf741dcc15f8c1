"""A browser without a browser: asks for pages, reads their forms, logs in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser

from starlette.responses import Response
from starlette.testclient import TestClient

from reconciler.engine.daemon import Daemon
from reconciler.web.app import create_app
from reconciler.web.counts import Counts
from reconciler.web.pages import Dashboard
from reconciler.web.session import Access
from tests.web.serving import TOKEN

ORIGIN = "http://127.0.0.1"


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.forms: dict[str, dict[str, str]] = {}
        self._form: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = self.forms.setdefault(found.get("action", ""), {})
        elif tag == "input" and "name" in found:
            self._form[found["name"]] = found.get("value", "")

    def handle_data(self, data: str) -> None:
        self.words.append(data)


class Visitor:
    """`headers` are sent with every form, as a browser on our own page would."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.headers = {"origin": ORIGIN, "sec-fetch-site": "same-origin"}

    def get(self, path: str) -> Response:
        return self.client.get(path)

    def text(self, path: str) -> str:
        """The words of a page that is there."""
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return words(answer.text)

    def form(self, path: str, action: str) -> dict[str, str]:
        """The fields of the page's form."""
        return dict(_read(self.client.get(path).text).forms[action])

    def post(self, path: str, data: dict[str, str], **headers: str) -> Response:
        return self.client.post(path, data=data, headers={**self.headers, **headers}, follow_redirects=False)

    def login(self, token: str = TOKEN) -> Response:
        return self.post("/login", {"token": token, "next": "/"})


def words(page: str) -> str:
    return " ".join(" ".join(_read(page).words).split())


def _read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    return reader


@contextmanager
def visiting(daemon: Daemon, access: Access = Access(TOKEN)) -> Iterator[Visitor]:  # noqa: B008 - a frozen value
    pages = Dashboard(daemon, access)
    hosts = frozenset({"127.0.0.1"})
    app = create_app(pages.routes, lambda: hosts, daemon.host.events.emit, Counts(), {"/": pages.face})
    with TestClient(app, base_url=ORIGIN) as client:
        yield Visitor(client)
