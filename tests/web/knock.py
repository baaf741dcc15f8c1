"""Requests to the webhook without a socket: recordings of a real Gitea, signing, and what was woken.

`knock` drives an ASGI application directly, so that headers and pieces of a body can be what no HTTP client would send.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from starlette.types import ASGIApp, Message, Scope

from reconciler.protocols.events import Event
from reconciler.web.app import create_app
from reconciler.web.counts import Counts
from reconciler.web.deliveries import Watched
from reconciler.web.webhook import PATH, BodyLimits, Expects, Webhook

SECRET = b"s3cr3t-webhook-key"
RECORDINGS = Path(__file__).parent / "recordings"
Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Recording:
    name: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def shaped(self) -> Headers:
        """The headers as they came, for localhost."""
        return [(name, "localhost" if name == "Host" else value) for name, value in self.headers]


@cache
def recording(name: str) -> Recording:
    found = json.loads((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))
    return Recording(name, tuple(found["headers"].items()), found["body"].encode())


def recordings() -> list[Recording]:
    return [recording(path.stem) for path in sorted(RECORDINGS.glob("*.json"))]


def digest(body: bytes, secret: bytes = SECRET) -> str:
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


def signed(body: bytes, event: str = "push", delivery: str = "", secret: bytes = SECRET) -> Headers:
    """The headers that Gitea would send with the body."""
    found = [("Host", "localhost"), ("Content-Type", "application/json"), ("X-Gitea-Event", event)]
    found += [("X-Gitea-Signature", digest(body, secret)), ("Content-Length", str(len(body)))]
    return [*found, ("X-Gitea-Delivery", delivery)] if delivery else found


def changed(headers: Headers, **values: str | None) -> Headers:
    """With other values for some headers; None takes one out."""
    names = {name.replace("_", "-"): value for name, value in values.items()}
    kept = [(name, value) for name, value in headers if name.lower() not in names]
    return kept + [(name, value) for name, value in names.items() if value is not None]


def push(after: str = "b" * 40, branch: str = "main", repository: str = "sovereign/fleet") -> bytes:
    body = {"ref": f"refs/heads/{branch}", "before": "a" * 40, "after": after, "repository": {"full_name": repository}}
    return json.dumps(body).encode()


@dataclass
class Woken:
    """What the webhook woke, in order; with `breaks`, a push meets a bug behind the door."""

    calls: list[tuple[object, ...]] = field(default_factory=list)
    breaks: Exception | None = None

    def push(self, commit: str, trigger: str) -> None:
        if self.breaks:
            raise self.breaks
        self.calls.append(("push", commit, trigger))

    def pull(self, number: int, trigger: str, head: str) -> None:
        self.calls.append(("pull", number, trigger, head))

    def closed(self, number: int, trigger: str, merged: bool) -> None:
        self.calls.append(("closed", number, trigger, merged))

    def asked(self, number: int, trigger: str) -> None:
        self.calls.append(("asked", number, trigger))


@dataclass
class Door:
    """An application with nothing but the webhook."""

    expects: Expects = field(default_factory=lambda: Expects(Watched("sovereign/fleet", "main"), SECRET))
    limits: BodyLimits = field(default_factory=BodyLimits)
    woken: Woken = field(default_factory=Woken)
    said: list[Event] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        webhook = Webhook(lambda: self.expects, self.woken, self.said.append, self.counts, self.limits)
        hosts = frozenset({"localhost", "127.0.0.1"})
        self.app = create_app(webhook.routes(), lambda: hosts, self.said.append, self.counts)

    def post(self, body: bytes, headers: Headers | None = None) -> Reply:
        return knock(self.app, body, signed(body) if headers is None else headers)

    @property
    def outcomes(self) -> dict[str, int]:
        """How often each outcome was counted, whatever the event."""
        found: dict[str, int] = {}
        for (_, outcome), number in self.counts.taken().items():
            found[outcome] = found.get(outcome, 0) + number
        return found


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    text: str


def knock(
    app: ASGIApp,
    body: bytes | Sequence[bytes] = b"",
    headers: Sequence[tuple[str, str]] = (("Host", "localhost"),),
    method: str = "POST",
    path: str = PATH,
    ends: str = "whole",
) -> Reply:
    """One request. `ends`: "whole", "cut" (the client leaves after the body), "silent" (it waits for ever after it)."""
    parts = [body] if isinstance(body, bytes) else list(body)
    return asyncio.run(_knock(app, _scope(method, path, headers), parts, ends))


def _scope(method: str, path: str, headers: Sequence[tuple[str, str]]) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        "client": ("203.0.113.9", 4711),
        "server": ("127.0.0.1", 9090),
    }


async def _knock(app: ASGIApp, scope: Scope, parts: list[bytes], ends: str) -> Reply:
    sent: list[Message] = []
    waiting = list(parts)

    async def receive() -> Message:
        if waiting:
            part = waiting.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(waiting) or ends != "whole"}
        if ends == "silent":
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = sent[0]
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return Reply(start["status"], headers, b"".join(m.get("body", b"") for m in sent[1:]).decode())
