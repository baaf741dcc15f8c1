"""Wakes the daemon of this host as the forge would: one signed delivery to its webhook, bounded in time.

Not done here: what the daemon does with it.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import uuid
from contextlib import closing

SECONDS = 3.0
_WEBHOOK = "/webhook/gitea"
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, never bound


def wake(bind: str, secret: str | None, repository: str, push: tuple[str, str, str]) -> str:
    """Tells the daemon at the address of a push (ref, commit before, commit after). Returns why that failed, "" when it
    did not; never raises for what the other side does."""
    host, _, port = bind.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    ref, before, after = push
    body = json.dumps({"ref": ref, "before": before, "after": after, "repository": {"full_name": repository}}).encode()
    headers = {"Content-Type": "application/json", "X-Gitea-Event": "push", "X-Gitea-Delivery": str(uuid.uuid4())}
    if secret is not None:
        headers["X-Gitea-Signature"] = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    try:
        connection = http.client.HTTPConnection(_EVERYWHERE.get(host, host), int(port), timeout=SECONDS)
        with closing(connection):
            connection.request("POST", _WEBHOOK, body, headers)
            with connection.getresponse() as reply:
                said = reply.read1(1000).decode("utf-8", "replace")
    except TimeoutError:
        return f"it did not answer within {SECONDS:g} s"
    except ConnectionRefusedError:
        return f"nothing listens on {bind}"
    except (OSError, http.client.HTTPException) as error:
        return f"{bind} can't be reached ({error})"
    return (
        "" if reply.status == 202 and not said.startswith("ignored") else f"it answered {reply.status} {said.strip()}"
    )
