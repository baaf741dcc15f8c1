"""What people read of a plan, kept as snapshots: a change of wording is a decision."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from reconciler.render.plan_json import plan_json
from reconciler.render.plan_markdown import plan_markdown
from reconciler.render.plan_text import plan_text
from tests.render import plans


@pytest.mark.parametrize("name", plans.ALL)
def test_text(name: str, snapshot: SnapshotAssertion) -> None:
    assert plan_text(plans.ALL[name]) == snapshot


@pytest.mark.parametrize("name", ["first", "secret", "drifted"])
def test_verbose_text(name: str, snapshot: SnapshotAssertion) -> None:
    assert plan_text(plans.ALL[name], verbose=True) == snapshot


@pytest.mark.parametrize("name", plans.ALL)
def test_markdown(name: str, snapshot: SnapshotAssertion) -> None:
    assert plan_markdown(plans.ALL[name]) == snapshot


@pytest.mark.parametrize("name", ["secret", "waiting", "refused"])
def test_json(name: str, snapshot: SnapshotAssertion) -> None:
    assert plan_json(plans.ALL[name]) == snapshot


def test_colour(snapshot: SnapshotAssertion) -> None:
    assert plan_text(plans.PORT_CHANGE, colour=True).replace("\x1b", "ESC") == snapshot
