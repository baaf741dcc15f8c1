"""What all pages share: templates, headers of answers, and the line that says what goes on.

Every text passes `render.safe.plain` and is escaped; nothing inline is allowed to run. Not done here: what a page
shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from typing import TYPE_CHECKING
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from reconciler.engine.board import View
from reconciler.engine.daemon import Daemon
from reconciler.errors import ReconcilerError
from reconciler.render.names import commit_name, counted, short_commit
from reconciler.render.safe import plain
from reconciler.web.pages_time import ago, clock_text, day_text, local_iso, minute_text, took
from reconciler.web.session import Session, Sessions, from_here

if TYPE_CHECKING:
    from jinja2 import Template

POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; "
    "img-src 'self' data:"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
}
STATIC = {"style.css": "text/css", "live.js": "text/javascript", "icon.svg": "image/svg+xml"}
_CODE = Markup("<code>{}</code>")
Page = Callable[[Request], Response]


@dataclass(frozen=True, slots=True)
class State:
    """The line of the pass: a closed set of states, and the words."""

    kind: str
    words: str


class Shell:
    """Makes pages. One for the life of the web application."""

    def __init__(self, daemon: Daemon, sessions: Sessions) -> None:
        self.daemon = daemon
        self.sessions = sessions
        self._files = {name: _static(name) for name in STATIC}
        self._templates = _environment({name: digest for name, (_, digest) in self._files.items()})

    # Answers

    def page(self, request: Request, name: str, values: Mapping[str, object], status: int = 200) -> HTMLResponse:
        view = self.daemon.board.view
        session, reads = self.sessions.of(request), self.sessions.may_read(request)
        common = {
            "host": self.daemon.host.name,
            "path": request.url.path,
            "here": here(request),
            "reads": reads,
            "version": view.version if reads else 0,
            "state": state(view) if reads else State("off", ""),
            "session": session,
            "actions": bool(self.sessions.access.token),
            "now": self.daemon.host.clock.now(),
        }
        template: Template = self._templates.get_template(name)
        return HTMLResponse(template.render({**common, **values}), status, HEADERS)

    def message(self, request: Request, status: int, title: str, lines: tuple[str, ...]) -> HTMLResponse:
        """A page that only says something."""
        return self.page(request, "message.html", {"title": title, "lines": lines}, status)

    def trouble(self, request: Request, error: ReconcilerError, title: str, status: int = 422) -> HTMLResponse:
        problems = tuple(str(problem) for problem in getattr(error, "problems", ()))
        return self.message(request, status, title, (str(error), *problems))

    def static(self, request: Request) -> Response:
        name = str(request.path_params["name"])
        if name not in self._files:
            raise HTTPException(404)
        text, digest = self._files[name]
        headers = {
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "public, max-age=31536000",
            "ETag": f'"{digest}"',
        }
        return Response(text, headers=headers, media_type=STATIC[name])

    def static_icon(self, _: Request) -> Response:
        """For browsers that ask where no page told them."""
        return RedirectResponse("/static/icon.svg", 308)

    # Guards

    def reading(self, page: Page) -> Page:
        """The page for who may look; others are sent to the login."""

        def guarded(request: Request) -> Response:
            return page(request) if self.sessions.may_read(request) else self.to_login(request)

        return guarded

    def acting(self, page: Page) -> Page:
        """The page for who may act."""

        def guarded(request: Request) -> Response:
            if not self.sessions.access.token:
                return self.unavailable(request)
            return page(request) if self.sessions.of(request) is not None else self.to_login(request)

        return guarded

    def to_login(self, request: Request) -> Response:
        target = here(request) if request.method == "GET" else "/"
        return RedirectResponse(f"/login?next={quote(target, safe='')}", 303, HEADERS)

    def unavailable(self, request: Request) -> Response:
        words = (
            "Nothing can be changed over the web, because the settings name no token.",
            'Write one into a file that only the reconciler can read, name it as token = {file = "/path"} below [web], '
            "and restart the reconciler. The command line can do all of it meanwhile.",
        )
        return self.message(request, 403, "Actions are not available", words)

    def forged(self, request: Request, session: Session | None, proof: str) -> Response | None:
        """A refusal, unless the form is one of ours."""
        from reconciler.web.session import same

        if from_here(request, self.sessions.access) and session is not None and same(proof, session.proof):
            return None
        words = ("The request did not come from this page, or the page is too old.", "Open the page again.")
        return self.message(request, 403, "Not accepted", words)


def here(request: Request) -> str:
    """Path and query: where the page is."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def state(view: View) -> State:
    """What goes on, in a line."""
    running, ended = view.running, view.ended
    if running is not None:
        done = sum(step.result is not None for step in running.steps)
        on = f" on {commit_name(running.commit)}" if running.commit else ""
        steps = f": {done} of {counted(len(running.steps), 'step')} done" if running.steps else ""
        return State("running", plain(f"Pass running{on}{steps}"))
    if ended is None:
        return State("starting", "No pass has run yet")
    kind = ended.result if ended.result in ("done", "incomplete", "abandoned", "interrupted") else "failed"
    return State(
        kind, plain(f"Last pass {ended.result} on {commit_name(ended.commit) if ended.commit else 'no commit'}")
    )


def _environment(digests: Mapping[str, str]) -> Environment:
    environment = Environment(
        loader=PackageLoader("reconciler.web"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "minute": minute_text,
        "clock": clock_text,
        "day": day_text,
        "iso": local_iso,
        "ago": ago,
        "took": took,
        "short": short_commit,
        "counted": counted,
        "code": _code,
    }
    environment.globals["static"] = lambda name: f"/static/{name}?{digests[name][:12]}"
    return environment


def _finalize(value: object) -> object:
    """Whatever is put into a page is one printable line."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return plain(value)


def _code(text: str) -> Markup:
    """What stands between backticks as code."""
    parts = plain(text).split("`")
    if len(parts) % 2 == 0:
        return escape(plain(text))
    spans = (_CODE.format(part) if index % 2 else escape(part) for index, part in enumerate(parts))
    return Markup("").join(spans)


def _static(name: str) -> tuple[bytes, str]:
    text = (resources.files("reconciler.web") / "static" / name).read_bytes()
    return text, sha256(text).hexdigest()
