"""The API: every operation, and the routes that lead to them.

`api_routes` is all that others need; give `problem_face` of api_problem.py to `create_app` for "/api/". Not done here:
what an operation does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from reconciler.engine.daemon import Daemon
from reconciler.errors import ReconcilerError
from reconciler.web import api_history, api_host, api_ports, api_wizard
from reconciler.web.api_access import may_change, may_read
from reconciler.web.api_act import Actions
from reconciler.web.api_bodies import (
    ActBody,
    ApplyBody,
    DoneAnswer,
    PauseBody,
    PlanBody,
    RetryBody,
    ShownAnswer,
)
from reconciler.web.api_history import PassAnswer, PassesAnswer, TimelineAnswer
from reconciler.web.api_host import NowAnswer, QueueAnswer
from reconciler.web.api_operation import Asked, Number, Operation, guarded_json, read
from reconciler.web.api_plan import PlanAnswer
from reconciler.web.api_ports import PortsAnswer, ServicesAnswer
from reconciler.web.api_problem import ApiProblem, problem_face
from reconciler.web.api_shape import Shape
from reconciler.web.api_status import HostAnswer, LogAnswer, WizardAnswer, WizardsAnswer
from reconciler.web.app import Problem
from reconciler.web.refusal import RefusedRequest
from reconciler.web.session import Access

BEGINNING = "/api/"
ROOT = "/api/v1"
DOCUMENT = f"{ROOT}/openapi.json"
LOOKS = 2
"""Plans that are made at once, however many are asked for."""
_LIMIT = Number("limit", 50, 1, 500, "how many to give")
_BEFORE = Number("before", 0, 0, 10**15, "only those with a smaller id, which is the next page; 0 for the newest")
_LINES = Number("lines", 100, 1, 1000, "how many lines to give")
_ACTS: Mapping[int, type[Shape]] = {200: ShownAnswer, 202: DoneAnswer}
_WIZARD = "/wizards/{name}"


def operations() -> tuple[Operation, ...]:
    """All of them, in the order of the document."""
    return (*_readings(), *_actions(Actions()))


def _readings() -> tuple[Operation, ...]:
    one, two = api_host, api_wizard
    first = (503,)
    named = (404, 503)
    return (
        Operation("/host", "host", "The host, as status.json", {200: HostAnswer}, one.host, problems=first),
        Operation("/wizards", "wizards", "All wizards", {200: WizardsAnswer}, one.wizards, problems=first),
        Operation(_WIZARD, "wizard", "One wizard", {200: WizardAnswer}, two.wizard, problems=named),
        Operation(
            f"{_WIZARD}/timeline",
            "timeline",
            "What happened to a wizard, page by page",
            {200: TimelineAnswer},
            two.timeline,
            (_LIMIT, _BEFORE),
            problems=named,
        ),
        Operation(
            f"{_WIZARD}/log", "log", "The end of a wizard's log", {200: LogAnswer}, two.log, (_LINES,), problems=named
        ),
        Operation("/plan", "plan", "What the last pass left to do", {200: PlanAnswer}, one.pending, problems=first),
        Operation(
            "/passes", "passes", "Passes, page by page", {200: PassesAnswer}, api_history.passes, (_LIMIT, _BEFORE)
        ),
        Operation("/passes/{id}", "pass", "One pass", {200: PassAnswer}, api_history.one_pass, problems=(404,)),
        Operation("/ports", "ports", "Leased ports", {200: PortsAnswer}, api_ports.ports, problems=first),
        Operation("/services", "services", "Services", {200: ServicesAnswer}, api_ports.services, problems=first),
        Operation("/queue", "queue", "What waits to be done", {200: QueueAnswer}, one.queue),
        Operation("/now", "now", "The pass that runs now", {200: NowAnswer}, one.now),
    )


def _actions(acts: Actions) -> tuple[Operation, ...]:
    act = partial(Operation, problems=(404, 409, 422, 503))
    return (
        act("/plan", "make-plan", "Plan now", {200: ShownAnswer}, acts.plan, body=PlanBody),
        act("/apply", "apply", "Apply what was shown", _ACTS, acts.apply, body=ApplyBody),
        act("/retry", "retry", "Try again what failed", _ACTS, acts.retry, body=RetryBody),
        act(f"{_WIZARD}/pause", "pause", "Leave a wizard as it is", _ACTS, acts.pause, body=PauseBody),
        act(f"{_WIZARD}/resume", "resume", "End a pause", _ACTS, acts.resume, body=ActBody),
        act(f"{_WIZARD}/rollback", "rollback", "Back to its last generation", _ACTS, acts.rollback, body=ActBody),
        act(f"{_WIZARD}/retry", "retry-wizard", "Try one wizard again", _ACTS, acts.retry_one, body=ActBody),
    )


def api_routes(daemon: Daemon, access: Callable[[], Access]) -> list[BaseRoute]:
    """`access` is asked at each request, because settings can be read again."""
    from reconciler.web.openapi import document_route

    every = operations()
    looks = CapacityLimiter(LOOKS)
    made: dict[str, dict[str, Operation]] = {}
    for operation in every:
        made.setdefault(operation.path, {})[operation.method] = operation
    routes: list[BaseRoute] = [document_route(DOCUMENT, every, access)]
    for path, by_method in made.items():
        endpoint = _endpoint(daemon, access, by_method, looks)
        routes.append(Route(f"{ROOT}{path}", endpoint, methods=sorted(by_method)))
    return routes


def _endpoint(
    daemon: Daemon, access: Callable[[], Access], by_method: dict[str, Operation], looks: CapacityLimiter
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        operation = by_method["GET" if request.method == "HEAD" else request.method]
        try:
            (may_read if operation.body is None else may_change)(access(), request.headers)
            asked = await read(operation, request)
            limiter = looks if operation.body is not None else None
            return await to_thread.run_sync(_called, daemon, operation, asked, limiter=limiter)
        except ApiProblem as problem:
            return problem.response()
        except RefusedRequest as refused:
            response = problem_face(request, Problem(refused.status, refused.words))
            if refused.unread:
                response.headers["connection"] = "close"
            return response
        except ReconcilerError as error:
            return ApiProblem.of(error).response()

    return endpoint


def _called(daemon: Daemon, operation: Operation, asked: Asked) -> Response:
    answer: Shape = operation.call(daemon, asked)
    body = guarded_json(answer, daemon.host.secrets.redact)
    return Response(body, operation.status(answer), media_type="application/json")
