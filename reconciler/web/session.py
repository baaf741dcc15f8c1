"""Who may do what over the web: the token, sessions of browsers, and what shows that a form is ours.

A session is a random name in a cookie; we keep only its digest, in memory, so all of them end with the process.
Not done here: pages, and the bearer tokens of the API.
"""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import ip_address, ip_network
from threading import Lock
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

COOKIE = "reconciler_session"
LIFE_SECONDS = 12 * 3600.0
SESSIONS = 100
"""Sessions at once; the oldest ends when there are more."""
FREE_TRIES = 5
"""Wrong tokens from one address before it has to wait."""
LONGEST_WAIT = 300.0
ADDRESSES = 1000
"""Addresses whose wrong tries are remembered."""
_SAFE = frozenset({"same-origin", "none"})


@dataclass(frozen=True, slots=True)
class Access:
    """`token` is what has to be shown for actions, "" when the settings name none: then there are none. `reading`:
    looking needs it too, because others can reach the address. `url`: how people reach the pages, "" when not set."""

    token: str = ""
    reading: bool = False
    url: str = ""

    @property
    def secure(self) -> bool:
        return self.url.startswith("https:")


@dataclass(frozen=True, slots=True)
class Session:
    """`proof` stands in every form of the session; nobody else can know it."""

    until: float
    proof: str


@dataclass
class _Tries:
    count: int = 0
    until: float = 0.0


@dataclass
class Sessions:
    """Safe to use from many threads. `now` is a monotonic clock in seconds."""

    access: Access
    now: Callable[[], float]
    _open: OrderedDict[str, Session] = field(default_factory=OrderedDict)
    _tries: OrderedDict[str, _Tries] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def login(self, token: str) -> str | None:
        """The name of a new session; None when it is not the token."""
        if not self.access.token or not same(token, self.access.token):
            return None
        name = secrets.token_urlsafe(32)
        with self._lock:
            self._open[_digest(name)] = Session(self.now() + LIFE_SECONDS, secrets.token_urlsafe(32))
            while len(self._open) > SESSIONS:
                self._open.popitem(last=False)
        return name

    def of(self, request: HTTPConnection) -> Session | None:
        name = request.cookies.get(COOKIE, "")
        with self._lock:
            found = self._open.get(_digest(name)) if name else None
        return found if found is not None and self.now() < found.until else None

    def logout(self, request: HTTPConnection) -> None:
        with self._lock:
            self._open.pop(_digest(request.cookies.get(COOKIE, "")), None)

    def may_read(self, request: HTTPConnection) -> bool:
        return not self.access.reading or self.of(request) is not None

    # Guessing is slow

    def wait(self, address: str) -> float:
        """Seconds that this address has to wait before its next try; 0 when it may try now."""
        with self._lock:
            tries = self._tries.get(_network(address))
            return max(0.0, tries.until - self.now()) if tries else 0.0

    def wrong(self, address: str) -> None:
        with self._lock:
            network = _network(address)
            tries = self._tries.setdefault(network, _Tries())
            self._tries.move_to_end(network)
            tries.count += 1
            if tries.count >= FREE_TRIES:
                tries.until = self.now() + min(LONGEST_WAIT, 2.0 ** min(tries.count - FREE_TRIES, 20))
            while len(self._tries) > ADDRESSES:
                self._tries.popitem(last=False)

    def right(self, address: str) -> None:
        with self._lock:
            self._tries.pop(_network(address), None)

    # Cookies

    def set_cookie(self, response: Response, name: str) -> None:
        life = int(LIFE_SECONDS)
        response.set_cookie(COOKIE, name, life, path="/", secure=self.access.secure, httponly=True, samesite="strict")

    def drop_cookie(self, response: Response) -> None:
        response.delete_cookie(COOKIE, path="/", secure=self.access.secure, httponly=True, samesite="strict")


def same(given: str, wanted: str) -> bool:
    """Compared in a time that tells nothing, not even a length."""
    key = b"reconciler"
    return hmac.compare_digest(*(hmac.digest(key, text.encode("utf-8", "replace"), sha256) for text in (given, wanted)))


def from_here(request: HTTPConnection, access: Access) -> bool:
    """Whether a browser sent this from one of our own pages. What says nothing about itself is no browser that could
    have been tricked, and is left to the session's proof."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in _SAFE
    origin = request.headers.get("origin")
    if origin is None:
        return True
    host = request.headers.get("host", "")
    return bool(host) and urlsplit(origin).netloc in {host, urlsplit(access.url).netloc or host}


def _digest(name: str) -> str:
    return sha256(name.encode("utf-8", "replace")).hexdigest()


def _network(address: str) -> str:
    """Who owns an address of IPv6 owns 2^64 of them."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((ip, 64), strict=False)) if ip.version == 6 else str(ip)
