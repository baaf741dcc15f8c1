"""Webhooks as Gitea sends them: signed, one after the other, from a thread of their own, and not tried again."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import threading
import uuid
from dataclasses import dataclass
from queue import Queue
from urllib.parse import urlsplit

from tests.forge.state import Hook

SECONDS = 5.0
"""As Gitea's DELIVER_TIMEOUT."""


@dataclass(frozen=True)
class Delivery:
    """A request that was sent, and what came back: `status` is 0 when nothing did."""

    id: str
    url: str
    event: str
    type: str
    body: bytes
    status: int
    answer: str


def wants(hook: Hook, kind: str) -> bool:
    """`pull_request` in a hook's events stands for all that begin so; a comment on a pull request is one of them.
    `pull_request_only` is what it says."""
    asked = set(hook.events)
    only = kind == "pull_request" and "pull_request_only" in asked
    return hook.active and (kind in asked or only or (kind.startswith("pull_request") and "pull_request" in asked))


def headers(event: str, kind: str, body: bytes, secret: str, delivery: str) -> dict[str, str]:
    """`event` is what X-Gitea-Event says (`pull_request`), `kind` the finer X-Gitea-Event-Type."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() if secret else ""
    weak = hmac.new(secret.encode(), body, hashlib.sha1).hexdigest() if secret else ""
    found = {"User-Agent": "Go-http-client/1.1", "Content-Type": "application/json", "Accept-Encoding": "gzip"}
    for brand in ("GitHub", "Gitea", "Gogs"):
        found |= {f"X-{brand}-Delivery": delivery, f"X-{brand}-Event": event, f"X-{brand}-Event-Type": kind}
    found |= {"X-Gitea-Signature": digest, "X-Gogs-Signature": digest}
    return found | {"X-Hub-Signature": f"sha1={weak}", "X-Hub-Signature-256": f"sha256={digest}"}


class Sender:
    """Sends what is put into it; `done` holds every delivery, oldest first."""

    def __init__(self) -> None:
        self.done: list[Delivery] = []
        self._queue: Queue[tuple[Hook, str, str, bytes] | None] = Queue()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def put(self, hook: Hook, event: str, kind: str, payload: dict[str, object]) -> None:
        self._queue.put((hook, event, kind, json.dumps(payload, indent=2).encode()))

    def settle(self) -> None:
        """Waits until all that was put in has been sent and answered."""
        self._queue.join()

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            try:
                self.done.append(send(*job))
            finally:
                self._queue.task_done()


def send(hook: Hook, event: str, kind: str, body: bytes, delivery: str = "") -> Delivery:
    """One request, now; `delivery` sends an earlier one again under its own id."""
    url, name = hook.config["url"], delivery or str(uuid.uuid4())
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=SECONDS)
    try:
        said = headers(event, kind, body, hook.config.get("secret", ""), name)
        connection.request("POST", parts.path or "/", body, said)
        with connection.getresponse() as reply:
            return Delivery(name, url, event, kind, body, reply.status, reply.read(65536).decode("utf-8", "replace"))
    except (OSError, http.client.HTTPException) as error:
        return Delivery(name, url, event, kind, body, 0, str(error))
    finally:
        connection.close()
