"""Requests to gateways on this host, with a bound on the whole time and the whole size.

Only loopback addresses are asked, so that a wizard's key can't leave the host by a mistyped address. Built on the
standard library: httpx costs 330 ms to import. Not done here: what a reply means.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import socket
import time
from collections.abc import Mapping
from contextlib import closing
from urllib.parse import SplitResult, urlsplit

from reconciler.protocols.http import Reply

MAX_BODY = 1024 * 1024
_CHUNK = 65536


class LoopbackHttp:
    """See `protocols.http.Http`. Holds no connection and may be used from several threads."""

    def request(
        self,
        method: str,
        url: str,
        *,
        bearer: str | None = None,
        body: Mapping[str, object] | None = None,
        seconds: float = 5.0,
    ) -> Reply:
        deadline = time.monotonic() + seconds
        try:
            parts = urlsplit(url)
            connection = _Connection(_address(parts), parts.port or 80, deadline)
            with closing(connection):
                target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                payload = None if body is None else json.dumps(body).encode()
                connection.request(method, target, payload, _headers(bearer, payload))
                with connection.getresponse() as response:
                    return Reply(response.status, _body(response))
        except TimeoutError:
            return Reply(0, f"no answer within {seconds:g} s")
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Reply(0, _reason(error))


class _DeadlineSocket(socket.socket):
    """A socket whose reads together end at one moment: a server that drips a byte a second can't hold us."""

    deadline = 0.0

    def recv_into(self, *args: object, **kwargs: object) -> int:
        self.settimeout(_left(self.deadline))
        return super().recv_into(*args, **kwargs)  # type: ignore[arg-type]


class _Connection(http.client.HTTPConnection):
    def __init__(self, host: str, port: int, deadline: float) -> None:
        super().__init__(host, port)
        self._deadline = deadline

    def connect(self) -> None:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        sock = _DeadlineSocket(family, socket.SOCK_STREAM)
        self.sock = sock
        sock.deadline = self._deadline
        sock.settimeout(_left(self._deadline))
        sock.connect((self.host, self.port))


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _address(parts: SplitResult) -> str:
    host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname or ""
    if parts.scheme != "http" or not ipaddress.ip_address(host).is_loopback:
        raise ValueError("only http:// to an address of this host is asked")
    return host


def _headers(bearer: str | None, payload: bytes | None) -> dict[str, str]:
    headers = {"Accept": "application/json", "Connection": "close"}
    if bearer is not None:
        headers["Authorization"] = f"Bearer {bearer}"
    if payload is not None:
        headers["Content-Type"] = "application/json"
    return headers


def _body(response: http.client.HTTPResponse) -> str:
    chunks, size = [], 0
    while chunk := response.read1(_CHUNK):
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_BODY:
            break
    return b"".join(chunks)[:MAX_BODY].decode("utf-8", "replace")


def _reason(error: Exception) -> str:
    """Never the request: its headers hold a key."""
    match error:
        case ConnectionRefusedError():
            return "nothing listens there"
        case http.client.RemoteDisconnected() | ConnectionResetError():
            return "the connection was closed without an answer"
        case http.client.HTTPException():
            return f"this is no HTTP answer ({type(error).__name__})"
        case OSError():
            return error.strerror or type(error).__name__
        case ValueError() if "only http" in str(error):
            return str(error)
    return f"the request can't be made ({type(error).__name__})"
