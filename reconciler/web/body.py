"""The body of a request, read within a size and a time.

Not done here: what it says. A sender who is only a little over the size is heard out, and nothing of it kept, because
closing at once would often destroy our answer on its way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.types import Receive

from reconciler.web.counts import Outcome
from reconciler.web.refusal import RefusedRequest

HEARD_OUT = 4
"""Times the limit up to which a sender is heard out."""


async def read_body(headers: Mapping[str, str], receive: Receive, limit: int, seconds: float) -> bytes:
    """All of it. Raises RefusedRequest: 413 over `limit` bytes, 408 after `seconds`, 400 when it ended early."""
    declared = _declared(headers)
    if declared > limit * HEARD_OUT:
        raise _too_large(limit, unread=True)
    try:
        async with asyncio.timeout(seconds):
            body = await _read(receive, limit)
    except TimeoutError:
        words = f"the request's body did not arrive within {seconds:g} s"
        raise RefusedRequest(408, Outcome.TOO_SLOW, words, unread=True) from None
    if len(body) < declared:
        raise RefusedRequest(400, Outcome.TRUNCATED, "the request ended before its body did", unread=True)
    return body


async def _read(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedRequest(400, Outcome.TRUNCATED, "the request ended before its body did", unread=True)
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            parts.clear()
        else:
            parts.append(part)
        more = bool(message.get("more_body", False))
        if size > limit and (not more or size > limit * HEARD_OUT):
            raise _too_large(limit, unread=more)
        if not more:
            return b"".join(parts)


def _declared(headers: Mapping[str, str]) -> int:
    """The length that the sender announced, 0 when none. The server has refused what is no number."""
    text = headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def _too_large(limit: int, *, unread: bool) -> RefusedRequest:
    return RefusedRequest(413, Outcome.TOO_LARGE, f"the request's body is over {limit} bytes", unread=unread)
