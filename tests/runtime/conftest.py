from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.stage import MemoryStage, Stage, SupervisordStage


@pytest.fixture(params=["memory", pytest.param("supervisord", marks=pytest.mark.system)])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    made: Stage = MemoryStage() if request.param == "memory" else SupervisordStage(tmp_path)
    yield made
    made.close()


@pytest.fixture
def real(tmp_path: Path) -> Iterator[SupervisordStage]:
    made = SupervisordStage(tmp_path)
    yield made
    made.close()
