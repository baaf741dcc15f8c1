"""Login with the token, and logout.

Not done here: sessions (session.py).
"""

from __future__ import annotations

import math
import re

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reconciler.web.pages_form import Form
from reconciler.web.pages_shell import HEADERS, Shell
from reconciler.web.session import from_here

_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]*")
"""A path of our own: what a browser could read as another host's address is none."""


class Login:
    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def show(self, request: Request) -> Response:
        return self._page(request, local(request.query_params.get("next", "/")), "")

    def enter(self, request: Request, form: Form) -> Response:
        sessions, target = self._shell.sessions, local(form.get("next", "/"))
        if not from_here(request, sessions.access):
            return self._shell.message(request, 403, "Not accepted", ("The request did not come from this page.",))
        address = request.client.host if request.client else ""
        wait = sessions.wait(address)
        if wait > 0:
            words = f"Too many wrong tokens from your address. Try again in {math.ceil(wait)} s."
            answer = self._page(request, target, words, 429)
            answer.headers["Retry-After"] = str(math.ceil(wait))
            return answer
        name = sessions.login(form.get("token", "").strip())
        if name is None:
            sessions.wrong(address)
            return self._page(request, target, "This is not the token.", 403)
        sessions.right(address)
        answer = RedirectResponse(target, 303, HEADERS)
        sessions.set_cookie(answer, name)
        return answer

    def leave(self, request: Request, form: Form) -> Response:
        sessions = self._shell.sessions
        refused = self._shell.forged(request, sessions.of(request), form.get("proof", ""))
        if refused is not None:
            return refused
        sessions.logout(request)
        answer = RedirectResponse("/", 303, HEADERS)
        sessions.drop_cookie(answer)
        return answer

    def _page(self, request: Request, target: str, wrong: str, status: int = 200) -> Response:
        if not self._shell.sessions.access.token:
            return self._shell.unavailable(request)
        return self._shell.page(request, "login.html", {"target": target, "wrong": wrong}, status)


def local(target: str) -> str:
    """The target when it is a path of ours, else the first page."""
    return target if _LOCAL.fullmatch(target) else "/"
