"""A plan as the API shows it: the shape of render/plan_json.py, held by types."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import JsonValue

from reconciler.plan.change import Action, Cause, Disposition, Plan
from reconciler.render.plan_json import plan_document
from reconciler.web.api_shape import Commit, Format, Many, Shape, words_of


class Reason(Shape):
    cause: Annotated[str, words_of(Cause)]
    text: str


class KnownValue(Shape):
    value: JsonValue


class SecretValue(Shape):
    """A secret: only whether it changes."""

    secret: Literal[True]
    changed: bool


class Field(Shape):
    """One value before and after; null where it is absent."""

    path: Many[str]
    name: str
    before: KnownValue | SecretValue | None
    after: KnownValue | SecretValue | None
    cause: Annotated[str, words_of(Cause)]


class Change(Shape):
    """One difference. `obstacle` says why it is held or blocked, and the mend."""

    key: str
    wizard: str | None
    action: Annotated[str, words_of(Action)]
    sign: str
    title: str
    disposition: Annotated[str, words_of(Disposition)]
    obstacle: str
    reasons: Many[Reason]
    fields: Many[Field]


class Refusal(Shape):
    """Why the whole plan may not be applied, and what lifts that."""

    what: str
    mend: str


class Unmanaged(Shape):
    """Keys of a file that belong to the agent."""

    key: str
    paths: Many[str]


class PlanAnswer(Shape):
    """What one pass would do. `summary` counts changes by action, and those that are held or blocked."""

    format: Format
    host: str
    commit: Commit
    wizards: Many[str]
    refused: bool
    summary: dict[str, int]
    changes: Many[Change]
    refusals: Many[Refusal]
    warnings: Many[str]
    unmanaged: Many[Unmanaged]
    quarantined: dict[str, str]
    unenforced: Many[str]


def plan_answer(plan: Plan) -> PlanAnswer:
    return PlanAnswer.model_validate(plan_document(plan))
