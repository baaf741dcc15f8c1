"""A form as browsers send it, read within a size and a time, and handed to a page in a thread of its own.

Not done here: whether the form is ours (session.py).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from reconciler.web.body import read_body
from reconciler.web.pages_shell import Shell
from reconciler.web.refusal import RefusedRequest

LARGEST = 16 * 1024
SECONDS = 10.0
FIELDS = 20
Form = Mapping[str, str]
Posted = Callable[[Request, Form], Response]


def posting(shell: Shell, page: Posted) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint that reads the form and then runs the page where it may wait."""

    async def endpoint(request: Request) -> Response:
        try:
            body = await read_body(request.headers, request.receive, LARGEST, SECONDS)
        except RefusedRequest as error:
            return shell.message(request, error.status, "Not accepted", (error.words,))
        try:
            form = dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=FIELDS))
        except ValueError:
            return shell.message(request, 400, "Not accepted", ("This is no form of ours.",))
        return await run_in_threadpool(page, request, form)

    return endpoint
