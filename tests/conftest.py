"""Order for the whole suite: with several processes the long files begin first, so that none of them ends alone."""

from __future__ import annotations

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Real gateways first, then other real processes; the random order stays within each."""
    items.sort(key=_weight)


def _weight(item: pytest.Item) -> int:
    if item.get_closest_marker("hermes"):
        return 0
    return 1 if item.get_closest_marker("system") else 2
