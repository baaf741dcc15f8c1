"""What went wrong, as problem+json (RFC 9457): beside title and status the three things that every error here says:
what happened, where, and how to mend it.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from reconciler.errors import ReconcilerError, Refused, Retryable
from reconciler.web.api_shape import Many, Shape
from reconciler.web.app import Problem

MEDIA_TYPE = "application/problem+json"
AGAIN_SECONDS = 5
KINDS = {
    400: "malformed",
    401: "token-needed",
    403: "read-only",
    404: "not-there",
    405: "wrong-method",
    408: "too-slow",
    409: "refused",
    413: "too-large",
    415: "wrong-type",
    422: "invalid",
    503: "not-now",
}


class ProblemAnswer(Shape):
    """An error. `type` is urn:reconciler:problem: and a word; `moved` names what is not any more as it was shown."""

    type: str
    title: str
    status: int
    detail: str
    what: str
    where: str
    mend: str
    moved: Many[str]


class ApiProblem(Exception):
    """Ends a request with an answer that says why."""

    def __init__(self, problem: Problem, kind: str = "", moved: tuple[str, ...] = ()) -> None:
        super().__init__(problem.what)
        self.problem = problem
        self.kind = kind or KINDS.get(problem.status, "problem")
        self.moved = moved

    @classmethod
    def of(cls, error: ReconcilerError, status: int = 0) -> ApiProblem:
        """Our own errors: refused by policy, away for now, or for a person to mend."""
        found = 409 if isinstance(error, Refused) else 503 if isinstance(error, Retryable) else 422
        return cls(Problem(status or found, error.what, error.where, error.mend))

    def response(self) -> Response:
        one = self.problem
        title = HTTPStatus(one.status).phrase
        answer = ProblemAnswer(
            type=f"urn:reconciler:problem:{self.kind}",
            title=title,
            status=one.status,
            detail=f"{one.what} ({one.mend})" if one.mend else one.what,
            what=one.what,
            where=one.where,
            mend=one.mend,
            moved=self.moved,
        )
        return Response(answer.model_dump_json(), one.status, _headers(one.status), MEDIA_TYPE)


def problem_face(request: Request, problem: Problem) -> Response:  # noqa: ARG001 - the shape of web.app.Face
    """How the API shows what the application around it found; to be given to `create_app` for /api/."""
    return ApiProblem(problem).response()


def not_yet() -> ApiProblem:
    what = "no whole pass has been made since the start"
    return ApiProblem(Problem(503, what, mend="ask again in some seconds, or GET /api/v1/now"))


def _headers(status: int) -> Mapping[str, str]:
    match status:
        case 401:
            return {"www-authenticate": 'Bearer realm="reconciler"'}
        case 503:
            return {"retry-after": str(AGAIN_SECONDS)}
        case _:
            return {}
