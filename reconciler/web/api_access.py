"""Who may read and who may change something over the API, by `Authorization: Bearer TOKEN`.

A page of somebody else's can't make a browser send that header, so requests with it can't be forged. Not done here: the
dashboard's sessions (session.py).
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.web.api_problem import ApiProblem
from reconciler.web.app import Problem
from reconciler.web.session import Access, same

_NONE = "nothing can be changed over the web, because no token is set"
_MEND = "set web.token in the settings"
_SAY = "send Authorization: Bearer and the token of web.token"


def may_read(access: Access, headers: Mapping[str, str]) -> None:
    """Raises ApiProblem, 401, when reading needs the token and it is not shown."""
    if access.reading and not shown(access, headers):
        raise ApiProblem(Problem(401, "reading needs the token", mend=_SAY))


def may_change(access: Access, headers: Mapping[str, str]) -> None:
    """Raises ApiProblem, 401 for no or a wrong token, 403 when there is none that could be shown."""
    if not access.token:
        raise ApiProblem(Problem(403, _NONE, mend=_MEND))
    if not shown(access, headers):
        raise ApiProblem(Problem(401, "changing something needs the token", mend=_SAY))


def shown(access: Access, headers: Mapping[str, str]) -> bool:
    """Whether the headers show the token."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    return bool(access.token) and scheme.lower() == "bearer" and same(given.strip(), access.token)
