"""Requests to the API of Gitea or Forgejo: bounded in time and size, each failure told with what to do about it.

The token is asked for at each request, sent to this server alone and never repeated: no proxy of the environment is
used, and no redirect is followed. Holds no connection and may be used from several threads.
Not done here: what is asked for (gitea.py, gitea_setup.py), trying again.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote, urlsplit

from reconciler import __version__
from reconciler.errors import ReconcilerError, Retryable, Terminal

if TYPE_CHECKING:
    import httpx

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
MAX_REPLY = 8 * 1024 * 1024
PAGE = 50
MAX_PAGES = 200
_BUSY = frozenset({408, 425, 429})


class NotFound(Terminal):
    """The server knows no such thing, or hides it from this token."""


class Conflict(Terminal):
    """It is there already, or stands against what is asked."""


class GiteaClient:
    """`url` is that of the server, with its sub-path when it has one; `seconds` bound one request as a whole. Once
    `leaving` says so, nothing more is asked: whoever asks is about to end."""

    def __init__(
        self,
        url: str,
        token: Callable[[], str],
        ca_file: Path | None = None,
        *,
        seconds: float = 20.0,
        leaving: Callable[[], bool] = lambda: False,
    ) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._ca_file = ca_file
        self._seconds = seconds
        self._leaving = leaving
        self._tls: ssl.SSLContext | None = None

    def request(
        self, method: str, path: str, body: Mapping[str, object] | None = None, query: Mapping[str, str] | None = None
    ) -> Json:
        """What the server answers; None when that is nothing. `path` begins after /api/v1, such as "/user".

        Retryable when it is away, slow, busy or broken; NotFound, Conflict or Terminal when it says no.
        """
        return self._ask(method, path, body, query or {})[0]

    def pages(self, path: str, query: Mapping[str, str] | None = None) -> Iterator[Json]:
        """Every item of a list, page by page. Some lists of some versions have no pages and answer alike each time."""
        seen, before = 0, None
        for number in range(1, MAX_PAGES + 1):
            asked = {**(query or {}), "page": str(number), "limit": str(PAGE)}
            found, total = self._ask("GET", path, None, asked)
            if not isinstance(found, list) or not found or found == before:
                return
            yield from found
            seen, before = seen + len(found), found
            if total is not None and seen >= total:
                return

    def _ask(
        self, method: str, path: str, body: Mapping[str, object] | None, query: Mapping[str, str]
    ) -> tuple[Json, int | None]:
        import httpx

        token = _header_value(self._token())
        where = f"{method} {self.url}/api/v1{path}"
        if self._leaving():
            raise Retryable("Gitea is not asked any more, because this process is about to end", where=where)
        headers = {"Authorization": f"token {token}", "Accept": "application/json"}
        headers["User-Agent"] = f"reconciler/{__version__}"
        try:
            with (
                httpx.Client(verify=self._context(), trust_env=False, follow_redirects=False, timeout=10.0) as client,
                client.stream(method, f"{self.url}/api/v1{path}", json=body, params=query, headers=headers) as reply,
            ):
                data = self._read(reply, where)
        except httpx.TimeoutException as error:
            raise Retryable("Gitea did not answer in time", where=where, mend="it is tried again") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _away(str(error).replace(token, "***") or type(error).__name__, where) from error
        if reply.is_success:
            return _decoded(data, where), _total(reply)
        raise _refusal(reply.status_code, _said(data).replace(token, "***"), _moved_to(reply), where)

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            try:
                self._tls = ssl.create_default_context(cafile=self._ca_file)
            except OSError as error:
                raise Terminal(
                    f"the certificates can't be read ({error.strerror or 'no certificate in it'})",
                    where=str(self._ca_file),
                    mend="name a file of certificates in PEM with gitea.ca_file",
                ) from error
        return self._tls

    def _read(self, reply: httpx.Response, where: str) -> bytes:
        """The body. httpx bounds each read; this bounds them all together."""
        deadline = time.monotonic() + self._seconds
        data = bytearray()
        for chunk in reply.iter_bytes():
            data += chunk
            if len(data) > MAX_REPLY:
                raise Terminal(f"Gitea's answer is over {MAX_REPLY // 1024**2} MB", where=where)
            if time.monotonic() > deadline:
                raise Retryable("Gitea did not answer in time", where=where, mend="it is tried again")
        return bytes(data)


def path_of(*parts: str) -> str:
    """A path of these parts, each quoted: a branch may hold slashes."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def at(value: Json, *names: str) -> Json:
    """What an answer holds below these names; None when it is not there."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def text_at(value: Json, *names: str) -> str:
    """A text of an answer; "" when there is none."""
    found = at(value, *names)
    return found if isinstance(found, str) else ""


def number_at(value: Json, *names: str) -> int:
    """A whole number of an answer; 0 when there is none."""
    found = at(value, *names)
    return found if isinstance(found, int) else 0


def _header_value(token: str) -> str:
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        mend = "write the token alone, on one line, to where gitea.token says"
        raise Terminal("what is found there is no token of Gitea", where="gitea.token", mend=mend)
    return token


def _decoded(data: bytes, where: str) -> Json:
    if not data.strip():
        return None
    try:
        value: Json = json.loads(data)
    except (ValueError, RecursionError) as error:
        mend = "gitea.url must be the address of Gitea itself, such as https://gitea.example"
        raise Terminal("the answer is no JSON: this is not the API of Gitea", where=where, mend=mend) from error
    return value


def _total(reply: httpx.Response) -> int | None:
    count = reply.headers.get("X-Total-Count", "")
    return int(count) if count.isascii() and count.isdigit() else None


def _said(data: bytes) -> str:
    """The server's own reason, on one line."""
    try:
        answer: Json = json.loads(data)
    except (ValueError, RecursionError):
        return ""
    text = text_at(answer, "message") or text_at(answer, "error")
    return " ".join(text.split())[:300]


def _moved_to(reply: httpx.Response) -> str:
    """Where a redirect leads, without its query; "" when it is none."""
    if not reply.has_redirect_location:
        return ""
    found = urlsplit(reply.headers["Location"])
    return f"{found.scheme}://{found.hostname}{found.path}" if found.hostname else found.path


def _refusal(status: int, said: str, moved: str, where: str) -> ReconcilerError:
    words = f": {said}" if said else ""
    if moved:
        mend = "set gitea.url and gitea.repository to where they are now; redirects are not followed"
        return Terminal(f"Gitea redirects to {moved}", where=where, mend=mend)
    if status >= 500 or status in _BUSY:
        busy = "is busy" if status in _BUSY else "has a fault"
        return Retryable(f"Gitea {busy} ({status}{words})", where=where, mend="it is tried again")
    match status:
        case 401:
            mend = "make an access token in Gitea (Settings, Applications) and put it where gitea.token says"
            return Terminal(f"Gitea does not take the token{words}", where=where, mend=mend)
        case 403:
            mend = "give the token read and write for repository and issue, and its user write access to the repository"
            return Terminal(f"the token may not do that{words}", where=where, mend=mend)
        case 404:
            mend = "look at gitea.url and gitea.repository, and whether the token's user can see the repository"
            return NotFound(f"Gitea knows nothing there, or hides it from this token{words}", where=where, mend=mend)
        case 409:
            return Conflict(f"Gitea has something else there{words}", where=where)
        case 422:
            return Terminal(f"Gitea does not accept that{words}", where=where)
    return Terminal(f"Gitea answers {status}{words}", where=where)


def _away(reason: str, where: str) -> Retryable:
    if "CERTIFICATE" in reason.upper():
        return Retryable(
            f"Gitea's certificate is not trusted ({reason})", where=where, mend="name its authority in gitea.ca_file"
        )
    return Retryable(f"Gitea can't be reached ({reason})", where=where, mend="is it running? It is tried again")
