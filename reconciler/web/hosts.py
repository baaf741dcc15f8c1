"""Which host names requests may carry: a page of somebody else's must not reach us under a name of his own.

That is what a browser can be made to do with DNS (rebinding). An IP address that the connection really arrived at is no
such name. Not done here: who may do what.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from reconciler.settings.model import WebSettings
from reconciler.web.shown import shown

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
HOST = re.compile(r"(?P<name>\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,255})(:\d{1,5})?", re.ASCII)


def allowed_hosts(web: WebSettings) -> frozenset[str]:
    """Loopback's names, the bind address, the host of web.url, and web.hosts."""
    names = [*LOOPBACK, web.bind, *web.hosts, urlsplit(web.url).netloc if web.url else ""]
    return frozenset(map(host_name, names)) - {"", "0.0.0.0", "::"}  # noqa: S104 - names that are none


def host_name(text: str) -> str:
    """The name in a Host header, without the port, in one form; "" when it is none."""
    found = HOST.fullmatch(text.strip().lower())
    if found is None:
        return ""
    try:
        return str(ip_address(found["name"].removeprefix("[").removesuffix("]")))
    except ValueError:
        return "" if found["name"].startswith("[") else found["name"].removesuffix(".")


class KnownHosts:
    """Refuses other names: 400 for none, 421 for a wrong one. `allowed` is asked at each request."""

    def __init__(
        self, app: ASGIApp, allowed: Callable[[], frozenset[str]], refuse: Callable[[Request, int, str], Response]
    ) -> None:
        self._app = app
        self._allowed = allowed
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        given = Headers(scope=scope).getlist("host")
        name = host_name(given[0]) if len(given) == 1 else ""
        if not name:
            return self._refuse(Request(scope), 400, "the request names no host")
        if name in self._allowed() or name == _arrived_at(scope):
            return None
        words = f"nothing is served here as {shown(name)}; add it to web.hosts if it should be"
        return self._refuse(Request(scope), 421, words)


def _arrived_at(scope: Scope) -> str:
    """The address of ours that the connection came to."""
    server = scope.get("server")
    return host_name(f"[{server[0]}]" if ":" in server[0] else str(server[0])) if server else ""
