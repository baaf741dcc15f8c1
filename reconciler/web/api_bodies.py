"""What actions take and give. Not done here: the actions (api_act.py)."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal

from pydantic import BeforeValidator
from pydantic import Field as Limit

from reconciler.web.api_plan import PlanAnswer
from reconciler.web.api_shape import Format, Many, Name, Shape, words_of


def _whole(value: object) -> object:
    """In JSON 2.0 is a whole number too."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Fingerprint = Annotated[str, Limit(pattern=r"^[0-9a-f]{32}$", description="What the dry form gave.")]


class Action(Enum):
    APPLY = "apply"
    PAUSE = "pause"
    RESUME = "resume"
    ROLLBACK = "rollback"
    RETRY = "retry"


class PlanBody(Shape):
    """`wizards`: only these; all when there are none. The allowances lift the fleet's policy for this one plan."""

    wizards: Annotated[Many[Name], Limit(max_length=1000)] = ()
    allow_delete: Annotated[Many[Name], Limit(max_length=1000)] = ()
    allow_restarts: Annotated[int, Limit(ge=0, le=1000), BeforeValidator(_whole)] = 0
    reread: bool = False


class ApplyBody(PlanBody):
    """Without `fingerprint` this is the dry form."""

    fingerprint: Fingerprint | None = None


class PauseBody(Shape):
    """Without `fingerprint` this is the dry form."""

    reason: Annotated[str, Limit(max_length=500)] = ""
    fingerprint: Fingerprint | None = None


class ActBody(Shape):
    """Without `fingerprint` this is the dry form."""

    fingerprint: Fingerprint | None = None


class RetryBody(Shape):
    """`wizards`: all that failed here when there are none. Without `fingerprint` this is the dry form."""

    wizards: Annotated[Many[Name], Limit(max_length=1000)] = ()
    fingerprint: Fingerprint | None = None


class ShownAnswer(Shape):
    """The dry form: what would be done. Send the same again with `fingerprint` to do exactly this. `plan` is null when
    none can be made; `trouble` says why then."""

    format: Format
    action: Annotated[str, words_of(Action)]
    dry: Literal[True]
    fingerprint: str
    plan: PlanAnswer | None
    trouble: str


class DoneAnswer(Shape):
    """It is done, or asked for: the trigger of the pass that does it ends in [ticket]; see /api/v1/now."""

    format: Format
    action: Annotated[str, words_of(Action)]
    dry: Literal[False]
    done: bool
    ticket: str | None
    commit: str
