"""How many examples the properties of the plan take: PLAN_PROFILE chooses.

plan: the default. mutants: few and always the same, where many mutated copies are run. long: for a night.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

import reconciler

_SHRINKING = 900
"""Seconds that a property may take: Hypothesis itself ends its search for a smaller example after 300."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(_SHRINKING))


_SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
_UNSHRUNK = (Phase.explicit, Phase.generate)
settings.register_profile("plan", max_examples=40, deadline=None, suppress_health_check=_SLOW)
settings.register_profile("long", max_examples=2000, deadline=None, suppress_health_check=_SLOW)
settings.register_profile(
    "mutants",
    max_examples=int(os.environ.get("PLAN_EXAMPLES", "40")),
    deadline=None,
    suppress_health_check=_SLOW,
    phases=_UNSHRUNK,
    derandomize="PLAN_EXAMPLES" not in os.environ,
    database=None,
)
settings.load_profile(os.environ.get("PLAN_PROFILE", "plan"))

# A run over a mutated copy must not find the installed package instead.
if _ROOT := os.environ.get("PLAN_ROOT"):
    assert str(reconciler.__file__).startswith(_ROOT), reconciler.__file__
