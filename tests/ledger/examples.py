"""Values for the tests of the ledger and of the plan's JSON, by hand and by Hypothesis."""

from __future__ import annotations

import dataclasses
from typing import Any, get_type_hints

from hypothesis import strategies as st

from reconciler.plan.change import Action, Cause, Change, FieldChange, Operation, Plan, Reason, Refusal, Step
from reconciler.plan.held import Held, Origin, Stored
from reconciler.plan.resource import (
    CodebaseVersion,
    Directory,
    Format,
    KeyedFile,
    OwnedKey,
    Process,
    PypiInstall,
    Symlink,
    TextFile,
)
from reconciler.plan.value import Hidden, Known, SecretRef, known
from reconciler.protocols.ledger import Update

COMMIT = "1a2b3c4d" * 5


class SteppingClock:
    """Each look at it is one second later."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> float:
        self.seconds += 1
        return self.seconds

    def monotonic(self) -> float:
        return self.now()

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def folder(wizard: str, name: str) -> Directory:
    return Directory(f"wizard/{wizard}/directory/{name}", wizard, f"/srv/{wizard}/{name}", 0o700)


def config(wizard: str) -> KeyedFile:
    keys = (
        OwnedKey(("model", "default"), known("qwen2.5:1.5b")),
        OwnedKey(("platforms", "api_server", "extra", "key"), SecretRef("generate", f"{wizard}/API_SERVER_KEY")),
    )
    return KeyedFile(f"wizard/{wizard}/file/config", wizard, f"/srv/{wizard}/config.yaml", 0o600, Format.YAML, keys)


def held(resource: Directory | KeyedFile | TextFile, commit: str = COMMIT) -> Held:
    fields = ((("key", "k"), Hidden("ab" * 32)), (("mode",), known("0700")))
    return Held(resource, Origin.CREATED, fields, commit)


def hold(*items: Held) -> Update:
    return Update(hold=tuple((item.resource.key, item) for item in items))


def change(resource: Directory | KeyedFile | TextFile, *fields: FieldChange) -> Change:
    reasons = (Reason(Cause.CHANGED, "Git declares another value"),)
    return Change(resource.key, resource.wizard, Action.UPDATE, resource, reasons, fields)


def step(resource: Directory | KeyedFile | TextFile, number: int = 1) -> Step:
    return Step(str(number), Operation.EDIT_KEYS, resource.key, resource.wizard)


def _whole(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Every field of the dataclass, those with a default too, but for the `type` that names it."""
    hints = get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind) if field.name != "type"]
    return st.builds(kind, **{name: _few(hints[name]) for name in names})


def _few(hint: Any) -> st.SearchStrategy[Any]:
    """As Hypothesis would, but with short tuples: a plan of a hundred changes tells nothing more than one of two."""
    arguments: tuple[Any, ...] = getattr(hint, "__args__", ())
    if getattr(hint, "__origin__", None) is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return st.lists(_few(arguments[0]), max_size=2).map(tuple)
    if getattr(hint, "__origin__", None) is tuple:
        return st.tuples(*map(_few, arguments))
    return st.from_type(hint)


VALUES: tuple[type[Any], ...] = (Known, Hidden, SecretRef, OwnedKey, PypiInstall, Held, Stored, Update)
RESOURCES: tuple[type[Any], ...] = (Directory, TextFile, KeyedFile, Symlink, CodebaseVersion, Process)
PARTS: tuple[type[Any], ...] = (Reason, FieldChange, Change, Step, Refusal, Plan)
for _kind in (*VALUES, *RESOURCES, *PARTS):
    st.register_type_strategy(_kind, _whole(_kind))


@st.composite
def runnable_plans(draw: st.DrawFn) -> Plan:
    """Plans whose steps could be run in their order."""
    plan = draw(st.from_type(Plan))
    keys = [item.key for item in plan.changes]
    steps: list[Step] = []
    for number in range(draw(st.integers(0, 4)) if keys else 0):
        needs = draw(st.lists(st.sampled_from([s.id for s in steps]), unique=True)) if steps else []
        operation, wizard = draw(st.sampled_from(Operation)), draw(st.none() | st.text())
        steps.append(Step(str(number), operation, draw(st.sampled_from(keys)), wizard, tuple(needs)))
    return dataclasses.replace(plan, steps=tuple(steps))
