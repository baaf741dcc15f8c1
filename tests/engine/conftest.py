from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Three wizards that run as they are declared."""
    made = Site(tmp_path)
    made.push()
    made.settle()
    return made
