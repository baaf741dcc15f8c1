"""From the bytes of a delivery to a JSON object: content type, character set, form, JSON.

Gitea and Forgejo sign the JSON text in a form, not the form, so the text is given out before it is parsed.
Not done here: signatures, and what the object means.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from urllib.parse import parse_qsl

from reconciler.web.counts import Outcome
from reconciler.web.refusal import RefusedRequest

DEPTH = 64
"""Arrays and objects inside each other; a delivery has six."""
UTF_8 = frozenset({"utf-8", "utf8"})


class Form(Enum):
    JSON = "application/json"
    FIELDS = "application/x-www-form-urlencoded"


def form_of(headers: Mapping[str, str]) -> Form:
    """What the headers announce. Raises RefusedRequest, 415 and 400."""
    kind, *parameters = headers.get("content-type", "").lower().split(";")
    if kind.strip() not in {form.value for form in Form}:
        raise RefusedRequest(415, Outcome.TYPE, "the content type must be application/json", unread=True)
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise RefusedRequest(415, Outcome.TYPE, "the body must not be compressed", unread=True)
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in UTF_8:
            raise RefusedRequest(400, Outcome.CHARSET, "the character set must be UTF-8", unread=True)
    return Form(kind.strip())


def text_of(form: Form, body: bytes) -> bytes:
    """The JSON text: the body itself, or the form's one field `payload`. Raises RefusedRequest, 400."""
    match form:
        case Form.JSON:
            return body
        case Form.FIELDS:
            return _field(body)


def _field(body: bytes) -> bytes:
    try:
        fields = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=16)
    except UnicodeDecodeError:
        raise _charset() from None
    except ValueError:
        raise _unreadable("the form has too many fields") from None
    found = [value for name, value in fields if name == "payload"]
    if len(found) != 1:
        raise _unreadable("the form must have one field named payload")
    return found[0].encode("utf-8")


def object_of(text: bytes) -> Mapping[str, object]:
    """The JSON object. Raises RefusedRequest, 400."""
    try:
        plain = text.decode("utf-8")
    except UnicodeDecodeError:
        raise _charset() from None
    try:
        found = json.loads(plain, parse_constant=_no_number)
    except RecursionError:
        raise _unreadable("the JSON is nested too deeply") from None
    except ValueError:
        raise _unreadable("the body is not JSON") from None
    if not isinstance(found, dict):
        raise _unreadable("the JSON is not an object")
    if _deeper(found, DEPTH):
        raise _unreadable("the JSON is nested too deeply")
    return found


def _deeper(value: object, depth: int) -> bool:
    """Whether it is nested more than `depth` deep; level by level, so that no depth can exhaust our own stack."""
    level: list[object] = [value]
    for _ in range(depth + 1):
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        level = [item for item in below if isinstance(item, (dict, list))]
        if not level:
            return False
    return True


def _no_number(name: str) -> object:
    raise ValueError(name)


def _charset() -> RefusedRequest:
    return RefusedRequest(400, Outcome.CHARSET, "the body is not UTF-8")


def _unreadable(words: str) -> RefusedRequest:
    return RefusedRequest(400, Outcome.UNREADABLE, words)
