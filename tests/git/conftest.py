from __future__ import annotations

from pathlib import Path

import pytest

from tests.git.upstream import Upstream


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    """An empty remote."""
    return Upstream(tmp_path / "upstream.git")
