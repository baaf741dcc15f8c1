from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Call, call
from tests.forge.gitea import Gitea
from tests.set_up.place import Place

__all__ = ["call"]


@pytest.fixture
def gitea(tmp_path: Path) -> Iterator[Gitea]:
    with Gitea(tmp_path) as made:
        yield made


@pytest.fixture
def place(gitea: Gitea, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A machine that nothing has been set up on, but for a token of sovereign."""
    monkeypatch.delenv("GITEA_TOKEN", raising=False)
    return Place(gitea, call, tmp_path)
